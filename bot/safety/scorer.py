"""A learned second opinion on risk: for each kind, how likely a text shows it, and at which tier.

Two models in equal parts: a linear one over three views of a text, its sentence embedding (meaning), its words, and
which rules matched and how it was said; and a small network over the embedding alone. They read the whole message and
each clause, and keep the gravest. Trained by `bot.safety_training` on the examples in `data/safety/examples`; the
weights are JSON, the embedding is passed in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.safety.features import RULE_VALUE, Mark, rule_features, word_features, word_value
from bot.safety.tiers import KINDS, Tier
from bot.safety.windows import Block, Piece

ANY = "any"
SUBJECTS = (ANY, *KINDS)
"""`any` is risk of whatever kind: it has the most examples, and decides whether there is one."""
STEPS = (Tier.CHECK_IN, Tier.MODERATE, Tier.HIGH)
HEADS = tuple((subject, step) for subject in SUBJECTS for step in STEPS)
"""What the model estimates: the probability that a text is of at least this tier, for this kind."""

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]
else:
    Vectors = Any
Embed = Callable[[str, Sequence[tuple[int, int]]], Vectors]
"""A text and places in it (start and end, in characters) in; a vector for the text and one for each place out."""


class ScorerError(ValueError):
    """The model's file is missing or wrong; the message says which, and what to do."""


@dataclass(frozen=True)
class Score:
    """Probabilities, 0 to 1, that a text is at least of each tier of STEPS (falling), and the piece they are from."""

    at_least: Mapping[Tier, float]
    span: tuple[int, int]

    @property
    def probability(self) -> float:
        """That there is any such risk."""
        return self.at_least[Tier.CHECK_IN]


class Scorer:
    """Loaded once, then shared; it keeps nothing about what it has read."""

    def __init__(
        self,
        biases: Sequence[float],
        vectors: Sequence[Sequence[float]],
        words: Mapping[str, Sequence[float]],
        embed: Embed,
        network: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ) -> None:
        """`words`: for each word or rule feature its weights by head, and for words the rarity at the end. `network`:
        the layers of `bot.safety_network`; without one the linear model decides alone."""
        import numpy as np  # the rules do without it

        self._biases, self._embed = np.array(biases, dtype=np.float32), embed
        self._vectors = np.array(vectors, dtype=np.float32)
        self._places = {feature: place for place, feature in enumerate(words)}
        rows = [[*weights, 1.0][: len(HEADS) + 1] for weights in words.values()]
        self._words = np.array(rows, dtype=np.float32).reshape(-1, len(HEADS) + 1)
        layers = {name: np.array(rows, dtype=np.float32) for name, rows in (network or {}).items()}
        self._layers = (layers["first"], layers["first_bias"], layers["last"], layers["last_bias"]) if layers else None

    @classmethod
    def load(cls, path: Path, embed: Embed) -> Scorer:
        """Reads the weights, about 0.2 s.

        Raises:
            ScorerError: there is no such file, or it is of another version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ScorerError(f"There is no risk model {path}: run `evoke train`.") from None
        except (OSError, ValueError) as error:
            raise ScorerError(f"The risk model {path} cannot be read ({error}): run `evoke train --force`.") from error
        if not isinstance(data, dict) or data.get("heads") != [f"{kind} {tier.label}" for kind, tier in HEADS]:
            raise ScorerError(f"The risk model {path} is of another version: run `evoke train --force`.")
        return cls(data["biases"], data["vectors"], data["words"], embed, data.get("network"))

    def score(self, blocks: Iterable[Block], marks: Sequence[Mark] = ()) -> dict[str, Score]:
        """For `any` and for each kind, the gravest of the message's pieces; empty when it has no words."""
        best: dict[str, Score] = {}
        for block in blocks:
            pieces = (block.whole, *block.parts)
            vectors = self._embed(block.text, [part.place for part in block.parts])
            for piece, log_odds in zip(pieces, self._seen(vectors), strict=True):
                for subject, score in self._scores(piece, log_odds, marks):
                    if subject not in best or _gravity(score) > _gravity(best[subject]):
                        best[subject] = score
        return best

    def _seen(self, vectors: Vectors) -> Vectors:
        """What both models make of the embeddings, the linear one's words and rules left out: (pieces, heads)."""
        linear = _product(vectors, self._vectors)
        linear += self._biases
        if self._layers is None:
            return linear
        first, first_bias, last, last_bias = self._layers
        hidden = _product(vectors, first)
        hidden += first_bias
        hidden[hidden < 0] = 0
        both = _product(hidden, last)
        both += last_bias
        both += linear
        both /= 2
        return both

    def _scores(self, piece: Piece, log_odds: Vectors, marks: Sequence[Mark]) -> Iterable[tuple[str, Score]]:
        texts = word_features(piece.words)
        share = 1.0 if self._layers is None else 0.5  # the linear model's
        words = self._words[[self._places[feature] for feature in texts if feature in self._places]]
        rules = [self._places[name] for name in rule_features(marks, piece) if name in self._places]
        values = words[:, -1] * word_value(1.0, max(1, len(texts)))
        known = (values[:, None] * words[:, :-1]).sum(axis=0) + RULE_VALUE * self._words[rules, :-1].sum(axis=0)
        sums = (log_odds + share * known).tolist()
        for number, subject in enumerate(SUBJECTS):
            at_least, last = {}, 1.0
            for place, step in enumerate(STEPS):
                last = min(last, probability(sums[number * len(STEPS) + place]))
                at_least[step] = last
            yield subject, Score(at_least, piece.span)


def _product(rows: Vectors, weights: Vectors) -> Vectors:
    """`rows` times the transposed `weights`, on one thread: so little work is slower on several, which then wait for
    more."""
    import numpy as np

    result: Vectors = np.einsum("ij,kj->ik", rows, weights)
    return result


def probability(log_odds: float) -> float:
    """The probability of these log odds; never overflows."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


def _gravity(score: Score) -> float:
    return sum(score.at_least.values())
