"""Draws what the least sharpness of an enrolled photo costs and saves: docs/pictures/sharpness.svg.

    python quality_curve.py FACEREC PEOPLE_DIR MODELS_DIR -o sharpness.svg [--people 60] [--model vggface2]

FACEREC is the program, PEOPLE_DIR has a folder of at least three photos for each person. The first two photos of each person are
enrolled. The others are made worse: scaled down, or blurred. Each is recognised at the default rate, and its sharpness is what
`facerec enroll --dry-run --json` measures against a bound that none reaches. For each bound the curves show the share of the
recognised photos, and of the others, that it refuses. Photos in which no sure face is found are left out: another rule refuses them.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

VERSIONS = {
    "as it is": lambda photo: photo,
    **{f"scaled to 1/{n}": lambda photo, n=n: photo.resize((photo.width // n, photo.height // n), Image.LANCZOS)
       for n in (2, 3)},
    **{f"blurred by {sigma}": lambda photo, sigma=sigma: photo.filter(ImageFilter.GaussianBlur(sigma))
       for sigma in (1, 2, 3, 4, 6, 8)},
}
UNREACHED = 1e5
SHIPPED = 20


def photos_of(directory, people):
    folders = sorted(folder for folder in directory.iterdir() if folder.is_dir())
    for folder in folders[:people]:
        yield folder.name, sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def prepare(directory, people, work):
    """Writes the photos to enrol and the probes. -> {path of a probe: (person, version)}"""
    probes = {}
    for name, photos in photos_of(directory, people):
        (work / "enrolled" / name).mkdir(parents=True)
        (work / "probes" / name).mkdir(parents=True)
        for photo in photos[:2]:
            (work / "enrolled" / name / photo.name).write_bytes(photo.read_bytes())
        for photo in photos[2:]:
            picture = Image.open(photo).convert("RGB")
            for at, (version, change) in enumerate(VERSIONS.items()):
                path = work / "probes" / name / f"{photo.stem}-{at}.png"
                change(picture).save(path)
                probes[str(path)] = (name, version)
    return probes


def run(*command):
    return subprocess.run([str(word) for word in command], check=False, stdout=subprocess.PIPE, text=True).stdout


def sharpness(facerec, work, common):
    """-> {path: sharpness} of the photos with a face that would do otherwise."""
    report = json.loads(run(facerec, "enroll", work / "probes", "--data", work / "nowhere", "--dry-run", "--json",
                            "--enroll-min-sharpness", UNREACHED, "--enroll-min-face-px", 1, *common))
    reasons = {outcome["photo"]: outcome["reasons"] for outcome in report["outcomes"]}
    found = {}
    for photo, given in reasons.items():
        blurred = [reason["measured"] for reason in given if reason["reason"] == "blurred"]
        if blurred:
            found[photo] = blurred[0]
    return found


def recognised(facerec, work, probes, common):
    """-> paths of the probes that get the right name"""
    run(facerec, "enroll", work / "enrolled", "--data", work / "data", *common)
    right = set()
    paths = sorted(probes)
    for start in range(0, len(paths), 500):
        for line in run(facerec, "recognize", "--data", work / "data", "--json", *common,
                        *paths[start:start + 500]).splitlines():
            answer = json.loads(line)
            names = [face.get("Student Name") for face in answer.get("result", []) if isinstance(face, dict)]
            if probes[answer["photo"]][0] in names:
                right.add(answer["photo"])
    return right


def curve(values, bounds):
    return np.searchsorted(np.sort(values), bounds) / max(len(values), 1)


def svg(bounds, curves, title):
    width, height, left, edge = 640, 420, 70, 30
    low, high = np.log10(bounds[0]), np.log10(bounds[-1])
    x = lambda bound: left + (np.log10(bound) - low) / (high - low) * (width - left - edge)
    y = lambda share: edge + (1 - share) * (height - left - edge)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f"<title>{title}</title>", '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{left}" y="20">{title}</text>']
    for bound in (1, 3, 10, 30, 100, 300, 1000):
        parts.append(f'<path d="M{x(bound):.1f} {edge}V{height - left}" stroke="#ddd"/>'
                     f'<text x="{x(bound):.1f}" y="{height - left + 16}" text-anchor="middle">{bound}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{left} {y(share):.1f}H{width - edge}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    parts.append(f'<path d="M{x(SHIPPED):.1f} {edge}V{height - left}" stroke="#888" stroke-dasharray="4"/>'
                 f'<text x="{x(SHIPPED) + 4:.1f}" y="{edge + 14}">the default, {SHIPPED}</text>')
    for label, shares, colour, at in curves:
        points = " ".join(f"{x(bound):.1f},{y(share):.1f}" for bound, share in zip(bounds, shares))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{left + 8}" y="{at}" fill="{colour}">{label}</text>')
    parts.append(f'<text x="{(left + width - edge) / 2}" y="{height - 20}" text-anchor="middle">least sharpness (--enroll-min-sharpness)</text>'
                 f'<text transform="translate(16 {height / 2}) rotate(-90)" text-anchor="middle">refused</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facerec", type=Path)
    parser.add_argument("people_dir", type=Path)
    parser.add_argument("models_dir", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--model", default="vggface2")
    options = parser.parse_args()
    common = ("--models", options.models_dir, "--model", options.model)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        probes = prepare(options.people_dir, options.people, work)
        right = recognised(options.facerec, work, probes, common)
        measured = sharpness(options.facerec, work, common)
    print("| version | photos | with a sure face | recognised | median sharpness | refused below 20: recognised, others |")
    print("|---|---|---|---|---|---|")
    for version in [*VERSIONS, None]:
        paths = [path for path in probes if version in (None, probes[path][1])]
        sharp = {path: measured[path] for path in paths if path in measured}
        known = [value for path, value in sharp.items() if path in right]
        others = [value for path, value in sharp.items() if path not in right]
        refused = [sum(value < SHIPPED for value in values) for values in (known, others)]
        median = np.median(list(sharp.values())) if sharp else float("nan")
        print(f"| {version or 'all'} | {len(paths)} | {len(sharp)} | {len(known)} | {median:.0f} | {refused[0]}, {refused[1]} |")
    known = np.array([value for path, value in measured.items() if path in right])
    others = np.array([value for path, value in measured.items() if path in probes and path not in right])
    bounds = np.geomspace(1, 1000, 121)
    curves = [(f"of {len(known)} photos that are recognised", curve(known, bounds), "#0b5cad", 60),
              (f"of {len(others)} that are not", curve(others, bounds), "#b3261e", 78)]
    options.output.write_text(svg(bounds, curves, f"What a bound on sharpness refuses ({options.model})"))


if __name__ == "__main__":
    main()
