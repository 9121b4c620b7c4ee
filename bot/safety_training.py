"""Trains the scorer of the safety screen (`bot.safety.scorer`) on the examples written for it, with numpy alone.

Ridge-regularised logistic regression for each head, by L-BFGS, and beside it a small network (`bot.safety_network`);
the same data give the same model.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.nlu.conversations import read as read_conversations
from bot.safety.content import SafetyContentError, read
from bot.safety.features import RULE_VALUE, rule_features, word_features, word_value
from bot.safety.scorer import ANY, HEADS, Scorer, ScorerError
from bot.safety.screen import Findings, Screener
from bot.safety.tiers import KINDS, Tier
from bot.safety.windows import Block, Piece, blocks
from bot.safety_network import Network, learn
from bot.settings import ROOT, Settings
from bot.training import fingerprint

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

SAFETY = ROOT / "data" / "safety"
SOURCES = (
    *(
        "data/safety/examples/*.yml",
        "data/safety/rules/*.yml",
        "data/safety/modifiers.yml",
        "data/safety/normalise.yml",
    ),
    *("data/nlu/**/*.yml", "data/nlu/conversations/*.txt", "bot/embedding.py", "bot/safety_training.py"),
    "bot/nlu/conversations.py",
    *("bot/safety/context.py", "bot/safety/features.py", "bot/safety/fold.py", "bot/safety/normalise.py"),
    *("bot/safety/patterns.py", "bot/safety/repair.py", "bot/safety/rules.py", "bot/safety/scorer.py"),
    *("bot/safety/windows.py", "bot/safety/vocabulary.py", "bot/safety_network.py"),
)
"""Everything a model depends on, as patterns from the root."""
KEEP = 2
MOST_ORDINARY = 12000
"""So many lines of ordinary talk are learnt as harmless, three in four from whole conversations; more would take
longer."""
ORDINARY_WEIGHT = 1.0
OTHER_KIND_WEIGHT = 0.2  # a text of another kind may show this one too
PART_WEIGHT = 1.0  # shared by the clauses of a harmless text
VECTOR_PENALTY, WORD_PENALTY = 0.12, 0.3
ROUNDS = 80
LEAST_SEEN = 2  # texts that a feature occurs in
_ENTITY = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


@dataclass(frozen=True)
class Example:
    """One text and what it is: of which kind's examples (empty for ordinary talk), and the tier it calls for."""

    text: str
    kind: str
    tier: Tier


def authored(directory: Path = SAFETY) -> list[Example]:
    """The examples of `directory`/examples, in order, each text once.

    Raises:
        SafetyContentError: a file is wrong; the message names the key.
    """
    found: dict[str, Example] = {}
    for file in sorted((directory / "examples").glob("*.yml")):
        source = read(file)
        source.only("kind", "examples")
        kind = source.text("kind")
        if kind not in KINDS:
            raise source.error("kind", f"{kind!r} is not one of {', '.join(KINDS)}")
        tiers = source.section("examples")
        tiers.only(*(tier.label for tier in Tier))
        for label in tiers.data:
            for text in tiers.texts(label, ()):
                found.setdefault(text, Example(text, kind, Tier.of(label)))
    return list(found.values())


def ordinary(screener: Screener, root: Path = ROOT) -> list[Example]:
    """Ordinary talk from the training data of client language and intents, evenly thinned out, without what the rules
    find risky."""
    told = dict.fromkeys(coded.text for coded in read_conversations(root / "data/nlu/conversations"))
    texts: dict[str, None] = {}
    for file in sorted(root.glob("data/nlu/**/*.yml")):
        for group in read(file).data.get("nlu", ()):
            if "intent" in group:
                texts.update(dict.fromkeys(_lines(group["examples"])))
    some = _thinned(list(told), MOST_ORDINARY * 3 // 4)
    thinned = [*some, *_thinned([text for text in texts if text not in told], MOST_ORDINARY - len(some))]
    return [Example(text, "", Tier.NONE) for text in thinned if screener.screen(text).tier == Tier.NONE]


def _thinned(texts: Sequence[str], most: int) -> Sequence[str]:
    """At most so many of the texts, evenly from first to last."""
    return texts[:: max(1, -(-len(texts) // most))]


def _lines(examples: Any) -> Iterator[str]:
    if isinstance(examples, str):
        lines = [line.strip().removeprefix("- ") for line in examples.splitlines()]
    else:
        lines = [item["text"] if isinstance(item, dict) else item for item in examples]
    for line in lines:
        plain = _ENTITY.sub(r"\1", line).strip()
        if plain and not plain.startswith("/"):
            yield plain


@dataclass(frozen=True)
class Row:
    """One piece of an example as the model sees it: `words` and `rules` are features by name."""

    example: int
    part: bool
    vector: Array
    words: tuple[str, ...]
    rules: tuple[str, ...]


def rows(
    examples: Sequence[Example], screener: Screener, progress: Callable[[str], None] = lambda _: None
) -> list[Row]:
    """Every piece of every example: blocks and, of longer texts, their clauses."""
    from bot.embedding import Embedder

    todo: list[tuple[int, Findings, Block]] = []
    for number, example in enumerate(examples):
        findings = screener.find(example.text)
        todo.extend((number, findings, block) for block in blocks(findings.folded, findings.sentences))
    progress("reading sentences")
    vectors = Embedder(threads=os.cpu_count() or 1).embed_deep(
        [block.text for _, _, block in todo], [[part.place for part in block.parts] for _, _, block in todo]
    )
    out = []
    for (number, findings, block), own in zip(todo, vectors, strict=True):
        for place, piece in enumerate((block.whole, *block.parts)):
            out.append(_row(number, place > 0, own[place], findings, piece))
    return out


def _row(number: int, part: bool, vector: Array, findings: Findings, piece: Piece) -> Row:
    return Row(number, part, vector, tuple(word_features(piece.words)), tuple(rule_features(findings.marks, piece)))


@dataclass
class Model:
    """`features`: the number of each feature; `weights`: one row a head: vector, features, bias. The `network` has as
    much to say as they."""

    features: dict[str, int]
    rarities: Array
    weights: Array
    network: Network

    def log_odds(self, pieces: Sequence[Row]) -> Array:
        """(rows, heads)"""
        matrix = _Matrix(pieces, self.features, self.rarities)
        result: Array = (matrix.times(self.weights) + self.network.log_odds(matrix.dense)) / 2
        return result

    def as_json(self) -> dict[str, Any]:
        """As `Scorer.load` reads it; features that weigh nothing are left out."""
        size = self.weights.shape[1] - len(self.features) - 1
        words = {}
        for feature, number in self.features.items():
            weights = self.weights[:, size + number]
            if abs(weights).max() > 0.02:
                words[feature] = [round(float(value), 3) for value in (*weights, self.rarities[number])]
        return {
            "heads": [f"{kind} {tier.label}" for kind, tier in HEADS],
            "biases": [round(float(head[-1]), 4) for head in self.weights],
            "vectors": [[round(float(value), 5) for value in head[:size]] for head in self.weights],
            "words": words,
            "network": self.network.as_json(),
        }


class _Matrix:
    """The rows as a dense part (vectors) and a sparse one (features), for all heads at once."""

    def __init__(self, pieces: Sequence[Row], features: dict[str, int], rarities: Array) -> None:
        import numpy as np

        self.dense = np.array([row.vector for row in pieces], dtype=np.float32)
        places: list[int] = []
        values: list[float] = []
        owners: list[int] = []
        for owner, row in enumerate(pieces):
            for feature in row.words:
                number = features.get(feature)
                if number is not None:
                    places.append(number)
                    values.append(word_value(float(rarities[number]), len(row.words)))
                    owners.append(owner)
            for feature in row.rules:
                number = features.get(feature)
                if number is not None:
                    places.append(number)
                    values.append(RULE_VALUE)
                    owners.append(owner)
        self.places, self.values, self.owners = np.array(places, int), np.array(values), np.array(owners, int)
        self.size, self.width = self.dense.shape[1], len(features)

    def times(self, weights: Array) -> Array:
        """(rows, heads) from (heads, features)."""
        import numpy as np

        total = self.dense @ weights[:, : self.size].T.astype(np.float32) + weights[:, -1]
        for head, row in enumerate(weights[:, self.size : -1]):
            total[:, head] += np.bincount(self.owners, self.values * row[self.places], minlength=len(self.dense))
        result: Array = total
        return result

    def gradient(self, residual: Array) -> Array:
        """(heads, features) from (rows, heads)."""
        import numpy as np

        dense = (self.dense.T @ residual.astype(np.float32)).T
        sparse = [
            np.bincount(self.places, self.values * column[self.owners], minlength=self.width) for column in residual.T
        ]
        result: Array = np.hstack([dense, np.array(sparse), residual.sum(axis=0)[:, None]])
        return result


def fit(examples: Sequence[Example], pieces: Sequence[Row], progress: Callable[[str], None] = lambda _: None) -> Model:
    """The model of these rows. Of risky texts only the whole is learnt: which clause is risky, nobody has said."""
    import numpy as np

    used = [row for row in pieces if not row.part or examples[row.example].tier == Tier.NONE]
    seen: Counter[str] = Counter(feature for row in used for feature in (*row.words, *row.rules))
    features = {name: number for number, name in enumerate(name for name, n in seen.items() if n >= LEAST_SEEN)}
    rarities = np.array([np.log((1 + len(used)) / (1 + seen[name])) for name in features])
    matrix = _Matrix(used, features, rarities)
    penalty = np.concatenate([np.full(matrix.size, VECTOR_PENALTY), np.full(matrix.width, WORD_PENALTY), [1e-4]])
    count = Counter(row.example for row in used)
    truths, importance = np.zeros((len(used), len(HEADS))), np.zeros((len(used), len(HEADS)))
    for number, row in enumerate(used):
        example = examples[row.example]
        for column, (kind, tier) in enumerate(HEADS):
            mine = kind in (ANY, example.kind)
            truths[number, column] = float(mine and example.tier >= tier)
            importance[number, column] = _weight(example, mine, row.part, count[row.example])
    progress("learning risk")
    weights = _logistic(matrix, truths, importance, penalty)
    return Model(features, rarities, weights, learn(matrix.dense, truths, importance))


def _weight(example: Example, mine: bool, part: bool, pieces: int) -> float:
    if example.tier > Tier.NONE:
        return 1.0 if mine else OTHER_KIND_WEIGHT
    whole = 1.0 if example.kind else ORDINARY_WEIGHT
    return whole * PART_WEIGHT / (pieces - 1) if part else whole


def _logistic(matrix: _Matrix, truth: Array, weight: Array, penalty: Array) -> Array:
    """The weights (heads, features) with the least penalised loss, by L-BFGS (Nocedal 1980) over all heads at once.

    Args:
        truth, weight: (rows, heads): what is true, and how much it counts.
        penalty: (features,), the same for each head.
    """
    import numpy as np

    shape = (truth.shape[1], len(penalty))

    def loss(point: Array) -> tuple[float, Array]:
        weights = point.reshape(shape)
        z = matrix.times(weights)
        chance = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
        value = float((weight * (np.logaddexp(0, z) - truth * z)).sum() + 0.5 * (penalty * weights * weights).sum())
        slope: Array = matrix.gradient(weight * (chance - truth)) + penalty * weights
        return value, slope.ravel()

    point: Array = np.zeros(shape[0] * shape[1])
    value, slope = loss(point)
    steps: list[tuple[Array, Array]] = []
    for _ in range(ROUNDS):
        way = _direction(slope, steps)
        size = 1.0
        while True:
            there = point - size * way
            new_value, new_slope = loss(there)
            if new_value <= value - 1e-4 * size * float(slope @ way) or size < 1e-6:
                break
            size /= 2
        moved, turned = there - point, new_slope - slope
        if float(moved @ turned) > 1e-10:
            steps = [*steps[-9:], (moved, turned)]
        done = abs(value - new_value) < 1e-4 * abs(value)
        point, value, slope = there, new_value, new_slope
        if done:
            break
    return point.reshape(shape)


def _direction(slope: Array, steps: Sequence[tuple[Array, Array]]) -> Array:
    import numpy as np

    way = slope.copy()
    if not steps:
        return way / max(1.0, float(np.linalg.norm(way)))
    shares = []
    for moved, turned in reversed(steps):
        share = float(moved @ way) / float(turned @ moved)
        shares.append(share)
        way = way - share * turned
    moved, turned = steps[-1]
    way = way * (float(moved @ turned) / float(turned @ turned))
    for (moved, turned), share in zip(steps, reversed(shares), strict=True):
        way = way + moved * (share - float(turned @ way) / float(turned @ moved))
    return way


def model_path(settings: Settings) -> Path:
    """The risk model that the settings name, or else where that of the present data is, once it is trained."""
    return settings.risk_model or settings.models / f"risk-{fingerprint(SOURCES)}.json"


def load_scorer(settings: Settings) -> Scorer:
    """The trained scorer with its embedding; about a second.

    Raises:
        ScorerError: the risk model is missing or damaged.
    """
    from bot.embedding import Embedder

    return Scorer.load(model_path(settings), Embedder().embed_one)


def train(settings: Settings, progress: Callable[[str], None], force: bool = False) -> Path:
    """Trains if the present data has no model yet; an interrupted training leaves no half model behind.

    Raises:
        ScorerError: the settings name a model that is not there, or there are no examples.
        SafetyContentError: the data are wrong.
    """
    target = model_path(settings)
    if settings.risk_model is not None and not target.exists():
        raise ScorerError(
            f"There is no risk model {target}: correct EVOKE_RISK_MODEL, or leave it out to have one trained."
        )
    if target.exists() and (not force or settings.risk_model is not None):
        return target
    screener = Screener.load(SAFETY)
    examples = [*authored(), *ordinary(screener)]
    if not any(example.tier > Tier.NONE for example in examples):
        raise SafetyContentError(SAFETY / "examples", "", "holds no example of risk")
    model = fit(examples, rows(examples, screener, progress), progress)
    settings.models.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(model.as_json(), separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    os.replace(unfinished, target)
    for old in sorted(settings.models.glob("risk-*.json"), key=lambda path: path.stat().st_mtime)[:-KEEP]:
        old.unlink()
    return target
