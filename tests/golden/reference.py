#!/usr/bin/env python3
"""Reference answers from facenet-pytorch, as JSON.

Runs the networks this project ports, with the settings of the service it replaces
(keep_all, thresholds 0.5/0.6/0.6, min_face_size 15, factor 0.709, margin 0), and prints for
each photo what every stage produced, so that a port can be compared stage by stage.

    python3 -m venv .venv
    .venv/bin/pip install 'torch==2.2.2' 'torchvision==0.17.2' 'facenet-pytorch==2.6.0' \
        'numpy<2' 'pillow<10.3' onnx onnxruntime
    cd tests/golden
    .venv/bin/python reference.py --facenet vggface2=../../models/facenet-vggface2.onnx \
        --facenet casia=../../models/facenet-casia-f16.onnx photos/* > reference.json

Orientation: the photo is turned upright by all eight EXIF orientations unless --exif=none.
Embeddings come twice for each face with probability >= 0.9:
  standard   network input (x - 127.5) / 128, what facenet-pytorch documents
  flask      ((x - 127.5) / 128 - 0.5) / 0.5, what the Flask service fed to the network
"""
import argparse, json, sys

import numpy as np
import onnxruntime
import torch
from PIL import Image, ImageOps
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils import detect_face as stages


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--facenet", action="append", required=True, metavar="NAME=FILE")
    args.add_argument("--exif", choices=["all", "none"], default="all")
    args.add_argument("--min-face", type=int, default=15)
    args.add_argument("--thresholds", type=float, nargs=3, default=[0.5, 0.6, 0.6])
    args.add_argument("photos", nargs="+")
    a = args.parse_args()

    mtcnn = MTCNN(keep_all=True, thresholds=a.thresholds, min_face_size=a.min_face)
    embedders = {
        name: onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        for name, file in (pair.split("=", 1) for pair in a.facenet)
    }

    def embed(session, crop):
        out = session.run(None, {session.get_inputs()[0].name: crop})[0][0]
        return out.astype(float).round(7).tolist()

    counts = []
    run = stages.fixed_batch_process

    def counted(batch, net):
        counts.append(len(batch))
        return run(batch, net)

    stages.fixed_batch_process = counted

    out = []
    for path in a.photos:
        image = Image.open(path)
        if a.exif == "all":
            image = ImageOps.exif_transpose(image)
        image = image.convert("RGB")
        counts.clear()
        with torch.no_grad():
            boxes, probs, points = mtcnn.detect(image, landmarks=True)
            crops = mtcnn.extract(image, boxes, None)
        faces = []
        for i in range(0 if boxes is None else len(boxes)):
            face = {
                "box": [float(v) for v in boxes[i]],
                "probability": float(probs[i]),
                "landmarks": [[float(x), float(y)] for x, y in points[i]],
                "crop_box": [
                    int(max(boxes[i][0], 0)), int(max(boxes[i][1], 0)),
                    int(min(boxes[i][2], image.width)), int(min(boxes[i][3], image.height)),
                ],
                "crop_mean_rgb": [float(v) for v in (crops[i].numpy() * 128 + 127.5).mean(axis=(1, 2))],
            }
            if probs[i] >= 0.9:
                x = crops[i].numpy()[None]
                face["embeddings"] = {
                    name: {"standard": embed(session, x), "flask": embed(session, (x - 0.5) / 0.5)}
                    for name, session in embedders.items()
                }
            faces.append(face)
        out.append({
            "photo": path.rsplit("/", 1)[-1], "width": image.width, "height": image.height,
            "rnet_candidates": counts[0] if counts else 0,
            "onet_candidates": counts[1] if len(counts) > 1 else 0,
            "faces": faces,
        })
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
