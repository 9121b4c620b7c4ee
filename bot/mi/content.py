"""What the bot can say apart from reflections: moves, topics, values and facts, read once from data/mi."""

from __future__ import annotations

import random
import re
import string
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ACTS = (
    "open_question",
    "closed_question",
    "affirm",
    "autonomy",
    "support",
    "simple_reflection",
    "complex_reflection",
    "give_information",
    "seek_permission",
    "summary",
    "structure",
)
"""What a move is in MITI 4.2.1's terms; `bot.mi.fidelity` counts them."""


class ContentError(ValueError):
    """A content file is wrong; the message names file and key."""


@dataclass(frozen=True)
class Variant:
    """One wording of a move, with the topics and topic kinds it fits (empty: all) and the slots it needs."""

    text: str
    topics: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that stand for this wording in a conversation's memory."""
        return f"{zlib.crc32(self.text.encode()):08x}"


@dataclass(frozen=True)
class Move:
    id: str
    act: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Topic:
    """A change a client may want to talk about.

    `behaviour` fits "What do you like about …?", `change` fits "thinking about …"; `kind` is less, more or better.
    """

    id: str
    label: str
    behaviour: str
    change: str
    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    id: str
    topics: frozenset[str]
    about: tuple[str, ...]
    text: str
    source: str


@dataclass(frozen=True)
class Affirmation:
    """When a move of affirming fits what the client said: see data/mi/affirmations.yml."""

    move: str
    talk: str
    words: re.Pattern[str]
    unless: re.Pattern[str]

    def fits(self, text: str, talk: str) -> bool:
        """Whether `text`, lower case with straight apostrophes, shows it; `talk` is change, sustain or neutral."""
        return self.talk in ("any", talk) and bool(self.words.search(text)) and not self.unless.search(text)


@dataclass(frozen=True)
class Line:
    """A wording ready to be said. `act` is the move's act, `move` its id, `variant` the wording's id."""

    text: str
    act: str
    move: str
    variant: str = ""


@dataclass(frozen=True)
class Content:
    moves: Mapping[str, Move]
    topics: Mapping[str, Topic]
    values: Mapping[str, str]
    facts: tuple[Fact, ...]
    languages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    affirmations: tuple[Affirmation, ...] = ()
    hearing: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    _patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, directory: Path) -> Content:
        """Reads moves/*.yml, topics.yml, values.yml, facts.yml, languages.yml, affirmations.yml and hearing.yml.

        Raises:
            ContentError: a file is missing or a key in it is wrong.
        """
        moves: dict[str, Move] = {}
        for path in sorted((directory / "moves").glob("*.yml")):
            for name, raw in _read(path).items():
                if name in moves:
                    raise ContentError(f"{path.name}: {name}: this move is already in another file")
                moves[name] = _move(path.name, name, raw)
        topics = {name: _topic(name, raw) for name, raw in _read(directory / "topics.yml").items()}
        values_raw = _read(directory / "values.yml")
        values = _values(values_raw)
        facts = tuple(_facts(_read(directory / "facts.yml")))
        languages = {name: frozenset(words) for name, words in _read(directory / "languages.yml").items()}
        affirmations = tuple(_affirmations(_read(directory / "affirmations.yml"), moves))
        hearing = _hearing(_read(directory / "hearing.yml"))
        patterns = {
            name: re.compile(r"\b(?:" + "|".join(re.escape(w) for w in sorted(t.words, key=len, reverse=True)) + r")\b")
            for name, t in topics.items()
            if t.words
        }
        return cls(moves, topics, values, facts, languages, affirmations, hearing, patterns)

    def say(
        self,
        move: str,
        *,
        said: Collection[str],
        rng: random.Random,
        topic: str | None = None,
        slots: Mapping[str, str] | None = None,
    ) -> Line | None:
        """A wording of `move` that was not said yet in this conversation; None when none is left that fits."""
        return next(iter(self._fitting(move, said, rng, topic, slots)), None)

    def _fitting(
        self, move: str, said: Collection[str], rng: random.Random, topic: str | None, slots: Mapping[str, str] | None
    ) -> list[Line]:
        entry = self.moves.get(move)
        if entry is None:
            raise ContentError(f"moves: no move is called {move}")
        about = self.topics.get(topic or "other") or self.topics["other"]
        filled = {"behaviour": about.behaviour, "change": about.change, "topic": about.label, **(slots or {})}
        fitting = [
            v
            for v in entry.variants
            if v.id not in said
            and (not v.topics or about.id in v.topics)
            and (not v.kinds or about.kind in v.kinds)
            and v.slots <= filled.keys()
        ]
        rng.shuffle(fitting)
        return [Line(capitalised(v.text.format(**filled)), entry.act, entry.id, v.id) for v in fitting]

    def topics_in(self, text: str) -> tuple[str, ...]:
        """Ids of the topics that `text` names, in the order in which they come up."""
        lowered = text.lower()
        found = [(m.start(), name) for name, p in self._patterns.items() if (m := p.search(lowered))]
        return tuple(name for _, name in sorted(found))

    def hears(self, what: str, text: str) -> bool:
        """Whether a message says `what` (a key of hearing.yml) by its words alone."""
        return self.hearing[what].search(text) is not None

    def language_of(self, text: str) -> str | None:
        """The language other than English that `text` shows (data/mi/languages.yml), or None."""
        words = re.findall(r"[^\W\d_]+", text.lower())
        hits = {name: sum(word in known for word in words) for name, known in self.languages.items()}
        english = hits.pop("en", 0)
        best = max(hits, key=lambda name: hits[name], default=None)
        return best if best is not None and hits[best] >= 2 and hits[best] > english else None

    def fact_about(self, text: str, topic: str | None, told: Collection[str] = ()) -> Fact | None:
        """The fact whose keywords `text` hits most often, and none twice.

        One hit is enough for a fact of the client's own topic, or before there is one; another topic's needs two.
        """
        lowered = text.lower()

        def hits(fact: Fact) -> float:
            words = sum(1 for w in fact.about if re.search(rf"\b{re.escape(w)}", lowered))
            return words + (0.5 if words and topic in fact.topics else 0)

        best = max((f for f in self.facts if f.id not in told), key=hits, default=None)
        if best is None:
            return None
        return best if hits(best) >= (1 if topic is None or topic in best.topics else 2) else None


def capitalised(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContentError(f"{path.name}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ContentError(f"{path.name}: not valid YAML: {error}") from error
    if isinstance(raw, dict):
        return raw
    if isinstance(raw, list):
        return {str(entry.get("id", number)): entry for number, entry in enumerate(raw, 1)}
    raise ContentError(f"{path.name}: expected a mapping or a list")


def _any_of(patterns: Sequence[str], flags: int = 0) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), flags)


def _hearing(raw: Mapping[str, Any]) -> dict[str, re.Pattern[str]]:
    for name in ("discord", "confirms", "asks_advice"):
        if not raw.get(name):
            raise ContentError(f"hearing.yml: {name}: patterns are missing")
    try:
        return {name: _any_of(patterns, re.I) for name, patterns in raw.items()}
    except re.error as error:
        raise ContentError(f"hearing.yml: {error}") from error


def _affirmations(raw: Mapping[str, Any], moves: Mapping[str, Move]) -> Iterator[Affirmation]:
    for move, entry in raw.items():
        if move not in moves:
            raise ContentError(f"affirmations.yml: {move}: no move is called so")
        if entry.get("talk") not in ("any", "change"):
            raise ContentError(f"affirmations.yml: {move}: talk is any or change")
        try:
            words, unless = (_any_of(entry[key]) for key in ("words", "unless"))
        except (KeyError, re.error) as error:
            raise ContentError(f"affirmations.yml: {move}: {error}") from error
        yield Affirmation(move, entry["talk"], words, unless)


def _move(file: str, name: str, raw: Any) -> Move:
    if not isinstance(raw, dict) or raw.get("act") not in ACTS or not raw.get("say"):
        raise ContentError(f"{file}: {name}: needs `act` (one of {', '.join(ACTS)}) and `say`")
    return Move(name, raw["act"], tuple(_variant(file, name, v) for v in raw["say"]))


def _variant(file: str, name: str, raw: Any) -> Variant:
    entry = {"text": raw} if isinstance(raw, str) else raw
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise ContentError(f"{file}: {name}: a variant is a string or has a `text`: {raw!r}")
    slots = {f for _, f, _, _ in string.Formatter().parse(entry["text"]) if f}
    return Variant(entry["text"], _set(entry.get("for")), _set(entry.get("kind")), frozenset(slots))


def _set(raw: Any) -> frozenset[str]:
    if raw is None:
        return frozenset()
    return frozenset([raw] if isinstance(raw, str) else raw)


def _topic(name: str, raw: Any) -> Topic:
    try:
        words = tuple(str(w).lower() for w in raw.get("words") or ())
        return Topic(name, raw["label"], raw["behaviour"], raw["change"], raw["kind"], words)
    except (KeyError, AttributeError) as error:
        raise ContentError(f"topics.yml: {name}: {error} is missing") from error


def _values(raw: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(entry["label"]) for name, entry in raw.items()}


def _facts(raw: Mapping[str, Any]) -> Sequence[Fact]:
    facts = []
    for name, entry in raw.items():
        try:
            about = tuple(str(w).lower() for w in entry["about"])
            facts.append(Fact(name, _set(entry["topics"]), about, entry["text"].strip(), entry["source"]))
        except KeyError as error:
            raise ContentError(f"facts.yml: {name}: {error} is missing") from error
    return facts
