"""Makes the sample: people/, group.jpg, speech.jpg and roster.xlsx. Where the photos come from: README.md.

    pip install 'pillow==10.2.0' openpyxl
    pip download --no-deps --no-binary :all: face_recognition==1.3.0 && tar xzf face_recognition-1.3.0.tar.gz
    pip download --no-deps scikit-image==0.22.0 && unzip scikit_image-0.22.0-*.whl skimage/data/astronaut.png
    python make_sample.py face_recognition-1.3.0/tests/test_images skimage/data
"""

import sys
from pathlib import Path

import openpyxl
from PIL import Image

HERE = Path(__file__).parent
PRESIDENTS, NASA = (Path(argument) for argument in sys.argv[1:])

# One person in each: the crops leave out bystanders (and a pattern that a detector takes for a face).
PEOPLE = {
    "Barack Obama/portrait.jpg": (PRESIDENTS / "obama.jpg", (230, 0, 770, 720)),
    "Joe Biden/portrait.jpg": (PRESIDENTS / "biden.jpg", (290, 50, 860, 810)),
    "Eileen Collins/portrait.jpg": (NASA / "astronaut.png", (90, 0, 360, 338)),
}
# Obama in another photo than the enrolled one; of the two others there is one photo each.
GROUP = [
    (PRESIDENTS / "obama3.jpg", (500, 120, 1050, 808)),
    (PRESIDENTS / "biden.jpg", (260, 20, 886, 802)),
    (NASA / "astronaut.png", (70, 0, 379, 386)),
]
SPEECH = (PRESIDENTS / "obama2.jpg", (60, 60, 545, 760))
ROSTER = [
    ("Name", "ID"),
    ("Barack Obama", 20090044),
    ("Joe Biden", "0046"),  # text, so that the zeros stay
    ("Eileen Collins", "STS-93"),
    # In the course, not enrolled.
    ("عمر خالد", 333),
    ("José Núñez", "021149"),
    ("李雷", 7),
    ("Zoë O'Neill-Straße", "ß-12"),
]


def cut(source, box, size=None):
    photo = Image.open(source).convert("RGB").crop(box)
    return photo.resize(size, Image.LANCZOS) if size else photo


def main():
    for name, (source, box) in PEOPLE.items():
        (HERE / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        cut(source, box).save(HERE / "people" / name, quality=90)
    cut(*SPEECH).save(HERE / "speech.jpg", quality=90)
    group = Image.new("RGB", (3 * 512, 640))
    for i, (source, box) in enumerate(GROUP):
        group.paste(cut(source, box, (512, 640)), (i * 512, 0))
    group.save(HERE / "group.jpg", quality=90)
    book = openpyxl.Workbook()
    book.active.title = "Roster"
    for row in ROSTER:
        book.active.append(row)
    book.save(HERE / "roster.xlsx")


if __name__ == "__main__":
    main()
