"""Makes bilinear/: what Pillow's crop and BILINEAR resize give for many windows of the test photos.

    pip install 'pillow==10.2.0' 'numpy<2' && python make_bilinear.py

The version matters: facenet-pytorch 2.6.0 asks for Pillow 10.2, which resizes rows first, then columns.
Pillow 13.0 takes the cheaper order of the two, and rounding in between makes that differ by a grey level.

The photos are ../photos/*.png (lossless, so decoders can't differ) and bilinear/noise.png, made here.
bilinear/expected.json: a list of {photo, window [x0, y0, x1, y1], size [width, height], sha256 of the RGB
bytes, png where the pixels themselves are kept too}.
"""

import hashlib
import json
import random
from pathlib import Path

import numpy
import PIL
from PIL import Image

HERE = Path(__file__).parent
OUT = HERE / "bilinear"


def windows(width, height, rng):
    """Windows that face crops have, and those that break resizers."""
    full = (0, 0, width, height)
    yield full, (160, 160)
    for side in (1, 2, 3, 15, 79, 80, 81, 159, 160, 161, 320, 479):
        if side <= min(width, height):
            x, y = rng.randint(0, width - side), rng.randint(0, height - side)
            yield (x, y, x + side, y + side), (160, 160)
    yield (0, 0, 1, height), (160, 160)
    yield (width - 1, 0, width, height), (160, 160)
    yield (0, 0, width, 1), (160, 160)
    yield (0, height - 1, width, height), (160, 160)
    yield full, (1, 1)
    yield full, (1, 160)
    yield full, (160, 1)
    yield full, (7, 5)
    for _ in range(60):
        x0, x1 = sorted(rng.sample(range(width + 1), 2))
        y0, y1 = sorted(rng.sample(range(height + 1), 2))
        yield (x0, y0, x1, y1), rng.choice([(160, 160)] * 4 + [(24, 24), (48, 31), (211, 97)])


def main():
    assert PIL.__version__.startswith("10.2."), f"Pillow 10.2 is the reference, this is {PIL.__version__}"
    OUT.mkdir(exist_ok=True)
    noise = numpy.random.default_rng(1).integers(0, 256, (61, 97, 3), dtype=numpy.uint8)
    Image.fromarray(noise).save(OUT / "noise.png")
    rng = random.Random(1)
    rows, kept = [], 0
    for path in (HERE / "../photos/astronaut.png", HERE / "../photos/group.png", OUT / "noise.png"):
        photo = Image.open(path)
        assert photo.mode == "RGB", photo.mode
        for i, (window, size) in enumerate(windows(*photo.size, rng)):
            pixels = photo.crop(window).resize(size, Image.BILINEAR)
            row = {"photo": path.name, "window": window, "size": size}
            row["sha256"] = hashlib.sha256(pixels.tobytes()).hexdigest()
            if i in (0, 6, 12):  # enlarged, shrunk, whole: to see where a difference lies
                row["png"] = f"{path.stem}_{i}.png"
                pixels.save(OUT / row["png"], optimize=True)
                kept += 1
            rows.append(row)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (OUT / "expected.json").write_text(f"[\n{lines}\n]\n")
    print(f"Pillow {PIL.__version__}: {len(rows)} windows, {kept} kept as PNG")


if __name__ == "__main__":
    main()
