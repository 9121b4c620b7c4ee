"""The small language in which the rules in `data/safety` are written, compiled to regular expressions.

Over a sentence that `normalise` prepared (words apart by one space, a clause boundary written as a tab):

    want to die          these words, in this order; a clause boundary between them is allowed
    (kill|end) myself    one of several; an alternative may be several words
    [really] want        may be left out
    <want> to die        a macro: alternatives kept under that name in the file
    want ~3 die          up to 3 other words between, not across a clause boundary
    ^ no point $         at the start, the end of a clause

Every repetition is bounded and words cannot overlap, so matching takes linear time on any text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*([()\[\]|^$]|<[a-z_]+>|~\d+|[a-z0-9_]+)")
_MACRO_DEPTH = 8
# Words too common to be worth waiting for: a rule is only tried where a rarer word of it occurs.
_COMMON = frozenset(
    word
    for line in (
        "i to the a an my me it its and or of in on at am is are was be been do did not no have had has will would",
        "can so just for with that this you he she they him her them we all if what want get got go going about",
        "up out off from by as there some any",
    )
    for word in line.split(" ")
)


class PatternError(ValueError):
    """A pattern that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Compiled:
    """`anchors`: a match needs one of these words; None when it has no such word. `words`: all words in it."""

    regex: re.Pattern[str]
    anchors: frozenset[str] | None
    words: frozenset[str]


@dataclass(frozen=True)
class _Part:
    source: str
    anchors: frozenset[str] | None = None
    words: frozenset[str] = frozenset()


def _cost(anchors: frozenset[str]) -> tuple[int, int]:
    return sum(word in _COMMON for word in anchors), len(anchors)


class _Parser:
    def __init__(self, text: str, macros: Macros, depth: int) -> None:
        self.macros, self.depth, self.text = macros, depth, text
        self.tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match:
                raise PatternError(f"cannot read {text[position:]!r} in {text!r}")
            self.tokens.append(match[1])
            position = match.end()
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def alternatives(self, closing: str | None) -> _Part:
        options = [self.sequence(closing)]
        while self.peek() == "|":
            self.at += 1
            options.append(self.sequence(closing))
        if self.peek() != closing:
            raise PatternError(f"{closing or 'the end'!r} expected in {self.text!r}")
        self.at += 1
        if len(options) == 1:
            return options[0]
        anchors: frozenset[str] | None = frozenset()
        for option in options:
            anchors = None if anchors is None or option.anchors is None else anchors | option.anchors
        words = frozenset().union(*(option.words for option in options))
        return _Part("(?:" + "|".join(option.source for option in options) + ")", anchors, words)

    def sequence(self, closing: str | None) -> _Part:
        parts: list[_Part] = []
        while (token := self.peek()) not in ("|", closing, None):
            self.at += 1
            parts.append(self.part(str(token)))
        if not parts:
            raise PatternError(f"an empty alternative in {self.text!r}")
        candidates = [part.anchors for part in parts if part.anchors]
        words = frozenset().union(*(part.words for part in parts))
        return _Part("".join(part.source for part in parts), min(candidates, key=_cost, default=None), words)

    def part(self, token: str) -> _Part:
        if token == "(":
            return self.alternatives(")")
        if token == "[":
            inner = self.alternatives("]")
            return _Part(f"(?:{inner.source})?", None, inner.words)
        if token[0] == "<":
            return self.macro(token[1:-1])
        if token[0] == "~":
            return _Part(rf"(?:[a-z0-9_]+ ){{0,{token[1:]}}}?")
        if token == "^":
            return _Part(r"(?:(?<=\A )|(?<=\t))")
        if token == "$":
            return _Part(r"(?:(?=\Z)|(?<=\t))")
        if token in ")]":
            raise PatternError(f"{token!r} closes nothing in {self.text!r}")
        return _Part(token + r"\s", frozenset({token}), frozenset({token}))

    def macro(self, name: str) -> _Part:
        if self.depth >= _MACRO_DEPTH:
            raise PatternError(f"macro <{name}> contains itself")
        return self.macros.part(name, self.depth + 1)


class Macros:
    """Alternatives kept under a name; each is read once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._parts: dict[str, _Part] = {}

    def part(self, name: str, depth: int) -> _Part:
        if name not in self._texts:
            raise PatternError(f"no macro is called <{name}>")
        if name not in self._parts:
            self._parts[name] = _Parser(f"({self._texts[name]})", self, depth).alternatives(None)
        return self._parts[name]


def compile_pattern(text: str, macros: Macros) -> Compiled:
    """Compile one pattern; PatternError if it cannot be read."""
    part = _Parser(text, macros, 0).alternatives(None)
    return Compiled(re.compile(r"(?<=\s)" + part.source), part.anchors, part.words)
