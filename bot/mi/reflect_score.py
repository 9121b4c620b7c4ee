"""Which reflection is best, and which must not be said.

The scale is 0..1. What counts, after the MITI 4.2.1 idea of a good reflection: depth (a complex one adds meaning),
how much of it is the client's own, how sure the match is, and a length near the client's. Refusals come first: a
sentence that breaks the house lint, repeats itself, or still speaks as the client is never said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

DEPTH: Mapping[str, float] = {"complex": 0.62, "double_sided": 0.62, "amplified": 0.45, "simple": 0.34}
BAR = 0.30
"""Below this nothing is said."""
LONGEST = 44
"""Words in one reflection; two short sentences at most."""


@dataclass(frozen=True)
class Parts:
    """What a score is made of: kind, words of the client's in slots, matched cue words, overlap with the meaning's
    examples (0..1), place in the message (0 first .. 1 last), and the weight given by content."""

    kind: str
    own_words: int = 0
    matched: int = 0
    overlap: float = 0.0
    place: float = 0.0
    weight: float = 0.0


def score(parts: Parts, text: str, client_words: int) -> float:
    """The worth of a reflection that may be said, about 0..1."""
    worth = DEPTH[parts.kind]
    worth += 0.02 * min(parts.own_words, 6)
    worth += 0.015 * min(parts.matched, 8)
    worth += 0.12 * parts.overlap
    worth += 0.05 * parts.place
    worth += parts.weight
    words = len(text.split())
    worth -= 0.015 * max(0, words - max(14, round(1.2 * client_words)))
    return round(worth, 4)


def sentences(text: str) -> list[str]:
    """The sentences of a reply, lower case, without end marks."""
    return [s.strip().lower() for s in re.split(r"[.!?]+\s*", text) if s.strip()]


def opener(sentence: str) -> str:
    """How a sentence begins: four words after "you", else three."""
    words = sentence.lower().split()
    return " ".join(words[: 4 if words and words[0].startswith("you") else 3])


def is_refused(text: str, refused: Sequence[re.Pattern[str]]) -> bool:
    """Whether a sentence breaks the lint, is too long, or repeats a long stretch of itself."""
    if any(p.search(text) for p in refused):
        return True
    words = re.findall(r"[a-z']+", text.lower())
    if not 2 <= len(words) <= LONGEST:
        return True
    runs = [" ".join(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(runs) != len(set(runs))


def is_stale(text: str, said: Collection[str]) -> bool:
    """Whether a sentence, or the way one opens, has been used before in `said` (earlier replies)."""
    before = [s for reply in said for s in sentences(reply)]
    now = sentences(text)
    return any(s in before for s in now) or any(opener(s) == opener(now[0]) for s in before)
