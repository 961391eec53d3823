"""Makes the statistics of strangers of one model and margin from embeddings of people who are not enrolled.

    python fit_cohort.py EMBEDDINGS.npz OUT.safetensors --model NAME --margin PIXELS --source TEXT

EMBEDDINGS.npz: `embeddings` (n x 512, norm 1, any float), `person` (n, any integers; photos of one person share one).
Only sums over many people leave this script: a basis, a centre, and a mixture of Gaussians (weights, means,
covariances) in it; the scores of people held out say how far they are from standard normal.

The file is safetensors (https://github.com/huggingface/safetensors): u64 little-endian length of the header, JSON header, then
float32 little-endian. Tensors (d dimensions, K components):
    basis       d x 512         rows orthonormal; y = unit(basis x - center)
    center      d
    weight      K               sums to 1
    mean        K x d
    covariance  K x d(d+1)/2    upper triangle, row by row
Numbers in `__metadata__` (strings, as the format wants): format "facerec-strangers", version "1", model, margin_px, source, people,
photos, common_place and common_scale (means over the people; the scale's is geometric), shift and spread (held-out strangers' scores have
this place and scale before they are standard normal), photos_spread (how much wider scores against a template of many photos are).
"""
import argparse
import hashlib
import json
import struct

import numpy as np

from strangers import Strangers, Z_NEAR, unit
from scipy.special import ndtri

# Shares of strangers at which scores are calibrated.
POINTS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
LOST_VARIANCE = 1e-4  # the basis keeps all but this
PEOPLE_A_COMPONENT, MOST_COMPONENTS = 150, 16
PRIOR_PEOPLE = 100  # a component's covariance is drawn to the common one as if by this many people
EM_STEPS = 12


def person_weights(person):
    _, at, count = np.unique(person, return_inverse=True, return_counts=True)
    return (1 / count[at]) / len(count)


def basis_of(x, w):
    x = x.astype(np.float64)
    mean = w @ x
    cov = ((x - mean) * w[:, None]).T @ (x - mean)
    value, vector = np.linalg.eigh(cov)
    value, vector = value[::-1], vector[:, ::-1]
    d = int(np.searchsorted(np.cumsum(value), (1 - LOST_VARIANCE) * value.sum())) + 1
    basis = vector[:, :d].T
    basis *= np.sign(basis[np.arange(d), np.abs(basis).argmax(1)])[:, None]  # which way is up: largest entry
    return basis.astype(np.float32), (basis @ mean).astype(np.float32)


def mixture(y, w, components, seed=1):
    """Weighted EM, full covariances drawn to the common one; started by k-means."""
    y, w = np.ascontiguousarray(y, np.float32), w.astype(np.float32)
    n, d = y.shape
    people = float(w.sum() ** 2 / (w**2).sum())
    mean = y[np.random.default_rng(seed).choice(n, components, replace=False)].copy()
    for _ in range(12):
        own = ((mean**2).sum(1) - 2 * y @ mean.T).argmin(1)
        for k in range(components):
            if (own == k).any():
                mean[k] = w[own == k] @ y[own == k] / w[own == k].sum()
    share = np.eye(components, dtype=np.float32)[own]
    for _ in range(EM_STEPS):
        part = share * w[:, None]
        mass = np.maximum(part.sum(0), 1e-6)
        weight, mean = mass / mass.sum(), (part.T @ y) / mass[:, None]
        scatter = np.empty((components, d, d), np.float32)
        for k in range(components):
            c = (y - mean[k]) * np.sqrt(part[:, k : k + 1])
            scatter[k] = c.T @ c
        common = scatter.sum(0) / mass.sum()
        cov = (scatter * people / w.sum() + PRIOR_PEOPLE * common) / (mass * people / w.sum() + PRIOR_PEOPLE)[:, None, None]
        log = np.empty((n, components), np.float32)
        for k in range(components):
            root = np.linalg.cholesky(cov[k].astype(np.float64) + 1e-6 * np.eye(d))
            u = (y - mean[k]) @ np.linalg.inv(root).astype(np.float32).T
            log[:, k] = np.log(weight[k]) - 0.5 * (u * u).sum(1) - np.log(np.diag(root)).sum()
        share = np.exp(log - log.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
    return weight, mean, cov


def fit(x, person):
    w = person_weights(person)
    basis, center = basis_of(x, w)
    y = unit(x.astype(np.float32) @ basis.T - center)
    people = len(np.unique(person))
    components = int(np.clip(round(people / PEOPLE_A_COMPONENT), 1, MOST_COMPONENTS))
    st = Strangers(basis, center, *mixture(y, w, components))
    place, scale = st.place(y)
    st.common_place, st.common_scale = round(float(w @ place), 4), round(float(np.exp(w @ np.log(scale))), 4)
    return st


def tail(parts, points):
    """parts: (scores, weights, weight in all) -> the values that these shares of the weight lie above"""
    s, w = np.concatenate([q[0] for q in parts]), np.concatenate([q[1] for q in parts])
    order = np.argsort(-s, kind="stable")
    above = np.cumsum(w[order]) / sum(q[2] for q in parts)
    return np.array([s[order][np.searchsorted(above, p)] for p in points])


def load(path):
    """-> (embeddings of norm 1, whose they are)"""
    z = np.load(path)
    return unit(z["embeddings"].astype(np.float32)), z["person"]


def held_out(x, person, rounds, folds=5, seed=5):
    """Statistics of all folds but one, and the faces of that one: (statistics, projected faces, whose they are), again and again."""
    rng = np.random.default_rng(seed)
    ids, at = np.unique(person, return_inverse=True)
    for _ in range(rounds):
        of = rng.permutation(np.arange(len(ids)) % folds)[at]
        for f in range(folds):
            st = fit(x[of != f], person[of != f])
            st.photos_spread = 0.0
            yield st, st.project(x[of == f]), person[of == f]


def rich_templates(y, owner, photos):
    """Templates of exactly so many photos, of the people who have them, and whose they are."""
    rows = [np.nonzero(owner == one)[0] for one in np.unique(owner)]
    rows = [one[:photos] for one in rows if len(one) >= photos]
    return (unit(y[np.array(rows)].mean(1)), owner[[one[0] for one in rows]]) if rows else None


def shift_and_spread(found, points):
    """The line from a normal deviate to the scores found at these shares of strangers."""
    z = -ndtri(points)
    spread = float(((z - z.mean()) * (found - found.mean())).sum() / ((z - z.mean()) ** 2).sum())
    return float(found.mean() - spread * z.mean()), spread


def calibrate(x, person, rounds=4, many=3):
    """Scores of people who were held out of the fit, against each other: (shift, spread, photos_spread). Each person weighs
    the same. Read between 1e-2 and 1e-4 only: above, LFW's own mistakes (one person under two names) are what is left."""
    singles, several = [], []
    for st, y, owner in held_out(x, person, rounds):
        w, face = person_weights(owner), st.place(y)

        def collect(into, t, owners, weights):
            s = st.normalise((t @ y.T).astype(np.float64), st.place(t), face, 1)
            other = owners[:, None] != owner
            ww = np.where(other, weights[:, None] * w, 0)
            top = other & (s > 1.8)
            into.append((s[top], ww[top], ww.sum()))

        collect(singles, y, owner, w)
        rich = rich_templates(y, owner, many)
        if rich:
            collect(several, *rich, np.ones(len(rich[0])))
    wider = 0.025
    if sum(len(q[0]) for q in singles) < 20_000:
        return 0.0, 1.0, wider
    one = tail(singles, POINTS)
    shift, spread = shift_and_spread(one, POINTS)
    if sum(len(q[0]) for q in several) > 20_000:
        wider = float(np.mean(tail(several, POINTS) / one) - 1) / (1 - 1 / many)
    return round(shift, 3), round(spread, 3), round(max(wider, 0.0), 3)


def save(path, st, **meta):
    d = st.mean.shape[1]
    up = np.triu_indices(d)
    tensors = {"basis": st.basis, "center": st.center, "weight": st.weight, "mean": st.mean, "covariance": st.cov[:, up[0], up[1]]}
    head = {"__metadata__": {"format": "facerec-strangers", "version": "1", **{k: str(v) for k, v in meta.items()},
                             "common_place": str(st.common_place), "common_scale": str(st.common_scale), "shift": str(st.shift), "spread": str(st.spread), "photos_spread": str(st.photos_spread)}}
    body = b""
    for name, t in tensors.items():
        raw = np.ascontiguousarray(t, "<f4").tobytes()
        head[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    data = {name: np.ascontiguousarray(t, "<f4").tobytes() for name, t in tensors.items()}
    head["__metadata__"]["sha256"] = hashlib.sha256(b"".join(data[name] for name in sorted(data))).hexdigest()
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("embeddings")
    ap.add_argument("out")
    ap.add_argument("--model", required=True)
    ap.add_argument("--margin", type=int, required=True)
    ap.add_argument("--source", required=True)
    a = ap.parse_args()
    x, person = load(a.embeddings)
    st = fit(x, person)
    st.shift, st.spread, st.photos_spread = calibrate(x, person)
    save(a.out, st, model=a.model, margin_px=a.margin, source=a.source, people=len(np.unique(person)), photos=len(x))
    print(f"{a.out}: {len(np.unique(person))} people, {len(x)} photos, {st.mean.shape[1]} dimensions, {len(st.weight)} components, "
          f"shift {st.shift}, spread {st.spread}, photos_spread {st.photos_spread}")


if __name__ == "__main__":
    main()
