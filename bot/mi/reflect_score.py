"""Which reflection is best, and which must not be said.

The scale is 0..1. What counts, after the MITI 4.2.1 idea of a good reflection and what blind judges prefer: faith (how
surely it is what the client means; their own words said back are sure), depth (a complex one adds meaning), how much
of it is particular to this client, how near its wording is to the message, and a length near the client's. Refusals
come first: a sentence that breaks the house lint, repeats itself, or still speaks as the client is never said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

FAITH = 0.50
DEPTH: Mapping[str, float] = {"complex": 0.24, "double_sided": 0.25, "amplified": 0.12, "simple": 0.0}
OWN_WORD = 0.022
MOST_OWN_WORDS = 6
FIT = 0.18
PLACE = 0.05
WEIGHT = 0.6
LENGTH = 0.012
"""Taken off for each word beyond what the client's own length allows."""
LEAST_BELIEF = 0.76
"""A meaning less sure than this is not said: what was not earned is worse than saying little."""
LEAST_UNCUED = 0.82
"""The same for what no words of the client's point to by themselves: likeness alone, and two sides put together."""
BAR = 0.45
"""Below this nothing is said."""
LONGEST = 44
"""Words in one reflection; two short sentences at most."""


@dataclass(frozen=True)
class Parts:
    """What a score is made of: kind, belief (0..1) that this is what the client means, words of the client's in it,
    fit of the wording to the whole message (-1..1), place in the message (0 first .. 1 last), and the weight given by
    content or by the clause."""

    kind: str
    belief: float = 1.0
    own_words: int = 0
    fit: float = 0.0
    place: float = 0.0
    weight: float = 0.0


def score(parts: Parts, text: str, client_words: int) -> float:
    """The worth of a reflection that may be said, about 0..1."""
    worth = FAITH * parts.belief
    worth += DEPTH[parts.kind] * parts.belief
    worth += OWN_WORD * min(parts.own_words, MOST_OWN_WORDS)
    worth += FIT * max(0.0, parts.fit)
    worth += PLACE * parts.place
    worth += WEIGHT * parts.weight
    words = len(text.split())
    worth -= LENGTH * max(0, words - max(16, round(1.2 * client_words)))
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
