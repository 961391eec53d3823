"""From embeddings to names: the reference of the rule, in numpy.

A statistics file (safetensors) holds a mixture of Gaussians that stands for all strangers. Every vector,
of a template or of a face, gets a place and a scale from it: where the scores of strangers against that
vector end. The score is the cosine, normalised from both sides and, in part, by what is common to all; strangers'
scores are standard normal.
"""
import json
import struct

import numpy as np
from scipy.special import erfc, ndtr, ndtri

P_NEAR, P_FAR = 1e-3, 1e-5  # the two points of a stranger's distribution that give place and scale
Z_NEAR, Z_FAR = -ndtri(P_NEAR), -ndtri(P_FAR)  # 3.090232306167814, 4.264890793922825
COMMON = 0.3  # share of the common normalisation in the score
INDEPENDENCE = 0.9  # the best of n templates' scores is that of n**INDEPENDENCE independent ones (cross_validate.py)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


class Strangers:
    """The statistics of one model and margin."""

    def __init__(self, basis, center, weight, mean, cov, common_place=0.0, common_scale=1.0, shift=0.0, spread=1.0,
                 photos_spread=0.025, meta=None):
        self.basis, self.center = np.asarray(basis, np.float32), np.asarray(center, np.float32)
        self.weight = np.asarray(weight, np.float64) / np.sum(weight, dtype=np.float64)
        self.mean, self.cov = np.asarray(mean, np.float32), np.asarray(cov, np.float32)  # K x d, K x d x d
        self.common_place, self.common_scale = common_place, common_scale
        self.shift, self.spread, self.photos_spread, self.meta = shift, spread, photos_spread, meta or {}

    @classmethod
    def load(cls, path):
        raw = open(path, "rb").read()
        size = struct.unpack("<Q", raw[:8])[0]
        head = json.loads(raw[8 : 8 + size])
        data, meta = raw[8 + size :], head["__metadata__"]
        assert meta["format"] == "facerec-strangers" and meta["version"] == "1"
        t = {}
        for name, h in head.items():
            if name != "__metadata__":
                lo, hi = h["data_offsets"]
                t[name] = np.frombuffer(data[lo:hi], "<f4").reshape(h["shape"])
        d, k = t["mean"].shape[1], len(t["mean"])
        cov = np.zeros((k, d, d), np.float32)
        up = np.triu_indices(d)
        cov[:, up[0], up[1]] = t["covariance"]
        cov[:, up[1], up[0]] = t["covariance"]
        f = lambda key: float(meta[key])
        return cls(t["basis"], t["center"], t["weight"], t["mean"], cov, f("common_place"), f("common_scale"), f("shift"), f("spread"), f("photos_spread"), meta)

    def project(self, embeddings):
        """Embeddings (n x 512, norm 1) into the strangers' space: d numbers, centred, norm 1."""
        return unit(np.asarray(embeddings, np.float32) @ self.basis.T - self.center)

    def place(self, y):
        """Place and scale of each vector: the normal distribution that has the same two tail points as the mixture's
        scores against it."""
        y = np.ascontiguousarray(y, np.float32)
        a = (y @ self.mean.T).astype(np.float64)
        v = np.stack([((y @ c) * y).sum(1) for c in self.cov], 1).astype(np.float64)
        v = np.sqrt(np.maximum(v, 1e-9))
        near, far = (tail_point(self.weight, a, v, p) for p in (P_NEAR, P_FAR))
        scale = np.maximum((far - near) / (Z_FAR - Z_NEAR), 1e-4)
        return near - Z_NEAR * scale, scale

    def score(self, templates, photos, faces):
        """templates (t x d) of `photos` photos each (t), faces (f x d), both projected -> t x f scores; a
        stranger's are standard normal."""
        own, face = self.place(templates), self.place(faces)
        return self.normalise((templates @ faces.T).astype(np.float64), own, face, photos)

    def normalise(self, dot, own, face, photos):
        """own, face: (place, scale) of the rows and of the columns of dot"""
        z = 0.5 * ((dot - own[0][:, None]) / own[1][:, None] + (dot - face[0][None]) / face[1][None])
        z = (1 - COMMON) * z + COMMON * (dot - self.common_place) / self.common_scale
        wider = 1 + self.photos_spread * (1 - 1 / np.asarray(photos, np.float64))
        return (z - self.shift) / (self.spread * np.broadcast_to(wider, (len(dot),))[:, None])


def tail_point(weight, a, v, p):
    """q with sum_k weight_k * Q((q - a_k) / v_k) = p, per row: Newton on the logarithm, kept inside its bracket."""
    z = -ndtri(p)
    lo, hi = (a + z * v).min(1), (a + z * v).max(1)
    # a component alone may be all there is above: the answer lies between the smallest and largest own quantile
    q = hi.copy()
    for _ in range(12):
        u = (q[:, None] - a) / v
        tail = (weight * 0.5 * erfc(u / np.sqrt(2))).sum(1)
        dens = (weight * np.exp(-0.5 * u * u) / v).sum(1) / np.sqrt(2 * np.pi)
        lo, hi = np.where(tail > p, q, lo), np.where(tail > p, hi, q)
        step = q + np.log(np.maximum(tail, 1e-300) / p) * tail / np.maximum(dens, 1e-300)
        q = np.where((step >= lo) & (step <= hi), step, 0.5 * (lo + hi))
    return q


def false_match(score):
    """Probability that a stranger scores this well against one person (or one photo against another)."""
    return ndtr(-np.asarray(score, np.float64))


def stranger_probability(score, people):
    """Probability that a stranger's best of `people` scores this well."""
    return -np.expm1(np.float64(people) ** INDEPENDENCE * np.log1p(-false_match(score)))


def threshold(rate, people):
    return -ndtri(-np.expm1(np.log1p(-rate) / np.float64(people) ** INDEPENDENCE))
