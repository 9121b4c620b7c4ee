"""The vocabulary of risk: tiers, kinds, and what a screen found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

KINDS = ("suicide", "self_harm", "harm_to_others", "abuse", "medical")


class Tier(IntEnum):
    """How much risk, least first; comparisons and `max` follow that order."""

    NONE = 0
    CHECK_IN = 1
    MODERATE = 2
    HIGH = 3
    IMMINENT = 4

    @property
    def label(self) -> str:
        """The tier's name in data files, JSON and the database."""
        return self.name.lower()

    @classmethod
    def of(cls, label: str) -> Tier:
        """The tier named `label` (as in `label`); ValueError if there is none."""
        try:
            return cls[label.upper()]
        except (KeyError, AttributeError):
            raise ValueError(f"no tier is called {label!r}") from None


@dataclass(frozen=True)
class Evidence:
    """One reason for a verdict.

    `text` is the client's own wording, cut from the message; `rule` names the rule in `data/safety`;
    `about` is whose risk and how it was said: self, other, past, negated, hypothetical or quoted.
    """

    kind: str
    tier: Tier
    text: str
    rule: str
    about: str = "self"


@dataclass(frozen=True)
class Verdict:
    """What one message (with the turns before it) amounts to. `kinds` is most serious first."""

    tier: Tier
    kinds: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


NOTHING = Verdict(Tier.NONE)
