"""A small network over sentence embeddings, which the scorer of risk asks beside its linear model.

One hidden layer, learnt with Adam (Kingma and Ba 2015) and dropout, by numpy alone. Where the linear model weighs each
trait of a sentence by itself, the network sees some of them together; the mean of both is better than either (risk and
look-alikes that share their words, one held-out fold: sensitivity .44 to .47 in place of .40 at the same false alarms,
for networks near this one in size). Its beginnings are drawn from a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

HIDDEN = 128
EPOCHS = 8
BATCH = 256
STEP = 1e-3  # falls to nothing over the epochs
LOST_INPUTS, LOST_HIDDEN = 0.1, 0.5  # shares that are left out at random while learning
DECAY = 0.03
SEED = 1


@dataclass
class Network:
    """`first`: (hidden, vector) and its `first_bias`; `last`: (heads, hidden) and its `last_bias`."""

    first: Array
    first_bias: Array
    last: Array
    last_bias: Array

    def log_odds(self, vectors: Array) -> Array:
        """(rows, heads)"""
        import numpy as np

        result: Array = np.maximum(vectors @ self.first.T + self.first_bias, 0) @ self.last.T + self.last_bias
        return result

    def as_json(self) -> dict[str, Any]:
        return {
            name: [[round(float(value), 4) for value in row] for row in np_rows]
            for name, np_rows in (
                ("first", self.first),
                ("first_bias", self.first_bias[None]),
                ("last", self.last),
                ("last_bias", self.last_bias[None]),
            )
        }


def learn(vectors: Array, truth: Array, weight: Array) -> Network:
    """The network of these rows.

    Args:
        vectors: (rows, size).
        truth, weight: (rows, heads): what is true, and how much it counts.
    """
    import numpy as np

    draw = np.random.default_rng(SEED)
    middle, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    size, heads = vectors.shape[1], truth.shape[1]
    truth, weight = truth.astype(np.float32), weight.astype(np.float32)
    parts = [
        draw.normal(0, (2 / size) ** 0.5, (size, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        draw.normal(0, (1 / HIDDEN) ** 0.5, (HIDDEN, heads)).astype(np.float32),
        np.full(heads, -2, np.float32),
    ]
    adam = _Adam(parts)
    for epoch in range(EPOCHS):
        step = STEP * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = draw.permutation(len(vectors))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            seen = (vectors[rows] - middle) / spread
            seen *= draw.random(seen.shape, dtype=np.float32) > LOST_INPUTS
            sums = seen @ parts[0] + parts[1]
            kept = (draw.random(sums.shape, dtype=np.float32) > LOST_HIDDEN) / np.float32(1 - LOST_HIDDEN)
            kept *= sums > 0
            hidden = sums * kept
            chance = 1 / (1 + np.exp(-np.clip(hidden @ parts[2] + parts[3], -30, 30)))
            wrong = weight[rows] * (chance - truth[rows]) / np.float32(len(rows))
            back = (wrong @ parts[2].T) * kept
            adam.move([seen.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)], step)
    first = parts[0] / spread[:, None]
    return Network(first.T, parts[1] - middle @ first, parts[2].T, parts[3])


class _Adam:
    """Moves `parts` in place; weights, not biases, also shrink a little with every move."""

    def __init__(self, parts: list[Array]) -> None:
        import numpy as np

        self.parts, self.moves = parts, 0
        self.mean = [np.zeros_like(part) for part in parts]
        self.square = [np.zeros_like(part) for part in parts]

    def move(self, slopes: list[Array], step: float) -> None:
        import numpy as np

        self.moves += 1
        for part, slope, mean, square in zip(self.parts, slopes, self.mean, self.square, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            way = (mean / (1 - 0.9**self.moves)) / (np.sqrt(square / (1 - 0.999**self.moves)) + 1e-8)
            part -= step * (way + (DECAY * part if part.ndim == 2 else 0))
