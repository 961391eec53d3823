#!/usr/bin/env python3
"""Writes the numbers of ../legacy/face_model.json as pickles that the old notebook could not, but
another enrolment script could have written. Needs numpy; run in this folder."""
import json
import pickle

import numpy as np

people = {name: [np.array(row, np.float32).reshape(1, -1) for row in rows]
          for name, rows in json.load(open("../legacy/face_model.json")).items()}


def write(file, value, protocol):
    with open(file, "wb") as out:
        pickle.dump(value, out, protocol)


write("protocol0.pkl", people, 0)
write("protocol1.pkl", people, 1)
rows = {name: np.concatenate(arrays) for name, arrays in people.items()}
write("fortran.pkl", {name: np.asfortranarray(array) for name, array in rows.items()}, 4)
write("fortran_protocol5.pkl", {name: np.asfortranarray(array) for name, array in rows.items()}, 5)
write("big_endian.pkl", {name: [a.astype(">f4") for a in arrays] for name, arrays in people.items()}, 4)
write("float16.pkl", {name: tuple(a[0].astype(np.float16) for a in arrays) for name, arrays in people.items()}, 4)
write("no_photo.pkl", {"Nobody Found": [], **people}, 4)
# Eileen Collins's photo among Barack Obama's.
write("misfiled.pkl", {**people, "Barack Obama": people["Barack Obama"] + people["Eileen Collins"]}, 4)
