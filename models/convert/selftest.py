#!/usr/bin/env python3
"""Makes ../selftest.png and ../selftest.json: a face, and the embedding that each model is known to
give for it (from facenet-pytorch and ONNX Runtime, see tests/golden/reference.json).

    pip install 'pillow==10.2.0'
    python selftest.py
"""
import json
import pathlib

from PIL import Image

here = pathlib.Path(__file__).resolve().parent
golden = here.parent.parent / "tests" / "golden"

photo = next(p for p in json.load(open(golden / "reference.json")) if p["photo"] == "astronaut.png")
face = photo["faces"][0]
crop = Image.open(golden / "photos" / "astronaut.png").convert("RGB").crop(face["crop_box"])
crop.resize((160, 160), Image.BILINEAR).save(here.parent / "selftest.png", optimize=True)
with open(here.parent / "selftest.json", "w") as out:
    json.dump({model: e["standard"] for model, e in face["embeddings"].items()}, out, separators=(",", ":"))
    out.write("\n")
