"""Makes matrix/: each format's kinds of pixels, depths, compressions, interlacing and orientations, in small files.

    pip install 'pillow==10.2.0' 'numpy<2' && python matrix.py

matrix/expected.json lists, for each file,
    file, width, height, orientation (that was applied), tolerance (0: identical),
    pixels: SHA-256 of the RGB bytes of ImageOps.exif_transpose(Image.open(file)).convert("RGB"), or the bytes in
    hexadecimal digits where a tolerance needs them,
    by: who says so. Where Pillow is no model (16 bits, which it clips; variants that it does not read) the pixels
    come from those that the file was made of.
Files with `unsupported` instead must be refused with 415. Pixels come from ../photos/astronaut.png (NASA, public domain).
"""

import hashlib
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, features

HERE = Path(__file__).parent
OUT = HERE / "matrix"
rows = []


def keep(name, data, expected=None, tolerance=0, orientation=1, by="Pillow"):
    """`expected`: an upright RGB image, where Pillow is not asked."""
    (OUT / name).write_bytes(data)
    if expected is None:
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    pixels = expected.tobytes()
    digest = pixels.hex() if tolerance else hashlib.sha256(pixels).hexdigest()
    rows.append({"file": name, "width": expected.width, "height": expected.height, "orientation": orientation,
                 "tolerance": tolerance, "pixels": digest, "by": by})


def refuse(name, data):
    (OUT / name).write_bytes(data)
    rows.append({"file": name, "unsupported": True})


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


# PNG ------------------------------------------------------------------------------------------------------------

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(samples, depth):
    """Rows of samples (height x values) as bytes."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    if depth == 8:
        return [row.astype(np.uint8).tobytes() for row in samples]
    bits = [((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(-1) for row in samples.astype(np.uint8)]
    return [np.packbits(row).tobytes() for row in bits]


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples, depth, color, interlaced=False, extra=(), after=(), end=True):
    """`samples`: height x width x channels."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in PASSES] if interlaced else [samples]
    lines = []
    for part in parts:
        if part.size:
            lines += [b"\0" + row for row in packed(part.reshape(part.shape[0], -1), depth)]
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(b"".join(lines), 9)), *after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + (chunk(b"IEND", b"") if end else b"")


def exif_block(orientation, kind=3, big=True):
    order, prefix = (">", b"MM\0*") if big else ("<", b"II*\0")
    code = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}[kind]
    value = struct.pack(order + code, orientation).ljust(4, b"\0")
    return prefix + struct.pack(order + "IHHHI", 8, 1, 0x0112, kind, 1) + value + b"\0\0\0\0"


def xmp(orientation):
    return (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
            % orientation)


def raw_profile(name, data):
    lines = data.hex()
    lines = "\n".join(lines[i:i + 72] for i in range(0, len(lines), 72))
    return f"\n{name}\n{len(data):8}\n{lines}\n".encode()


def make_png(rgb, grey, alpha):
    a = np.asarray(rgb).astype(np.uint16)
    g, al = np.asarray(grey).astype(np.uint16)[..., None], alpha.astype(np.uint16)[..., None]
    wide = lambda s: s * 256 + 0x7F  # the low byte must be dropped
    for interlaced in (False, True):
        suffix = "_interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8):
            keep(f"grey{depth}{suffix}.png", png(g >> (8 - depth), depth, 0, interlaced))
        keep(f"grey16{suffix}.png", png(wide(g), 16, 0, interlaced), grey.convert("RGB"), by="high bytes")
        keep(f"rgb8{suffix}.png", png(a, 8, 2, interlaced))
        keep(f"rgb16{suffix}.png", png(wide(a), 16, 2, interlaced), rgb, by="high bytes")
        for depth in (1, 2, 4, 8):
            p = rgb.quantize(1 << depth if depth < 8 else 200)
            table = bytes(p.getpalette()[:3 << depth])
            indices = np.asarray(p)[..., None]
            extra = [chunk(b"PLTE", table), chunk(b"tRNS", b"\x80")]
            keep(f"palette{depth}{suffix}.png", png(indices, depth, 3, interlaced, extra), p.convert("RGB"), by="indices")
        keep(f"grey_alpha8{suffix}.png", png(np.dstack([g, al]), 8, 4, interlaced))
        keep(f"grey_alpha16{suffix}.png", png(wide(np.dstack([g, al])), 16, 4, interlaced), grey.convert("RGB"), by="high bytes")
        keep(f"rgba8{suffix}.png", png(np.dstack([a, al]), 8, 6, interlaced))
        keep(f"rgba16{suffix}.png", png(wide(np.dstack([a, al])), 16, 6, interlaced), rgb, by="high bytes")
    keep("transparent_color.png", png(a, 8, 2, extra=[chunk(b"tRNS", struct.pack(">HHH", *a[0, 0]))]))
    wrong = chunk(b"tEXt", b"a\0b")[:-1] + b"?"
    keep("no_end.png", png(a, 8, 2, end=False), rgb, by="pixels")
    keep("wrong_checksum.png", png(a, 8, 2, extra=[wrong], after=[wrong]), rgb, by="pixels")
    turned = lambda o: ImageOps.exif_transpose(Image.open(io.BytesIO(png(a, 8, 2, extra=[chunk(b"eXIf", exif_block(o))]))))
    for o in range(1, 9):
        block = exif_block(o)
        for name, extra in [
            ("exif", chunk(b"eXIf", block)),
            ("exif_prefix", chunk(b"eXIf", b"Exif\0\0" + block)),
            ("raw_text", chunk(b"tEXt", b"Raw profile type exif\0" + raw_profile("exif", b"Exif\0\0" + block))),
            ("raw_packed", chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(raw_profile("APP1", b"Exif\0\0" + block)))),
            ("xmp", chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(o))),
            ("xmp_packed", chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(o)))),
        ]:
            if name == "exif" or o in (3, 6):
                keep(f"turned{o}_{name}.png", png(a, 8, 2, extra=[extra]), turned(o), orientation=o)
    for kind in (1, 3, 4, 6, 8, 9):
        for big in (False, True):
            data = png(a, 8, 2, extra=[chunk(b"eXIf", exif_block(6, kind, big))])
            keep(f"turned_type{kind}_{'big' if big else 'little'}.png", data, turned(6), orientation=6, by="pixels")


# TIFF -----------------------------------------------------------------------------------------------------------

def tiff(tags, parts, order="<", big=False):
    """A TIFF by hand. `tags`: (tag, type, values); offsets and lengths of `parts` are put in."""
    head = 16 if big else 8
    body, offsets = b"", []
    for part in parts:
        offsets.append(head + len(body))
        body += part + b"\0" * (len(part) % 2)
    strips = not any(t[0] == 322 for t in tags)
    long = 16 if big else 4
    tags = sorted([*tags, (273 if strips else 324, long, offsets), (279 if strips else 325, 4, [len(p) for p in parts])])
    start = head + len(body)
    size, inline, count = (20, 8, "Q") if big else (12, 4, "I")
    behind = start + (8 if big else 2) + size * len(tags) + inline
    entries, extra = b"", b""
    for tag, kind, values in tags:
        code = {1: "B", 3: "H", 4: "I", 5: "II", 11: "f", 16: "Q"}[kind]
        flat = [v for value in values for v in (value if kind == 5 else [value])]
        data = struct.pack(order + code * len(values), *flat)
        entry = struct.pack(order + "HH" + count, tag, kind, len(values))
        if len(data) <= inline:
            entries += entry + data.ljust(inline, b"\0")
        else:
            entries += entry + struct.pack(order + count, behind + len(extra))
            extra += data + b"\0" * (len(data) % 2)
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    magic += struct.pack(order + "HHQ", 8, 0, start) if big else struct.pack(order + "I", start)
    number = struct.pack(order + ("Q" if big else "H"), len(tags))
    return magic + body + number + entries + b"\0" * inline + extra


def head(width, height, photometric, bits, samples, compression=1, *more):
    return [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * samples), (259, 3, [compression]),
            (262, 3, [photometric]), (277, 3, [samples]), *more]


def horizontal(rows, samples):
    """Rows with the horizontal predictor."""
    rows = rows.copy()
    rows[:, samples:] -= rows[:, :-samples].copy()
    return rows


def make_tiff(rgb, grey, alpha):
    w, h = rgb.size
    a, g = np.asarray(rgb), np.asarray(grey)
    modes = {
        "1": grey.convert("1"), "L": grey, "LA": Image.merge("LA", (grey, Image.fromarray(alpha))), "P": rgb.quantize(60),
        "RGB": rgb, "RGBA": rgb.copy(), "CMYK": rgb.convert("CMYK"),
    }
    modes["RGBA"].putalpha(Image.fromarray(alpha))
    compressions = {"raw": None, "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "packbits": "packbits"}
    for mode, image in modes.items():
        for name, compression in compressions.items():
            options = dict(compression=compression) if compression else {}
            keep(f"{mode}_{name}.tif", saved(image, "TIFF", **options))
    keep("RGB_jpeg.tif", saved(rgb, "TIFF", compression="jpeg", quality=90), tolerance=1)
    keep("L_jpeg.tif", saved(grey, "TIFF", compression="jpeg", quality=90), tolerance=1)
    keep("YCbCr_jpeg.tif", saved(rgb.convert("YCbCr"), "TIFF", compression="jpeg", quality=90), tolerance=1)
    keep("CMYK_jpeg.tif", saved(rgb.convert("CMYK"), "TIFF", compression="jpeg", quality=90), tolerance=1)
    for order, name in (("<", "little"), (">", "big")):
        two = order + "u2"
        wide = a.astype(np.uint16) * 256 + 0x7F
        plain = tiff(head(w, h, 2, 16, 3), [wide.astype(two).tobytes()], order)
        keep(f"rgb16_{name}.tif", plain, rgb, by="high bytes")
        rows_ = horizontal(wide.reshape(h, -1), 3).astype(two).tobytes()
        keep(f"rgb16_predictor_{name}.tif",
             tiff(head(w, h, 2, 16, 3, 8, (317, 3, [2])), [zlib.compress(rows_)], order), rgb, by="high bytes")
        wide = g.astype(np.uint16) * 256 + 0x7F
        keep(f"grey16_{name}.tif", tiff(head(w, h, 1, 16, 1), [wide.astype(two).tobytes()], order),
             grey.convert("RGB"), by="high bytes")
        floats = (a / np.float32(255)).astype(order + "f4")
        keep(f"float_{name}.tif", tiff(head(w, h, 2, 32, 3, 1, (339, 3, [3] * 3)), [floats.tobytes()], order), rgb, by="pixels")
        keep(f"big_tiff_{name}.tif", tiff(head(w, h, 2, 8, 3), [a.tobytes()], order, big=True), rgb, by="pixels")
        keep(f"turned_{name}.tif", tiff([*head(w, h, 2, 8, 3), (274, 3, [6])], [a.tobytes()], order), orientation=6)
    planes = np.frombuffer((a / np.float32(255)).astype(">f4").tobytes(), np.uint8).reshape(h, w * 3, 4).transpose(0, 2, 1)
    planes = horizontal(planes.reshape(h, -1).copy(), 3)
    keep("float_predictor.tif", tiff(head(w, h, 2, 32, 3, 8, (339, 3, [3] * 3), (317, 3, [3])),
                                     [zlib.compress(planes.tobytes())]), rgb, by="pixels")
    for bits in (1, 2, 4):
        few = g >> (8 - bits)
        shown = Image.fromarray((few.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)).convert("RGB")
        data = b"".join(packed(few, bits))
        keep(f"grey{bits}.tif", tiff(head(w, h, 1, bits, 1), [data]), shown, by="pixels")
        inverted = shown.point(lambda v: 255 - v)
        keep(f"grey{bits}_white_is_zero.tif", tiff(head(w, h, 0, bits, 1), [data]), inverted, by="pixels")
        p = rgb.quantize(1 << bits)
        table = np.array(p.getpalette()[:3 << bits]).reshape(-1, 3).T.reshape(-1) * 256
        keep(f"palette{bits}.tif", tiff([*head(w, h, 3, bits, 1), (320, 3, table.tolist())],
                                        [b"".join(packed(np.asarray(p), bits))]), p.convert("RGB"), by="indices")
    keep("grey8_white_is_zero.tif", tiff(head(w, h, 0, 8, 1), [(255 - g).tobytes()]), grey.convert("RGB"), by="pixels")
    strips = [a[y:y + 7].tobytes() for y in range(0, h, 7)]
    keep("strips.tif", tiff([*head(w, h, 2, 8, 3), (278, 3, [7])], strips))
    keep("planes.tif", tiff([*head(w, h, 2, 8, 3), (284, 3, [2])], [a[..., c].tobytes() for c in range(3)]), rgb, by="pixels")
    tw, th = 16, 16
    padded = np.zeros((-(-h // th) * th, -(-w // tw) * tw, 3), np.uint8)
    padded[:h, :w] = a
    tiles = [padded[y:y + th, x:x + tw] for y in range(0, h, th) for x in range(0, w, tw)]
    size = [(322, 3, [tw]), (323, 3, [th])]
    keep("tiles.tif", tiff([*head(w, h, 2, 8, 3), *size], [t.tobytes() for t in tiles]), rgb, by="pixels")
    keep("tiles_deflate_predictor.tif", tiff([*head(w, h, 2, 8, 3, 8, (317, 3, [2])), *size],
         [zlib.compress(horizontal(t.reshape(th, -1), 3).tobytes()) for t in tiles]), rgb, by="pixels")
    jpegs = [saved(Image.fromarray(t), "JPEG", quality=100, subsampling=0) for t in tiles]
    keep("tiles_jpeg.tif", tiff([*head(w, h, 6, 8, 3, 7), *size], jpegs), rgb, tolerance=4, by="pixels")
    ycc = np.asarray(rgb.convert("YCbCr"))
    keep("YCbCr.tif", tiff([*head(w, h, 6, 8, 3), (530, 3, [1, 1])], [ycc.tobytes()]), rgb, tolerance=3, by="pixels")
    flat = Image.new("RGB", (w, h), (200, 90, 40))
    y, cb, cr = flat.convert("YCbCr").getpixel((0, 0))
    for across, down in ((2, 1), (2, 2), (4, 2)):
        units = -(-w // across) * -(-h // down)
        keep(f"YCbCr_{across}x{down}.tif", tiff([*head(w, h, 6, 8, 3), (530, 3, [across, down])],
             [(bytes([y]) * (across * down) + bytes([cb, cr])) * units]), flat, tolerance=2, by="pixels")
    refuse("Lab.tif", saved(rgb.convert("RGB"), "TIFF").replace(
        struct.pack("<HHIH", 262, 3, 1, 2), struct.pack("<HHIH", 262, 3, 1, 8)))
    refuse("fax.tif", saved(grey.convert("1"), "TIFF", compression="group4"))
    refuse("float64.tif", tiff(head(w, h, 1, 64, 1, 1, (339, 3, [3])), [(g / 255.0).tobytes()]))


# The others -----------------------------------------------------------------------------------------------------

def make_bmp(rgb, grey):
    w, h = rgb.size
    a = np.asarray(rgb)

    def bmp(bits, compression, data, colors=b"", masks=b""):
        start = 54 + len(masks) + len(colors)
        header = struct.pack("<IiiHHIIiiII", 40, w, h, 1, bits, compression, len(data), 0, 0, len(colors) // 4, 0)
        return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + masks + colors + data

    def lines(rows_):
        return b"".join(row + b"\0" * (-len(row) % 4) for row in reversed(rows_))

    for bits in (1, 4, 8):
        p = rgb.quantize(1 << bits if bits < 8 else 200)
        table = np.array(p.getpalette()[:3 * (1 << bits if bits < 8 else 200)]).reshape(-1, 3)[:, ::-1]
        colors = b"".join(bytes(c) + b"\0" for c in table.astype(np.uint8).tolist())
        keep(f"palette{bits}.bmp", bmp(bits, 0, lines(packed(np.asarray(p), bits)), colors), p.convert("RGB"), by="indices")
        if bits == 8:
            runs = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in reversed(np.asarray(p).tolist())) + b"\0\1"
            keep("run_lengths.bmp", bmp(8, 1, runs, colors), p.convert("RGB"), by="indices")
    keep("rgb24.bmp", saved(rgb, "BMP"))
    rgba = rgb.copy()
    rgba.putalpha(grey)
    keep("rgba32.bmp", saved(rgba, "BMP"))
    five = (a >> 3).astype(np.uint16)
    data = lines([row.astype("<u2").tobytes() for row in (five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2])])
    keep("rgb16.bmp", bmp(16, 0, data), tolerance=1)


def make_others(rgb, grey, alpha):
    p = rgb.quantize(60)
    for name, image, options in [
        ("plain", p, {}), ("interlaced", p, dict(interlace=1)), ("transparent", p, dict(transparency=3)),
        ("grey", grey, {}),
    ]:
        keep(f"{name}.gif", saved(image, "GIF", **options))
    gif = bytearray(saved(p, "GIF", interlace=0))
    at = gif.index(b"\x2c", 13 + 3 * 64 if False else 13 + (3 << ((gif[10] & 7) + 1)))
    small = bytes(gif[:6]) + struct.pack("<HH", 5, 4) + bytes(gif[10:])
    keep("screen_smaller.gif", small)
    keep("screen_none.gif", bytes(gif[:6]) + struct.pack("<HH", 0, 0) + bytes(gif[10:]), p.convert("RGB"), by="indices")
    moved = bytearray(gif)
    moved[at + 1:at + 5] = struct.pack("<HH", 3, 2)
    keep("frame_moved.gif", bytes(moved))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(alpha))
    keep("lossless.webp", saved(rgb, "WEBP", lossless=True))
    keep("lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    keep("lossy.webp", saved(rgb, "WEBP", quality=90), tolerance=3)
    keep("lossy_alpha.webp", saved(rgba, "WEBP", quality=90, exact=True), tolerance=3)
    for o in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = o
        keep(f"turned{o}.webp", saved(rgb, "WEBP", lossless=True, exif=exif), orientation=o)
        keep(f"turned{o}.jpg", saved(rgb, "JPEG", quality=90, exif=exif), tolerance=1, orientation=o)
    for name, image, options in [
        ("420", rgb, dict(subsampling=2)), ("422", rgb, dict(subsampling=1)), ("444", rgb, dict(subsampling=0)),
        ("progressive", rgb, dict(progressive=True)), ("grey", grey, {}), ("cmyk", rgb.convert("CMYK"), {}),
        ("rgb", rgb, dict(keep_rgb=True)), ("restarts", rgb, dict(restart_marker_blocks=2)),
    ]:
        keep(f"{name}.jpg", saved(image, "JPEG", quality=90, **options), tolerance=1)
    jpeg = saved(rgb, "JPEG", quality=90)
    keep("no_end.jpg", jpeg[:-2], Image.open(io.BytesIO(jpeg)).convert("RGB"), tolerance=1, by="the whole file")
    keep("no_end_padded.jpg", jpeg[:-2] + bytes(500), Image.open(io.BytesIO(jpeg)).convert("RGB"), tolerance=1, by="the whole file")
    keep("app1_of_length_1.jpg", jpeg[:2] + b"\xff\xe1\0\1" + jpeg[2:], Image.open(io.BytesIO(jpeg)).convert("RGB"), tolerance=1, by="the whole file")
    keep("trailing.jpg", jpeg + b"\xff\xda junk" * 50)


def main():
    assert PIL.__version__.startswith("10.2."), f"Pillow 10.2 is the reference, this is {PIL.__version__}"
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    rgb = Image.open(HERE / "../photos/astronaut.png").convert("RGB").crop((130, 0, 330, 260)).resize((19, 23), Image.LANCZOS)
    grey = rgb.convert("L")
    alpha = np.linspace(0, 255, 19 * 23).reshape(23, 19).astype(np.uint8)
    make_png(rgb, grey, alpha)
    make_tiff(rgb, grey, alpha)
    make_bmp(rgb, grey)
    make_others(rgb, grey, alpha)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (OUT / "expected.json").write_text(f"[\n{lines}\n]\n")
    print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('jpg')}: {len(rows)} files")


if __name__ == "__main__":
    main()
