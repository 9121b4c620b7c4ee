"""Which meanings a message is like: sentence embeddings of its parts against those of the meanings' examples.

Two measures are added. `near` is the mean cosine to a meaning's two nearest examples: it sees wording and topic, and
takes "I can't stop drinking" for "I don't want to stop drinking". `told` is the cosine to the mean of a meaning's
examples in a space where the directions in which examples of one meaning differ among themselves (topics, mostly) are
shrunk (within-class whitening; Fisher's linear discriminant, Fukunaga 1990, ch. 10): it sees what sets meanings apart.
Embeddings are blind to denial, so an example that denies where the part does not, or the other way, counts for less.

The embedder and the vectors (`bot.meanings_training` makes them) are handed in; nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Vectors = np.ndarray[Any, np.dtype[Any]]
NEAREST = 2
OTHER_POLARITY = 0.10
"""Taken off the cosine to an example that denies where the client does not, or the other way."""
MOST_PARTS = 6
LONG_PART = 15
"""Words; in a longer part a denial may belong to anything, and polarity is not compared."""
_DENIAL = re.compile(
    r"\b(?:not|no|never|nobody|nothing|none|hardly|without|cannot|nor"
    r"|(?:ca|wo|do|does|did|is|are|was|were|have|has|had|could|would|should|ai)n'?t)\b",
    re.IGNORECASE,
)


class Embeds(Protocol):
    """Texts in, one unit vector each out."""

    def embed(self, texts: Sequence[str]) -> Vectors: ...


def denies(text: str) -> bool:
    """Whether a text has a denial in it ("I dont want to", "nobody asked")."""
    return _DENIAL.search(text) is not None


@dataclass(frozen=True)
class Examples:
    """What training leaves: for n examples of k meanings and m sentences.

    `owners` (n): the number of each example's meaning; `vectors` (n, d); `denying` (n); `told` (d, d): the map into the
    whitened space, with `centre` (d) and `means` (k, d) in it; `pull` (k): how near other meanings' examples come to
    each, which is taken off, for some are near to everything; `sentences` and `said` (m, d): the reflections' vectors.
    """

    names: tuple[str, ...]
    owners: Vectors
    vectors: Vectors
    denying: Vectors
    told: Vectors
    centre: Vectors
    means: Vectors
    pull: Vectors
    sentences: tuple[str, ...]
    said: Vectors


@dataclass(frozen=True)
class Like:
    """How like a meaning the likest part of a message is: `value` about 0 to 2, and which part it was."""

    value: float
    part: int


@dataclass(frozen=True)
class Reading:
    """One message as compared with the bank: `likes` by meaning, and `fit` (-1..1) of a reflection to the whole."""

    likes: Mapping[str, Like]
    fit: Mapping[str, float]


class Likeness:
    """Loaded once, then shared."""

    def __init__(self, examples: Examples, embedder: Embeds) -> None:
        self._examples, self._embedder = examples, embedder
        size = int(max(np.bincount(examples.owners)))
        # each meaning's examples in rows of their own, filled up with zeros, so that one product serves all
        self._rows = np.zeros((len(examples.names), size, examples.vectors.shape[1]), np.float32)
        self._denying = np.zeros((len(examples.names), size), bool)
        for meaning in range(len(examples.names)):
            own = np.flatnonzero(examples.owners == meaning)
            self._rows[meaning, : len(own)] = examples.vectors[own]
            self._denying[meaning, : len(own)] = examples.denying[own]

    def read(self, parts: Sequence[str], whole_too: bool = True) -> Reading:
        """Compares the parts of a message, one at least, with every meaning.

        The first part is the whole: it decides the fit, and counts as a part like others only if `whole_too`, or if it
        is the only one. At most MOST_PARTS are read.
        """
        parts = list(parts)[:MOST_PARTS]
        known = self._examples
        vectors = self._embedder.embed(parts[:1])  # apart from the others: a batch costs as much as its longest text
        if len(parts) > 1:
            vectors = np.concatenate([vectors, self._embedder.embed(parts[1:])])
        value = self.values(vectors, parts)
        if not whole_too and len(parts) > 1:
            value[0] = -2.0
        best = value.argmax(axis=0)
        likes = {
            name: Like(float(value[part, number]), int(part))
            for number, (name, part) in enumerate(zip(known.names, best, strict=True))
        }
        fit = dict(zip(known.sentences, _products(vectors[:1], known.said)[0].tolist(), strict=True))
        return Reading(likes, fit)

    def between(self, one: str, other: str) -> float:
        """How near two texts are in what they are about: the cosine of their vectors, -1 to 1."""
        vectors = self._embedder.embed([one, other])
        return float(_products(vectors[:1], vectors[1:])[0, 0])

    def values(self, vectors: Vectors, parts: Sequence[str]) -> Vectors:
        """(parts, meanings): how like each part is to each meaning."""
        known = self._examples
        inside = _products(vectors, known.told.T) - known.centre
        inside /= np.linalg.norm(inside, axis=1, keepdims=True)
        values: Vectors = self._near(vectors, parts) + _products(inside, known.means) - known.pull
        return values

    def _near(self, vectors: Vectors, parts: Sequence[str]) -> Vectors:
        count, size, dimensions = self._rows.shape
        cosines = _products(vectors, self._rows.reshape(-1, dimensions)).reshape(len(parts), count, size)
        for row, part in enumerate(parts):
            if len(part.split()) < LONG_PART:
                cosines[row] -= OTHER_POLARITY * (self._denying != denies(part))
        nearest: Vectors = np.partition(cosines, -NEAREST, axis=2)[:, :, -NEAREST:].mean(axis=2)
        return nearest


def _products(left: Vectors, right: Vectors) -> Vectors:
    """Each row of `left` by each row of `right`. By einsum and not by BLAS, whose threads cost more than they give
    for so few numbers (16 ms instead of 1 on two busy cores)."""
    products: Vectors = np.einsum("ad,bd->ab", left, right)
    return products
