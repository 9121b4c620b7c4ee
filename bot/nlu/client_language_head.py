"""The learned head of client language: class probabilities from words, letters, cues and the question asked.

One head knows the four classes of talk (`bot.mi.client_language.CLASSES`), another the DARN-CAT codes with their sign.
It is a logistic regression over blocks of terms, each block TF-IDF weighted and scaled to length 1: word pairs, word
triples with the topic taken out, letter groups (for typos), the words of what was asked or said before, and, for
answers that are not long, these words together with how the answer opens ("yes" to "do you want to"); beside them the
cues found and, for the talk, the sentence embedding where the pipeline has one. scikit-learn fits it; what is kept and
used is a plain table of weights by term, so a message costs one look-up a term and the file is JSON.
Everything is seeded: the same data gives the same head.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.mi.cues import Cues
from bot.mi.language_signals import Signals
from bot.mi.language_text import clauses

# A message as the head sees it: what was typed and the signals read from it and its question.
Row = tuple[str, Signals]
# A sentence embedding (a unit vector), or None where the pipeline has no `SentenceEmbedding`.
Vector = Any
DENSE_SCALE = 2.0  # against the blocks of terms, each of length 1

SHORT = 3  # words; answers this short lean on the question
# block: the least number of training messages a term needs
BLOCKS = {"words": 1, "shapes": 2, "letters": 2, "before": 3, "answers": 3}
LONG = 12  # words; a longer answer stands by itself
OPENING = 6  # words of the question that are paired one by one with the answer
ROUNDS = 60  # of the solver: more change no figure, and take their time
FORMAT = 2


class TalkHead:
    """Fit on (text, signals) rows with their classes; gives probabilities by class."""

    def __init__(self, cues: Cues, *, strength: float = 4.0, seed: int = 0) -> None:
        self._cues = cues
        self._strength = strength
        self._seed = seed
        self._classes: list[str] = []
        self._base: list[float] = []
        # For each block: term -> [inverse document frequency, weight for each class].
        self._tables: dict[str, dict[str, list[float]]] = {}
        self._cue_table: dict[str, list[float]] = {}
        self._dense: list[list[float]] = []

    def fit(
        self,
        rows: Sequence[Row],
        classes: Sequence[str],
        weights: Sequence[float] | None = None,
        vectors: Sequence[Vector] | None = None,
    ) -> TalkHead:
        """Learn from rows, their classes, how much each counts, and their embeddings (same lengths, two classes)."""
        from scipy.sparse import csr_matrix, hstack
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        views = [terms(text, signals, self._cues) for text, signals in rows]
        vectorizers = {}
        matrices = []
        for name, least in BLOCKS.items():
            vectorizers[name] = TfidfVectorizer(
                analyzer=lambda view, block=name: view[block], sublinear_tf=True, min_df=least, max_features=20000
            )
            matrices.append(vectorizers[name].fit_transform(views))
        cues = DictVectorizer()
        matrices.append(cues.fit_transform([cue_features(signals) for _, signals in rows]))
        if vectors is not None:
            matrices.append(csr_matrix([[DENSE_SCALE * float(x) for x in vector] for vector in vectors]))
        # The tolerance is on a sum over thousands of messages: 0.1 is fine enough (measured: nothing changes below).
        model = LogisticRegression(C=self._strength, max_iter=ROUNDS, tol=0.1, random_state=self._seed)
        model.fit(hstack(matrices, format="csr"), list(classes), sample_weight=weights)
        self._keep(model, vectorizers, cues)
        return self

    def _keep(self, model: Any, vectorizers: Mapping[str, Any], cues: Any) -> None:
        """Copy the fitted weights into tables. Two classes would have one row of weights: then both are given."""
        self._classes = [str(name) for name in model.classes_]
        weights, base = model.coef_.T, [float(value) for value in model.intercept_]
        if len(self._classes) == 2:
            weights = [[-float(line[0]) / 2, float(line[0]) / 2] for line in weights]
            base = [-base[0] / 2, base[0] / 2]
        at = 0
        for name, vectorizer in vectorizers.items():
            table = {}
            for term, column in vectorizer.vocabulary_.items():
                values = [vectorizer.idf_[column], *weights[at + column]]
                table[term] = [round(float(value), 4) for value in values]
            self._tables[name] = table
            at += len(table)
        for name, column in cues.vocabulary_.items():
            self._cue_table[name] = [round(float(value), 4) for value in weights[at + column]]
        at += len(cues.vocabulary_)
        self._dense = [[round(float(value), 4) for value in line] for line in weights[at:]]
        self._base = base

    def probabilities(self, text: str, signals: Signals, vector: Vector = None) -> dict[str, float]:
        """Class to probability for one message, for the classes learnt; sums to 1."""
        scores = list(self._base)
        for block, found in terms(text, signals, self._cues).items():
            _add_block(scores, self._tables[block], found)
        for name, value in cue_features(signals).items():
            _add(scores, self._cue_table.get(name, ()), value)
        if vector is not None and self._dense:
            for value, line in zip(vector, self._dense, strict=True):
                _add(scores, line, DENSE_SCALE * float(value))
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return {name: power / total for name, power in zip(self._classes, powers, strict=True)}

    def save(self, path: Path) -> None:
        """Write the tables to one JSON file."""
        content = {
            "format": FORMAT,
            "classes": self._classes,
            "base": self._base,
            "tables": self._tables,
            "cues": self._cue_table,
            "dense": self._dense,
        }
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: Path, cues: Cues) -> TalkHead:
        """Read a head written by `save`. Raises ValueError when it is of another format."""
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("format") != FORMAT:
            raise ValueError(f"{path}: a talk head of format {content.get('format')}, expected {FORMAT}")
        head = cls(cues)
        head._classes, head._base = content["classes"], content["base"]
        head._tables, head._cue_table, head._dense = content["tables"], content["cues"], content["dense"]
        return head


def _add(scores: list[float], weights: Sequence[float], value: float) -> None:
    for n, weight in enumerate(weights):
        scores[n] += weight * value


def _add_block(scores: list[float], table: Mapping[str, list[float]], found: Sequence[str]) -> None:
    """Add one block: (1 + log count) * idf for each known term, the block scaled to length 1."""
    known = [(table[term], count) for term, count in Counter(found).items() if term in table]
    values = [(1 + math.log(count)) * line[0] for line, count in known]
    length = math.sqrt(sum(value * value for value in values))
    for (line, _), value in zip(known, values, strict=True):
        _add(scores, line[1:], value / length)


def terms(text: str, signals: Signals, cues: Cues) -> dict[str, list[str]]:
    """The terms of each block of `BLOCKS` in a message."""
    words = "| ".join(part.text for part in clauses(text, cues))
    return {
        "words": list(_groups(words.split(), 2)),
        "shapes": list(_groups(shape(words, cues).split(), 3)),
        "letters": list(_letters(words)),
        "before": [f"{'asked' if signals.asks else 'said'}: {group}" for group in _groups(signals.before.split(), 2)],
        "answers": list(_answers(text, signals)),
    }


def _answers(text: str, signals: Signals) -> Iterator[str]:
    """How the answer opens and how long it is, with the words of what it answers: "yes" and "8" hang on them."""
    size = len(text.split())
    if size > LONG:
        return
    kind = next((name for name, opening in _OPENINGS if opening.match(text)), "other")
    asked = signals.before.split()
    for group in (*asked[:OPENING], *(f"{one} {two}" for one, two in pairwise(asked))):
        yield f"{kind}, {'short' if size <= SHORT + 1 else 'middling'}: {group}"


def shape(words: str, cues: Cues) -> str:
    """The even words with their topic taken out: "i want to quit" becomes "i want to CHANGE".

    So what is learned of one habit holds for another.
    """
    for name, pattern in (("CHANGE ", cues.change), ("STAY ", cues.stay), ("BAD ", cues.bad), ("GOOD ", cues.good)):
        words = pattern.sub(name, words)
    return words


_OPENINGS = (
    # what an answer opens with, the first that fits
    ("number", re.compile(r"\W*\d")),
    (
        "yes",
        re.compile(
            r"\W*(?:yes|yeah|yep|yup|y|aye|yh|ye|ok|okay|sure|i do|i would|i am|definitely|(?:of )?course|absolutely"
            r"|probably|i think so|i guess|maybe|sometimes)\b",
            re.I,
        ),
    ),
    ("no", re.compile(r"\W*(?:no|nah|nope|not|never|don'?t|i don'?t|i'm not|nothing|none|neither|hardly)\b", re.I)),
    ("unsure", re.compile(r"\W*(?:idk|dunno|don'?t know|not sure|hmm)", re.I)),
)


def _groups(words: list[str], longest: int) -> Iterator[str]:
    for size in range(1, longest + 1):
        for at in range(len(words) - size + 1):
            yield " ".join(words[at : at + size])


def _letters(words: str) -> Iterator[str]:
    """Groups of two to four letters inside each word, its edges marked by a space."""
    for word in words.split():
        edged = f" {word} "
        for size in (2, 3, 4):
            for at in range(len(edged) - size + 1):
                yield edged[at : at + size]


def cue_features(signals: Signals) -> Mapping[str, float]:
    """The signals as named numbers, about 0 to 2 each."""
    short = signals.words <= SHORT
    features = {
        "plus": min(signals.plus, 3.0),
        "minus": min(signals.minus, 3.0),
        "both": min(signals.plus, signals.minus, 2.0),
        "contrast": float(signals.contrast),
        "outright": float(signals.outright),
        "sarcasm": float(signals.sarcastic),
        "words": min(signals.words, 40) / 20,
        "short": float(short),
        "asking": float(signals.asking),
        "good and bad": float(signals.good > 0 and signals.bad > 0),
        "contrast of both": float(signals.contrast and signals.plus > 0 and signals.minus > 0),
    }
    if signals.answer:
        features[f"answer {signals.answer}"] = 1.0
    if signals.asked is not None:
        features[f"asked {signals.asked.id}{' short' if short else ''}"] = 1.0
    for signal in signals.found:
        name = f"{signal.code}{'+' if signal.sign > 0 else '-'}"
        features[name] = features.get(name, 0.0) + min(signal.weight, 1.5)
    return features
