"""Cross-validates the rule: the tables of docs/accuracy.md.

    python cross_validate.py EMBEDDINGS.npz [--splits 12] [--rate 0.01]

EMBEDDINGS.npz is that of fit_cohort.py. In each split the statistics are fitted and calibrated on a random half of the people;
galleries, probes and strangers come from the other half. `people x photos` people are drawn from those with enough photos; their
other photos are probes; of everybody else one photo is a stranger. Kinds of galleries for which there are too few such people are left out,
and TPIR where everybody has a single photo. Printed for each kind of gallery, in percent:
  FPIR  share of strangers named at the wanted rate: mean and standard deviation over the splits
  TPIR  share of the probes that get the right name, each photo counted once
  TPIR at FPIR  the same with the threshold chosen afterwards, on the strangers themselves
"""
import argparse

import numpy as np

from fit_cohort import calibrate, fit, load
from strangers import threshold, unit

GALLERIES = [(30, 1), (30, 3), (30, 5), (100, 3), (300, 1), (300, 2), (700, 1)]


def draw(person, people, photos, rng):
    """-> (rows of the templates' photos, rows of the probes, whose they are, rows of the strangers)"""
    ids, count = np.unique(person, return_counts=True)
    chosen = rng.permutation(ids[count >= photos])[:people]
    enrolled, probes, owners = [], [], []
    for at, one in enumerate(chosen):
        rows = rng.permutation(np.nonzero(person == one)[0])
        enrolled.append(rows[:photos])
        probes.extend(rows[photos:])
        owners.extend([at] * (len(rows) - photos))
    strangers = [rng.choice(np.nonzero(person == one)[0]) for one in np.setdiff1d(ids, chosen)]
    return np.array(enrolled), np.array(probes, int), np.array(owners, int), np.array(strangers)


def trial(st, x, person, people, photos, rng):
    """-> (best scores of the probes, whether the best is the right person, best scores of the strangers)"""
    enrolled, probes, owners, strangers = draw(person, people, photos, rng)
    y = st.project(x)
    templates = unit(y[enrolled].mean(1))
    scores = st.score(templates, np.full(len(templates), photos), y[np.concatenate([probes, strangers])])
    best, who = scores.max(0), scores.argmax(0)
    return best[: len(probes)], who[: len(probes)] == owners, best[len(probes) :]


def share(hits):
    return hits.mean() if len(hits) else np.nan


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("embeddings")
    ap.add_argument("--splits", type=int, default=12)
    ap.add_argument("--rate", type=float, default=0.01)
    a = ap.parse_args()
    x, person = load(a.embeddings)
    ids = np.unique(person)
    most = lambda photos: (np.unique(person, return_counts=True)[1] >= photos).sum() // 2
    galleries = [kind for kind in GALLERIES if most(kind[1]) >= kind[0]]
    found = {kind: [] for kind in galleries}
    for split in range(a.splits):
        rng = np.random.default_rng(1000 + split)
        fitted = np.isin(person, rng.permutation(ids)[: len(ids) // 2])
        st = fit(x[fitted], person[fitted])
        st.shift, st.spread, st.photos_spread = calibrate(x[fitted], person[fitted], rounds=2)
        for people, photos in galleries:
            runs = [trial(st, x[~fitted], person[~fitted], people, photos, rng) for _ in range(6 if people < 100 else 3)]
            best, right, strangers = (np.concatenate(part) for part in zip(*runs))
            least, after = threshold(a.rate, people), np.quantile(strangers, 1 - a.rate)
            found[people, photos].append([share(strangers >= least), share(right & (best >= least)), share(right & (best > after))])
    for kind, rows in found.items():
        (fpir, tpir, after), deviation = 100 * np.mean(rows, 0), 100 * np.std(rows, 0)
        known = "" if np.isnan(tpir) else f"  TPIR {tpir:.1f}  TPIR at FPIR {after:.1f}"
        print(f"{kind[0]:4} x {kind[1]}  FPIR {fpir:.2f} +- {deviation[0]:.2f}{known}", flush=True)


if __name__ == "__main__":
    main()
