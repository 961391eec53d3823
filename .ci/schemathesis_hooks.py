"""What schemathesis can't make up: files that get past the decoders."""

import os
import pathlib

import schemathesis
from hypothesis import strategies

SAMPLE = pathlib.Path(os.environ["FACEREC_SAMPLE"])
PHOTOS = strategies.sampled_from([path.read_bytes() for path in sorted(SAMPLE.glob("people/*/*.jpg"))])
WORKBOOK = strategies.just((SAMPLE / "roster.xlsx").read_bytes())

# Parts of forms are photos or the workbook; the wrong one of them, or neither, must be refused in order.
schemathesis.openapi.format("binary", PHOTOS | WORKBOOK | strategies.binary(max_size=64))
schemathesis.openapi.media_type("image/*", PHOTOS)
schemathesis.openapi.media_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", WORKBOOK)
