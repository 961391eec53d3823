"""Cross-validates what was tried in place of the rule: a table of docs/accuracy.md.

    python alternatives.py EMBEDDINGS.npz [--splits 6] [--rate 0.01]

Splits and galleries are those of cross_validate.py. Each alternative gets the same people, photos and strangers. Printed for each kind of
gallery, in percent: TPIR at the wanted FPIR with the threshold chosen afterwards, on the strangers themselves, so that only the order of the
scores counts; its mean over the splits, and the mean and standard deviation of the difference to the rule in use. For fits by the number of
photos, where the place of the threshold is what changes: FPIR and TPIR at the threshold for the wanted rate.
"""
import argparse

import numpy as np

from cross_validate import draw
from fit_cohort import POINTS, calibrate, fit, held_out, load, mixture, person_weights, rich_templates, shift_and_spread, tail
from strangers import Strangers, threshold, unit

GALLERIES = [(30, 3), (100, 3), (300, 1), (300, 2)]
NEAREST = 200  # cohort faces that an adaptive normalisation takes


def gaussian(st, x, person):
    """The rule with mean and covariance of strangers in place of a mixture."""
    w = person_weights(person)
    one = Strangers(st.basis, st.center, *mixture(st.project(x), w, 1))
    place, scale = one.place(st.project(x))
    one.common_place, one.common_scale = float(w @ place), float(np.exp(w @ np.log(scale)))
    return one


def adaptive(cohort, templates, faces):
    """Adaptive s-norm: mean and deviation of the nearest strangers, real ones, from both sides."""
    def nearest(y):
        dot = y @ cohort.T
        top = -np.partition(-dot, NEAREST, axis=1)[:, :NEAREST]
        return top.mean(1), np.maximum(top.std(1), 1e-4)

    dot, (own, own_scale), (face, face_scale) = templates @ faces.T, nearest(templates), nearest(faces)
    return 0.5 * ((dot - own[:, None]) / own_scale[:, None] + (dot - face) / face_scale)


def per_photo(st, y, enrolled, faces):
    """Scores against each photo by itself: people x photos x faces."""
    people, photos = enrolled.shape
    return st.score(y[enrolled.ravel()], np.ones(people * photos), faces).reshape(people, photos, -1)


def fitted_by_number(x, person, number):
    """Place and scale of strangers' scores against templates of exactly so many photos, of people held out."""
    parts = []
    for st, y, owner in held_out(x, person, rounds=2):
        t, whose = rich_templates(y, owner, number)
        s = st.score(t, np.ones(len(t)), y)
        ww = np.where(whose[:, None] != owner, person_weights(owner)[None], 0)
        top = (s > 1.8) & (ww > 0)
        parts.append((s[top], ww[top], ww.sum()))
    return shift_and_spread(tail(parts, POINTS), POINTS)


def scores(st, one, cohort, fits, x, person, people, photos, rng):
    """-> {alternative: people x faces}, owners of the probes, which are the first faces"""
    enrolled, probes, owners, strangers = draw(person, people, photos, rng)
    rows = np.concatenate([probes, strangers])
    y = st.project(x)
    faces, number = y[rows], np.full(people, photos)
    t = unit(y[enrolled].mean(1))
    rule = st.score(t, number, faces)
    found = {"in use": rule, "mean and covariance": one.score(t, number, faces), "adaptive, real strangers": adaptive(cohort, t, faces)}
    if photos > 1:
        each = per_photo(st, y, enrolled, faces)
        found["best photo"] = each.max(1)
        found["mean of photos' scores"] = each.mean(1)
        found["template and best photo"] = 0.5 * (rule + each.max(1))
    shift, spread = fits[photos]
    raw = rule * st.spread * (1 + st.photos_spread * (1 - 1 / photos)) + st.shift
    return found, (raw - shift) / spread, owners


def outcome(s, owners, least):
    best, who = s.max(0), s.argmax(0)
    probes = len(owners)
    return (best[probes:] >= least).mean(), ((who[:probes] == owners) & (best[:probes] >= least)).mean()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("embeddings")
    ap.add_argument("--splits", type=int, default=6)
    ap.add_argument("--rate", type=float, default=0.01)
    a = ap.parse_args()
    x, person = load(a.embeddings)
    ids = np.unique(person)
    table, fixed = {}, {}
    for split in range(a.splits):
        rng = np.random.default_rng(1000 + split)
        inside = np.isin(person, rng.permutation(ids)[: len(ids) // 2])
        st = fit(x[inside], person[inside])
        st.shift, st.spread, st.photos_spread = calibrate(x[inside], person[inside], rounds=2)
        one, cohort = gaussian(st, x[inside], person[inside]), st.project(x[inside])
        fits = {number: fitted_by_number(x[inside], person[inside], number) for number in {p for _, p in GALLERIES}}
        for people, photos in GALLERIES:
            runs = [scores(st, one, cohort, fits, x[~inside], person[~inside], people, photos, rng) for _ in range(3)]
            for name in runs[0][0]:
                found = []
                for by_name, _, owners in runs:
                    s = by_name[name]
                    least = np.quantile(s[:, len(owners):].max(0), 1 - a.rate)
                    found.append(outcome(s, owners, least)[1])
                table.setdefault((people, photos, name), []).append(np.mean(found))
            least = threshold(a.rate, people)
            for name, pick in (("photos_spread", lambda run: run[0]["in use"]), ("by number", lambda run: run[1])):
                fixed.setdefault((people, photos, name), []).append(np.mean([outcome(pick(run), run[2], least) for run in runs], 0))
        print(f"split {split + 1} of {a.splits}", flush=True)
    for (people, photos, name), values in table.items():
        values, rule = 100 * np.array(values), 100 * np.array(table[people, photos, "in use"])
        change = values - rule
        print(f"{people:4} x {photos}  {name:26} TPIR at FPIR {values.mean():.1f}  {change.mean():+.2f} +- {change.std():.2f}")
    for (people, photos, name), values in fixed.items():
        fpir, tpir = 100 * np.mean(values, 0)
        print(f"{people:4} x {photos}  {name:26} FPIR {fpir:.2f}  TPIR {tpir:.1f}")


if __name__ == "__main__":
    main()
