"""Hints that are nothing alone add up, within one message and over the turns before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.safety.content import Section
from bot.safety.tiers import Tier


@dataclass(frozen=True)
class Hint:
    """A weak sign: its rule, its kind, how many points it counts, and the client's words."""

    rule: str
    kind: str
    points: int
    text: str


@dataclass(frozen=True)
class Thresholds:
    """`message`: points within one message; `turns`: together with earlier turns; `turns_read`: how many turns."""

    message: tuple[tuple[int, Tier], ...]
    turns: tuple[tuple[int, Tier], ...]
    turns_read: int
    characters_read: int


def load_thresholds(source: Section) -> Thresholds:
    """Read `hints` of `modifiers.yml`'s neighbour `hints.yml`."""
    source.only("message", "turns", "turns_read", "characters_read")
    tables = []
    for key in ("message", "turns"):
        table = source.section(key)
        tables.append(tuple(sorted(((table.number(tier), Tier.of(tier)) for tier in table.data), reverse=True)))
    return Thresholds(tables[0], tables[1], source.number("turns_read"), source.number("characters_read"))


def recent(history: Sequence[str], thresholds: Thresholds) -> tuple[str, ...]:
    """The latest turns that are read again, each cut to its last characters, oldest first."""
    turns = history[-thresholds.turns_read :] if thresholds.turns_read else ()
    return tuple(turn[-thresholds.characters_read :] for turn in turns)


def tier_of(points: int, table: tuple[tuple[int, Tier], ...]) -> Tier:
    """The highest tier whose threshold `points` reaches."""
    return next((tier for least, tier in table if points >= least), Tier.NONE)


def distinct_points(hints: Iterable[Hint]) -> int:
    """The points of the hints, each rule counted once: saying the same thing again is not more of it."""
    return sum({hint.rule: hint.points for hint in hints}.values())
