"""The order of tiers, as the clinic's side sees it: labels only, so that the tables need no screener."""

from __future__ import annotations

TIERS = ("none", "check_in", "moderate", "high", "imminent")
"""From the lowest to the highest, as in `bot.safety.screen.Tier`. A wish for a human is "none"."""

PAGED_AT_ONCE = ("high", "imminent")
"""Tiers that page at any hour; the others wait for the clinic to open (outside the console's own queue)."""


def rank(tier: str) -> int:
    """Where a tier stands, 0 (none) to 4 (imminent).

    Raises:
        ValueError: no such tier.
    """
    return TIERS.index(tier)


def higher(one: str, other: str) -> str:
    """The more serious of two tiers."""
    return max(one, other, key=rank)
