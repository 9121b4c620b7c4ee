"""The cue tables behind client language: `data/mi/cues.yml`, checked and compiled once.

A pattern is written in plain words (the notation is explained at the top of the YAML file) and becomes a regular
expression over spelled-out text in which every word is followed by one space. No pattern can back-track badly:
the only repeats are the bounded `..` gap and a word's ending.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CODES = ("desire", "ability", "reason", "need", "commitment", "activation", "taking_steps", "other")


class CueError(ValueError):
    """The cue file is wrong; the message names the file and the key."""


@dataclass(frozen=True)
class Cue:
    """One row of `attitudes` or `phrases`. `sign` is +1 or -1; `weight` is about 1 for a plain statement."""

    code: str
    sign: int
    weight: float
    flips: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Question:
    """A kind of question. `side` is where an unsigned answer goes (+1, -1, 0), `strength` how surely."""

    id: str
    side: int
    code: str
    strength: float
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Cues:
    """Every table of `data/mi/cues.yml`, compiled."""

    spelling: Mapping[str, str]
    fillers: frozenset[str]
    negators: frozenset[str]
    joint: re.Pattern[str]
    contrast: re.Pattern[str]
    change: re.Pattern[str]
    stay: re.Pattern[str]
    good: re.Pattern[str]
    bad: re.Pattern[str]
    attitudes: tuple[Cue, ...]
    phrases: tuple[Cue, ...]
    ambivalent: re.Pattern[str]
    questions: tuple[Question, ...]
    answers: Mapping[str, re.Pattern[str]]
    others: re.Pattern[str]
    other_subject: re.Pattern[str]
    sarcasm: re.Pattern[str]
    asking: re.Pattern[str]
    hypothetical: re.Pattern[str]
    it: re.Pattern[str]

    @classmethod
    def load(cls, path: Path | str) -> Cues:
        """Read and compile the tables. Raises `CueError` naming file and key."""
        path = Path(path)
        try:
            raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # safe: CSafeLoader or SafeLoader
        except (OSError, yaml.YAMLError) as error:
            raise CueError(f"{path}: {error}") from error
        return _Reader(path, raw).cues()


class _Reader:
    """Turns the raw mapping into `Cues`, remembering where it is for the error message."""

    def __init__(self, path: Path, raw: Any) -> None:
        self._path = path
        if not isinstance(raw, dict):
            raise CueError(f"{path}: expected a mapping of tables")
        self._raw: dict[str, Any] = raw
        lists = self._table("lists")
        self._lists = {
            name: _either(map(_words, self._strings(f"lists.{name}", items))) for name, items in lists.items()
        }

    def cues(self) -> Cues:
        targets, valence = self._table("targets"), self._table("valence")
        answers = self._table("answers")
        return Cues(
            spelling={str(k): str(v) for k, v in self._table("spelling").items()},
            fillers=frozenset(self._strings("fillers", self._raw.get("fillers"))),
            negators=frozenset(self._strings("negators", self._raw.get("negators"))),
            joint=self._compile("joints", self._raw.get("joints")),
            contrast=self._compile("contrast", self._raw.get("contrast")),
            change=self._compile("targets.change", targets.get("change")),
            stay=self._compile("targets.stay", targets.get("stay")),
            good=self._compile("valence.good", valence.get("good")),
            bad=self._compile("valence.bad", valence.get("bad")),
            attitudes=self._rows("attitudes"),
            phrases=self._rows("phrases"),
            ambivalent=self._compile("ambivalent", self._raw.get("ambivalent")),
            questions=self._questions(),
            answers={name: self._compile(f"answers.{name}", items) for name, items in answers.items()},
            others=self._compile("others", self._raw.get("others")),
            other_subject=self._compile("other_subject", self._raw.get("other_subject")),
            sarcasm=self._compile("sarcasm", self._raw.get("sarcasm")),
            asking=self._compile("asking", self._raw.get("asking")),
            hypothetical=self._compile("hypothetical", self._raw.get("hypothetical")),
            it=self._compile("it", self._raw.get("it")),
        )

    def _table(self, key: str) -> dict[str, Any]:
        value = self._raw.get(key)
        if not isinstance(value, dict):
            raise CueError(f"{self._path}: {key}: expected a mapping")
        return value

    def _strings(self, key: str, value: Any) -> list[str]:
        if isinstance(value, str):
            value = [item.strip() for item in value.split(",")]
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise CueError(f"{self._path}: {key}: expected patterns (quote yes, no, on, off and numbers)")
        return [str(v) for v in value]

    def _compile(self, key: str, value: Any) -> re.Pattern[str]:
        try:
            patterns = [self._pattern(text) for text in self._strings(key, value)]
        except KeyError as error:
            raise CueError(f"{self._path}: {key}: no list named {error}") from error
        # The longest pattern is tried first: Python takes the first alternative that fits.
        patterns.sort(key=len, reverse=True)
        return re.compile(r"(?<!\S)" + _either(patterns))

    def _pattern(self, text: str) -> str:
        parts = []
        for word in text.split():
            if word == "..":
                parts.append(r"(?:\S+ ){0,3}")
                continue
            optional = word.endswith("?")
            body = word.rstrip("?")
            inner = self._lists[body[1:-1]] if body.startswith("<") else _either(map(_words, body.split("/")))
            parts.append(f"(?:{inner} )?" if optional else f"{inner} ")
        return "".join(parts)

    def _rows(self, key: str) -> tuple[Cue, ...]:
        rows = self._raw.get(key)
        if not isinstance(rows, list):
            raise CueError(f"{self._path}: {key}: expected a list of rows")
        return tuple(self._row(f"{key}[{n}]", row) for n, row in enumerate(rows))

    def _row(self, key: str, row: Any) -> Cue:
        if not isinstance(row, dict) or row.get("code") not in CODES or row.get("sign") not in ("+", "-"):
            raise CueError(f'{self._path}: {key}: needs a code ({", ".join(CODES)}) and a sign ("+" or "-")')
        return Cue(
            code=row["code"],
            sign=1 if row["sign"] == "+" else -1,
            weight=float(row.get("weight", 1.0)),
            flips=bool(row.get("flips", True)),
            pattern=self._compile(f"{key}.say", row.get("say")),
        )

    def _questions(self) -> tuple[Question, ...]:
        rows = self._raw.get("questions")
        if not isinstance(rows, list):
            raise CueError(f"{self._path}: questions: expected a list of rows")
        found = []
        for n, row in enumerate(rows):
            key = f"questions[{n}]"
            if not isinstance(row, dict) or row.get("side") not in ("+", "-", "0") or row.get("code") not in CODES:
                raise CueError(f'{self._path}: {key}: needs an id, a code and a side ("+", "-" or "0")')
            side = {"+": 1, "-": -1, "0": 0}[row["side"]]
            pattern = self._compile(f"{key}.ask", row.get("ask"))
            found.append(Question(str(row.get("id")), side, row["code"], float(row.get("strength", 1)), pattern))
        return tuple(found)


def _words(text: object) -> str:
    """One alternative: `a_b` is two words, `ab*` any ending, digits classes pass through."""
    word = str(text)
    if word == r"\d+":
        return word
    return re.escape(word.replace("_", " ")).replace(r"\*", r"\w*").replace(r"\ ", " ")


def _either(patterns: Iterable[str]) -> str:
    """Alternatives, longest first, without repeats."""
    ordered = sorted(dict.fromkeys(patterns), key=len, reverse=True)
    return "(?:" + "|".join(ordered) + ")"
