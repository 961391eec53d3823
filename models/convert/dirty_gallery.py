"""A gallery with photos of the wrong people in it: what setting outliers aside gives.

    python dirty_gallery.py EMBEDDINGS.npz [--splits 12] [--rate 0.01] [--share 0.38]

EMBEDDINGS.npz is that of fit_cohort.py; statistics and galleries come from different halves of its people, as in
cross_validate.py. Three people are enrolled with all their photos but one, which is a probe. To each person's photos so
many of other people, one photo of each, are added that they make up the share (28 of 73 in the gallery that the old
service left behind). Printed with and without setting aside:
  FPIR  share of the strangers that get a name; nobody of them is among the photos
  TPIR  share of the probes that get the right name
  kept, added  share of the person's own and of the added photos that count for the template
"""
import argparse

import numpy as np

from fit_cohort import calibrate, fit, load
from strangers import threshold, unit

PEOPLE, MIN_PHOTOS = 3, 9
KEEP, ROUNDS = 2.5, 8  # src/gallery/outliers.rs


def counting(st, y):
    """Which photos of one person count, as src/gallery/outliers.rs has it."""
    score = st.score(y, np.ones(len(y)), y)
    like = (score >= KEEP) | np.eye(len(y), dtype=bool)
    sums = np.where(like & ~np.eye(len(y), dtype=bool), score, 0).sum(1)
    core = max(range(len(y)), key=lambda at: (like[at].sum(), sums[at]))
    if like[core].sum() < 2:
        return np.ones(len(y), bool)
    counts = like[core]
    for _ in range(ROUNDS):
        following = np.array([is_like_the_others(st, y, counts, at) for at in range(len(y))])
        if (following == counts).all() or not following.any():
            break
        counts = following
    return counts


def is_like_the_others(st, y, counts, at):
    others = counts & (np.arange(len(y)) != at)
    if not others.any():
        return True
    return st.score(unit(y[others].mean(0))[None], [others.sum()], y[at][None])[0, 0] >= KEEP


def gallery(y, person, share, rng):
    """-> (photos of each person, which of them are the person's own, probes, strangers)"""
    ids, count = np.unique(person, return_counts=True)
    chosen = rng.permutation(ids[count >= MIN_PHOTOS])[:PEOPLE]
    others = rng.permutation([rng.choice(np.nonzero(person == one)[0]) for one in np.setdiff1d(ids, chosen)])
    enrolled, own, probes = [], [], []
    for one in chosen:
        rows = rng.permutation(np.nonzero(person == one)[0])
        added = round((len(rows) - 1) * share / (1 - share))
        enrolled.append(np.concatenate([rows[1:], others[:added]]))
        own.append(np.arange(len(rows) - 1 + added) < len(rows) - 1)
        probes.append(rows[0])
        others = others[added:]
    return [y[rows] for rows in enrolled], own, y[probes], y[others]


def trial(st, enrolled, probes, strangers, counts, rate):
    """-> (named strangers, recognised probes), as shares"""
    templates = np.stack([unit(photos[some].mean(0)) for photos, some in zip(enrolled, counts)])
    photos = np.array([some.sum() for some in counts])
    least = threshold(rate, len(templates))
    named = st.score(templates, photos, strangers).max(0) >= least
    scores = st.score(templates, photos, probes)
    right = (scores.argmax(0) == np.arange(len(probes))) & (scores.max(0) >= least)
    return named.mean(), right.mean()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("embeddings")
    ap.add_argument("--splits", type=int, default=12)
    ap.add_argument("--rate", type=float, default=0.01)
    ap.add_argument("--share", type=float, default=0.38)
    a = ap.parse_args()
    x, person = load(a.embeddings)
    found, every, kept = [], [], []
    for split in range(a.splits):
        rng = np.random.default_rng(2000 + split)
        ids = np.unique(person)
        fitted = np.isin(person, rng.permutation(ids)[: len(ids) // 2])
        st = fit(x[fitted], person[fitted])
        st.shift, st.spread, st.photos_spread = calibrate(x[fitted], person[fitted], rounds=2)
        y = st.project(x[~fitted])
        for _ in range(20):
            enrolled, own, probes, strangers = gallery(y, person[~fitted], a.share, rng)
            counts = [counting(st, photos) for photos in enrolled]
            found.append(trial(st, enrolled, probes, strangers, counts, a.rate))
            every.append(trial(st, enrolled, probes, strangers, [np.ones(len(photos), bool) for photos in enrolled], a.rate))
            kept.append([np.concatenate(counts)[np.concatenate(own)].mean(), np.concatenate(counts)[~np.concatenate(own)].mean()])
    for what, rows in (("set aside", found), ("all count", every)):
        fpir, tpir = 100 * np.mean(rows, 0)
        print(f"{what}: FPIR {fpir:.2f} TPIR {tpir:.1f}")
    own, added = 100 * np.mean(kept, 0)
    print(f"kept {own:.1f}, added {added:.1f}")


if __name__ == "__main__":
    main()
