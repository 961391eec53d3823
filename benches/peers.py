"""Times ONNX Runtime and PyTorch on the networks, on one thread. Called by the bench in benches/peers.

    peers.py MANIFEST PASSES

Each line of MANIFEST names a stage, its ONNX file, the shape of an input (n,c,h,w) and a file of its float32 values.
Prints `engine TAB stage TAB seconds`, the shortest of PASSES passes; what is missing is printed as `not run: ...`.
PyTorch runs the ONNX files through the package onnx2torch.
"""

import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"


def read_stages(manifest, np):
    stages = {}
    with open(manifest, encoding="utf-8") as lines:
        for line in lines:
            stage, model, shape, path = line.rstrip("\n").split("\t")
            values = np.fromfile(path, dtype="<f4").reshape([int(side) for side in shape.split(",")])
            stages.setdefault(stage, (model, []))[1].append(values)
    return stages


def onnxruntime_runner(model, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: [session.run(None, {name: values}) for values in inputs]


def torch_runner(model, inputs):
    import onnx2torch
    import torch

    torch.set_num_threads(1)
    module = onnx2torch.convert(model).eval()
    tensors = [torch.from_numpy(values) for values in inputs]

    def run():
        with torch.inference_mode():
            for tensor in tensors:
                module(tensor)

    return run


def shortest(run, passes):
    run()  # the first pass allocates
    best = float("inf")
    for _ in range(passes):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def main(manifest, passes):
    try:
        import numpy as np
    except ImportError as reason:
        print(f"not run: onnxruntime, torch: {reason}")
        return
    stages = read_stages(manifest, np)
    for engine, runner in [("onnxruntime", onnxruntime_runner), ("torch", torch_runner)]:
        for stage, (model, inputs) in stages.items():
            try:
                seconds = shortest(runner(model, inputs), passes)
            except ImportError as reason:
                print(f"not run: {engine}: {reason}")
                break
            except Exception as reason:  # an operator or a version that the runtime lacks
                print(f"not run: {engine} on {stage}: {str(reason).splitlines()[0]}")
                continue
            print(f"{engine}\t{stage}\t{seconds}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
