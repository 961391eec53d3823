"""Makes decoders/: small files in every format and kind of pixel, and what Pillow makes of them.

    pip install 'pillow==10.2.0' 'numpy<2' && python make_decoders.py

decoders/<name>.<format> is the file; decoders/expected.json lists, for each,
    file, width, height, tolerance (0: identical; lossy formats: grey levels that decoders may differ by),
    pixels: a PNG of Image.open(file).convert("RGB") of the first frame, after ImageOps.exif_transpose.
Where Pillow is no model (16-bit grey, which it clips to white), the expected pixels are made here from the
high bytes, and `by` says so. All pixels come from ../photos/astronaut.png (NASA, public domain), shrunk.
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy
import PIL
from PIL import Image, ImageOps

HERE = Path(__file__).parent
OUT = HERE / "decoders"
rows = []
kept = {}  # expected pixels -> their file: most files hold the same picture


def keep(name, data, tolerance=0, expected=None, by="Pillow"):
    (OUT / name).write_bytes(data)
    if expected is None:
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    png = kept.setdefault((expected.size, expected.tobytes()), f"{name}.expected.png")
    if not (OUT / png).exists():
        expected.save(OUT / png, optimize=True)
    rows.append(
        {"file": name, "width": expected.width, "height": expected.height, "tolerance": tolerance,
         "pixels": png, "by": by}
    )


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, color, lines, *extra):
    """A PNG by hand, for what Pillow can't write."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


def main():
    assert PIL.__version__.startswith("10.2."), f"Pillow 10.2 is the reference, this is {PIL.__version__}"
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    rgb = Image.open(HERE / "../photos/astronaut.png").crop((130, 0, 330, 260)).resize((50, 65), Image.LANCZOS)
    grey, (w, h) = rgb.convert("L"), rgb.size
    palette = rgb.quantize(40)
    alpha = Image.fromarray(numpy.linspace(0, 255, w * h).reshape(h, w).astype(numpy.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    grey_alpha = Image.merge("LA", (grey, alpha))
    bits = grey.convert("1")

    # PNG
    keep("rgb.png", saved(rgb, "PNG"))
    keep("grey.png", saved(grey, "PNG"))
    keep("grey_alpha.png", saved(grey_alpha, "PNG"))
    keep("rgba.png", saved(rgba, "PNG"))
    keep("palette.png", saved(palette, "PNG"))
    keep("palette_transparent.png", saved(palette, "PNG", transparency=3))
    keep("palette_4bit.png", saved(rgb.quantize(16), "PNG", bits=4))
    keep("1bit.png", saved(bits, "PNG"))
    wide = (numpy.asarray(rgb) * numpy.uint16(256) + 0x80).astype(">u2")  # low byte: must be dropped
    lines = [row.tobytes() for row in wide]
    keep("rgb_16bit.png", png(w, h, 16, 2, lines), expected=rgb, by="high bytes")
    wide_grey = (numpy.asarray(grey) * numpy.uint16(256) + 0xFF).astype(">u2")
    keep("grey_16bit.png", png(w, h, 16, 0, [r.tobytes() for r in wide_grey]),
         expected=grey.convert("RGB"), by="high bytes")
    wide_alpha = numpy.dstack([wide, wide_grey]).astype(">u2")
    keep("rgba_16bit.png", png(w, h, 16, 6, [r.tobytes() for r in wide_alpha]), expected=rgb, by="high bytes")
    twobit = [bytes(sum((int(v) >> 6) << (6 - 2 * j) for j, v in enumerate(r[i:i + 4])) for i in range(0, w, 4))
              for r in numpy.asarray(grey)]
    keep("grey_2bit.png", png(w, h, 2, 0, twobit))
    keep("animated.png", saved(rgb, "PNG", save_all=True, append_images=[ImageOps.invert(rgb)]))

    # JPEG. Decoders differ in rounding, and in how they enlarge the colour of 4:2:0.
    for name, image, options in [
        ("444.jpg", rgb, dict(quality=95, subsampling=0)),
        ("422.jpg", rgb, dict(quality=95, subsampling=1)),
        ("420.jpg", rgb, dict(quality=95, subsampling=2)),
        ("progressive.jpg", rgb, dict(quality=95, progressive=True)),
        ("restarts.jpg", rgb, dict(quality=95, restart_marker_blocks=3)),
        ("optimized.jpg", rgb, dict(quality=60, optimize=True)),
        ("grey.jpg", grey, dict(quality=95)),
        ("grey_progressive.jpg", grey, dict(quality=95, progressive=True)),
        ("rgb_not_ycbcr.jpg", rgb, dict(quality=95, keep_rgb=True)),
        ("cmyk.jpg", rgb.convert("CMYK"), dict(quality=95)),
        ("cmyk_progressive.jpg", rgb.convert("CMYK"), dict(quality=95, progressive=True)),
    ]:
        chroma = image.mode == "RGB" and "keep_rgb" not in options
        keep(name, saved(image, "JPEG", **options), tolerance=3 if chroma else 1)
    # YCCK, which Pillow can't write: a CMYK file whose Adobe marker says 2 holds YCCK.
    ycck = rgb.convert("YCbCr")
    key = Image.eval(grey, lambda v: 255 - v // 3)
    data = bytearray(saved(Image.merge("CMYK", (*[ImageOps.invert(b) for b in ycck.split()], ImageOps.invert(key))),
                           "JPEG", quality=95))
    at = data.index(b"Adobe")
    assert data[at + 11] == 0, data[at + 11]
    data[at + 11] = 2
    keep("ycck.jpg", bytes(data), tolerance=3)
    plain = saved(rgb.convert("CMYK"), "JPEG", quality=95)
    at = plain.index(b"\xff\xee")
    length = struct.unpack(">H", plain[at + 2:at + 4])[0]
    keep("cmyk_without_adobe_marker.jpg", plain[:at] + plain[at + 2 + length:], tolerance=1)

    # RGB that only the Adobe marker tells from YCbCr: its components are numbered, not named R, G, B.
    numbered = bytearray((OUT / "rgb_not_ycbcr.jpg").read_bytes())
    frame, scan = numbered.index(b"\xff\xc0"), numbered.index(b"\xff\xda")
    for i in range(3):
        assert numbered[frame + 10 + 3 * i] == numbered[scan + 5 + 2 * i] == b"RGB"[i]
        numbered[frame + 10 + 3 * i] = numbered[scan + 5 + 2 * i] = i + 1
    keep("rgb_by_adobe_marker.jpg", bytes(numbered), tolerance=1)

    # WebP
    keep("lossless.webp", saved(rgb, "WEBP", lossless=True))
    keep("lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    keep("lossy.webp", saved(rgb, "WEBP", quality=90))
    keep("lossy_alpha.webp", saved(rgba, "WEBP", quality=90, exact=True))
    keep("animated.webp", saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[ImageOps.invert(rgb)]))

    # GIF
    keep("palette.gif", saved(palette, "GIF"))
    keep("grey.gif", saved(grey, "GIF"))
    keep("interlaced.gif", saved(palette, "GIF", interlace=1))
    keep("transparent.gif", saved(palette, "GIF", transparency=3))
    keep("animated.gif", saved(palette, "GIF", save_all=True, append_images=[ImageOps.invert(grey)]))

    # BMP
    keep("rgb.bmp", saved(rgb, "BMP"))
    keep("rgba.bmp", saved(rgba, "BMP"))
    keep("grey.bmp", saved(grey, "BMP"))
    keep("palette.bmp", saved(palette, "BMP"))
    keep("1bit.bmp", saved(bits, "BMP"))

    # TIFF
    for name, image, options in [
        ("rgb", rgb, {}),
        ("rgb_lzw", rgb, dict(compression="tiff_lzw")),
        ("rgb_deflate", rgb, dict(compression="tiff_adobe_deflate")),
        ("rgb_packbits", rgb, dict(compression="packbits")),
        ("rgba", rgba, {}),
        ("grey", grey, {}),
        ("1bit", bits, {}),
        ("cmyk", rgb.convert("CMYK"), {}),
    ]:
        keep(f"{name}.tif", saved(image, "TIFF", **options))
    keep("grey_16bit.tif", saved(Image.fromarray(wide_grey.astype("<u2")), "TIFF"),
         expected=grey.convert("RGB"), by="high bytes")
    keep("pages.tif", saved(rgb, "TIFF", save_all=True, append_images=[ImageOps.invert(rgb)]))

    # Sizes
    for name, size in [("1x1", (1, 1)), ("14_high", (300, 14)), ("3x2", (3, 2))]:
        small = rgb.resize(size, Image.BILINEAR)
        for format, extension, options, tolerance in [
            ("PNG", "png", {}, 0), ("BMP", "bmp", {}, 0), ("TIFF", "tif", {}, 0), ("GIF", "gif", {}, 0),
            ("WEBP", "webp", dict(lossless=True), 0), ("JPEG", "jpg", dict(quality=95, subsampling=0), 3),
        ]:
            image = small.quantize(16) if format == "GIF" else small
            keep(f"{name}.{extension}", saved(image, format, **options), tolerance)
    keep("20000x20.png", saved(rgb.resize((20000, 20), Image.BILINEAR).quantize(8), "PNG", optimize=True))

    # The eight orientations, losslessly, in every container that has EXIF data.
    for orientation in range(1, 9):
        info = exif(orientation)
        keep(f"orientation_{orientation}.png", saved(rgb, "PNG", exif=info))
        keep(f"orientation_{orientation}.tif", saved(rgb, "TIFF", tiffinfo={0x0112: orientation},
                                                     compression="tiff_adobe_deflate"))
        keep(f"orientation_{orientation}.webp", saved(rgb, "WEBP", lossless=True, exif=info))
        keep(f"orientation_{orientation}.jpg", saved(rgb, "JPEG", quality=95, subsampling=0, exif=info), 3)

    lines = ",\n".join(json.dumps(row) for row in rows)
    (OUT / "expected.json").write_text(f"[\n{lines}\n]\n")
    print(f"Pillow {PIL.__version__}: {len(rows)} files")


if __name__ == "__main__":
    main()
