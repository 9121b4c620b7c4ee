"""Typed text made even: words spelled out, with their place in the original, and clauses.

"i dont wanna tho" becomes the words `i do not want to though`; each keeps the start and end of what was typed, so
that a span found in the even text can be shown in the client's own letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from bot.mi.cues import Cues

_TOKEN = re.compile(r"[a-z0-9£$%]+(?:'[a-z]+)*|[.!?;\n]+|,|[-–—]{2,}|\s[-–—]\s|[^\s\w.,!?;'\"()\[\]{}:/\\&*_+=<>|~`^-]")
_END = re.compile(r"^(?:[.!?;\n]+|[-–—]{2,}|\s[-–—]\s)$")
_ELONGATED = re.compile(r"([a-z])\1{2,}")
_CONTRACTION = {"n't": " not", "'m": " am", "'ve": " have", "'re": " are", "'d": " would", "'ll": " will"}
# "ill" without its apostrophe is "i will", unless what came before makes it the adjective.
_BEFORE_ILL = frozenset(
    ["am", "was", "be", "being", "feel", "feeling", "felt", "got", "get", "me", "so", "very", "really", "is", "are"]
)
# A comma parts clauses only with this many words on both sides: "kids, health" stays together.
_MIN_COMMA_WORDS = 3
_MAX_WORDS = 60


@dataclass(frozen=True)
class Word:
    """One even word; `start` and `end` are character offsets of what was typed for it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Clause:
    """A stretch of words. `contrast` is true when it opens with "but", "part of me" and the like."""

    words: tuple[Word, ...]
    contrast: bool = False

    @cached_property
    def text(self) -> str:
        """The words, each followed by one space (the form the patterns match)."""
        return "".join(f"{word.text} " for word in self.words)

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        starts, at = [], 0
        for word in self.words:
            starts.append(at)
            at += len(word.text) + 1
        return tuple(starts)

    def index(self, offset: int) -> int:
        """The number of the word at a character offset of `text`."""
        return sum(1 for start in self._starts if start < offset)

    def typed(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in `text` (end exclusive) to offsets in what was typed. Shape: (start, end)."""
        first = min(self.index(start), len(self.words) - 1)
        last = max(first, min(self.index(end), len(self.words)) - 1)
        return self.words[first].start, self.words[last].end


def spell(text: str, cues: Cues) -> list[Word | None]:
    """Even words in order, `None` where a sentence ends, a word "," where a comma was typed."""
    lowered = text.lower().replace("’", "'").replace("‘", "'").replace("`", "'")
    if len(lowered) != len(text):  # a few letters change length in lower case; keep the offsets right
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text).replace("’", "'")
    out: list[Word | None] = []
    before = ""
    for match in _TOKEN.finditer(lowered):
        typed = match.group()
        if _END.match(typed):
            out.append(None)
            continue
        for part in _spelled(typed, before, cues).split():
            # Fillers, and words said twice in a row ("i i think"); a double negator is meant.
            if part in cues.fillers or (part == before and part not in cues.negators and part.isalpha()):
                continue
            out.append(Word(part, match.start(), match.end()))
            before = part
    return out


def _spelled(typed: str, before: str, cues: Cues) -> str:
    if typed in cues.spelling:
        return cues.spelling[typed]
    if "'" in typed:
        bare = typed.replace("'", "")
        if bare in cues.spelling and not typed.endswith("'s"):
            return cues.spelling[bare]
        for ending, full in _CONTRACTION.items():
            if typed.endswith(ending):
                return typed[: -len(ending)] + full
        if typed.endswith("'s"):
            stem = typed[:-2]
            return f"{stem} is" if stem in {"it", "that", "what", "there", "he", "she", "let"} else stem
        return bare
    if typed == "ill" and before not in _BEFORE_ILL:
        return "i will"
    shorter = _ELONGATED.sub(r"\1", typed)
    if shorter != typed:
        doubled = _ELONGATED.sub(r"\1\1", typed)
        return cues.spelling.get(
            shorter, doubled if doubled in {"good", "too", "feel", "need", "free", "soon", "sleep"} else shorter
        )
    return typed


def clauses(text: str, cues: Cues) -> list[Clause]:
    """Split at sentence ends, joints ("but", "part of me", "because") and commas with enough on both sides."""
    found: list[Clause] = []
    sentence: list[Word] = []
    for word in [*spell(text, cues), None]:
        if word is not None:
            sentence.append(word)
        elif sentence:
            found.extend(_split(sentence, cues))
            sentence = []
    return found


def _split(sentence: list[Word], cues: Cues) -> list[Clause]:
    pieces: list[list[Word]] = [[]]
    for n, word in enumerate(sentence):
        if word.text != ",":
            pieces[-1].append(word)
        elif len(pieces[-1]) >= _MIN_COMMA_WORDS and len(sentence) - n > _MIN_COMMA_WORDS:
            pieces.append([])
    out: list[Clause] = []
    for piece in pieces:
        if not piece:
            continue
        whole = Clause(tuple(piece))
        cuts = [0]
        for match in cues.joint.finditer(whole.text):
            at = whole.index(match.start())
            if at > cuts[-1]:
                cuts.append(at)
        # What is typed without a stop is cut somewhere, so that no clause grows without end.
        cuts = sorted({*cuts, *range(0, len(piece), _MAX_WORDS)})
        for start, end in zip(cuts, [*cuts[1:], len(piece)], strict=True):
            words = tuple(piece[start:end])
            part = Clause(words)
            out.append(Clause(words, contrast=cues.contrast.match(part.text) is not None))
    return out
