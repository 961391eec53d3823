#!/usr/bin/env python3
"""Exports facenet-pytorch's P-Net, R-Net and O-Net to ../pnet.onnx, ../rnet.onnx and ../onet.onnx.

    pip install 'torch==2.2.2' 'torchvision==0.17.2' 'facenet-pytorch==2.6.0' 'numpy<2' onnx
    python mtcnn_to_onnx.py OUT_DIR
"""
import pathlib
import sys

import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

out = pathlib.Path(sys.argv[1])
for name, net, side, outputs in [
    ("pnet", PNet(), 64, ["box", "score"]),
    ("rnet", RNet(), 24, ["box", "score"]),
    ("onet", ONet(), 48, ["box", "landmarks", "score"]),
]:
    axes = {"input": {0: "n"}, **{output: {0: "n"} for output in outputs}}
    if name == "pnet":  # fully convolutional: takes any size
        axes["input"].update({2: "h", 3: "w"})
        for output in outputs:
            axes[output].update({2: "oh", 3: "ow"})
    torch.onnx.export(
        net.eval(), torch.zeros(1, 3, side, side), str(out / f"{name}.onnx"), opset_version=13,
        input_names=["input"], output_names=outputs, dynamic_axes=axes,
    )
