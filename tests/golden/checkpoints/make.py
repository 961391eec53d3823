#!/usr/bin/env python3
"""Writes odd_zip.pt, odd_legacy.pt and facenet.json with PyTorch itself.

    pip install 'torch==2.2.2' 'facenet-pytorch==2.6.0' && python make.py

(The files here were written with PyTorch 1.13.1 and the class of facenet-pytorch 2.6.0.)

- odd_*.pt: small tensors that are views, transposed, of other types, in both formats;
- facenet.json: names and shapes of InceptionResnetV1's state dict, and the embedding that the class
  gives for weights and a crop which a formula makes, so that a test can make the same ones without
  PyTorch and without a file of 110 MB.
"""
import json

import numpy as np
import torch
from facenet_pytorch import InceptionResnetV1

a = torch.arange(24.0).reshape(2, 3, 4)
odd = {
    "transposed": a.transpose(0, 2), "offset": a[1, 1:], "half": a.half(), "double": a.double(),
    "bfloat16": a.bfloat16(), "long": torch.arange(3), "parameter": torch.nn.Parameter(a),
    "scalar": torch.tensor(3.5), "expanded": torch.ones(1).expand(5), "empty": torch.zeros(0, 3),
}
torch.save(odd, "odd_zip.pt")
torch.save(odd, "odd_legacy.pt", _use_new_zipfile_serialization=False)


def uniform(stream, count):
    """`count` numbers of [0, 1): the upper 24 bits of splitmix64 of (stream << 32) + index."""
    with np.errstate(over="ignore"):
        z = (np.uint64(stream) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(2**24)


def weights(stream, name, shape):
    u = uniform(stream, int(np.prod(shape)))
    centred = u * np.float32(2) - np.float32(1)
    if len(shape) > 1:  # convolution or linear layer: variance 2 / inputs
        v = centred * np.float32(np.sqrt(6 / np.prod(shape[1:])))
    elif name.endswith("conv2d.bias") or name.endswith("logits.bias"):
        v = centred * np.float32(0.1)
    elif name.endswith("bias") or name.endswith("running_mean"):
        v = centred * np.float32(0.2)
    else:  # weight and running_var of a batch normalisation
        v = np.float32(0.5) + u
    return torch.from_numpy(v.reshape(shape))


net = InceptionResnetV1(classify=True, num_classes=10).eval()
state = net.state_dict()
for stream, (name, tensor) in enumerate(state.items()):
    if tensor.dtype == torch.float32:
        state[name] = weights(stream, name, tuple(tensor.shape))
net.load_state_dict(state)
net.classify = False
crop = np.floor(uniform(2**31, 160 * 160 * 3) * np.float32(256)).reshape(1, 160, 160, 3)
with torch.no_grad():
    embedding = net(torch.from_numpy((crop.transpose(0, 3, 1, 2) - np.float32(127.5)) / np.float32(128)))[0]
with open("facenet.json", "w") as out:
    json.dump({
        "tensors": [[name, list(tensor.shape)] for name, tensor in state.items()],
        "embedding": [float(v) for v in embedding],
    }, out, indent=None, separators=(",", ":"))
    out.write("\n")
