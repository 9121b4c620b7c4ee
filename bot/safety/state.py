"""What the protocol remembers about one client, as plain values that fit in a database row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.safety.lines import CountryLines, Line
from bot.safety.tiers import Tier


@dataclass(frozen=True)
class SafetyState:
    """Where a client is in the protocol. Nothing in it ever lowers by itself; only a clinician starts a new one.

    `open`: there is a case. `asked`: questions put, in order. `awaiting`: the question not answered yet.
    `answers`: (question, answer) pairs for the clinician. `path`: the path being walked. `tries`: how often the
    awaited question was put again. `risk_turns`: messages with risk so far. `closing_said`: the client was told
    that the bot stays. `paused`: questions left open by a graver or newer matter. `said`: which words were used,
    so that none comes twice.
    """

    tier: Tier = Tier.NONE
    kinds: tuple[str, ...] = ()
    open: bool = False
    asked: tuple[str, ...] = ()
    awaiting: str | None = None
    answers: tuple[tuple[str, str], ...] = ()
    path: str | None = None
    tries: int = 0
    risk_turns: int = 0
    closing_said: bool = False
    paused: tuple[str, ...] = ()
    said: tuple[str, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        return {
            "tier": self.tier.label,
            "kinds": list(self.kinds),
            "open": self.open,
            "asked": list(self.asked),
            "awaiting": self.awaiting,
            "answers": [list(pair) for pair in self.answers],
            "path": self.path,
            "tries": self.tries,
            "risk_turns": self.risk_turns,
            "closing_said": self.closing_said,
            "paused": list(self.paused),
            "said": list(self.said),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SafetyState:
        """The state that `to_dict` wrote; an empty mapping is a fresh state."""
        return cls(
            tier=Tier.of(data.get("tier", "none")),
            kinds=tuple(data.get("kinds", ())),
            open=bool(data.get("open", False)),
            asked=tuple(data.get("asked", ())),
            awaiting=data.get("awaiting"),
            answers=tuple((question, answer) for question, answer in data.get("answers", ())),
            path=data.get("path"),
            tries=int(data.get("tries", 0)),
            risk_turns=int(data.get("risk_turns", 0)),
            closing_said=bool(data.get("closing_said", False)),
            paused=tuple(data.get("paused", ())),
            said=tuple(data.get("said", ())),
        )


@dataclass(frozen=True)
class Place:
    """What the clinic knows when it answers: numbers, the next free slot, whether anybody is reading.

    `next_slot` is a label ("Tue 24 Nov, 10:00"), None when there is none. `clinic_told`: the case is stored and
    its alert is on the way; False makes the words say so.
    """

    country: str
    emergency: str
    lines: tuple[Line, ...]
    next_slot: str | None = None
    human_live: bool = False
    clinic_told: bool = True

    @classmethod
    def at(
        cls,
        where: CountryLines,
        next_slot: str | None = None,
        *,
        human_live: bool = False,
        clinic_told: bool = True,
    ) -> Place:
        """A place with the lines of a country."""
        return cls(where.country, where.emergency, where.lines, next_slot, human_live, clinic_told)

    def lines_for(self, purpose: str) -> tuple[Line, ...]:
        """The lines to name for a kind of risk (or "child"), best first; empty when the clinic gave none."""
        return CountryLines(self.country, self.emergency, self.lines).lines_for(purpose)


@dataclass(frozen=True)
class Button:
    """A quick answer; `payload` is what is sent beside `title`."""

    title: str
    payload: str


@dataclass(frozen=True)
class Reply:
    """One message to the client."""

    text: str
    kind: str = "safety"
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class Step:
    """What follows from one message. No replies: the ordinary conversation goes on.

    `opens_case`: a case begins now; `raises_tier`: an open case becomes more serious; `wants_slot`: offer the next
    free appointment with the replies.
    """

    state: SafetyState
    replies: tuple[Reply, ...] = ()
    opens_case: bool = False
    raises_tier: bool = False
    wants_slot: bool = False
