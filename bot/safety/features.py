"""What the scorer looks at beside the meaning: a piece's words, and which rules matched in it and how it was said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.safety.tiers import Tier
from bot.safety.windows import Piece

LONGEST = 3  # words in a row
WORD_SCALE = 0.2  # puts a text's word features on the scale of its embedding, whose length is 1
RULE_VALUE = 0.6


@dataclass(frozen=True)
class Mark:
    """A rule (or idiom) matched from `start` to `end` of the raw text, said in the way `about`; `tier` is what the
    rules make of it, none for hints, idioms and what was negated."""

    rule: str
    about: str
    tier: Tier
    start: int
    end: int


def word_features(words: Sequence[str]) -> list[str]:
    """Every one, two and three words in a row, each once."""
    found = dict.fromkeys(
        " ".join(words[first : first + count])
        for count in range(1, LONGEST + 1)
        for first in range(len(words) - count + 1)
    )
    return list(found)


def rule_features(marks: Iterable[Mark], piece: Piece) -> list[str]:
    """Each rule that matched within the piece, also with the way it was said, and the gravest tier."""
    found: dict[str, None] = {}
    gravest = Tier.NONE
    for mark in marks:
        if mark.start >= piece.span[0] and mark.end <= piece.span[1]:
            found[f"rule:{mark.rule}"] = None
            found[f"rule:{mark.rule}:{mark.about}:{int(mark.tier)}"] = None
            gravest = max(gravest, mark.tier)
    found[f"tier:{int(gravest)}"] = None
    return list(found)


def word_value(rarity: float, count: int) -> float:
    """The value of one word feature among `count` of its text; `rarity` is its inverse document frequency."""
    return WORD_SCALE * rarity / math.sqrt(count)
