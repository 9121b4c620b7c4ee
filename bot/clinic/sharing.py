"""What a client lets the clinic's staff see, item by item. What is not named here as agreed is not shown.

A client's name, contact and appointment, and what concerns their safety (cases, and the conversation while a risk case
is open), staff see always; clients are told so when they choose.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.store.models import Client

ITEMS = ("reasons", "rulers", "plan", "questionnaires", "conversation")
"""What can be shared: the change and why, rulers, the plan, questionnaires, and the whole conversation."""
TALK = ("reasons", "rulers", "plan", "conversation")
"""What a plain yes to "may they read what we talked about" covers."""


def agreed(client: Client) -> frozenset[str]:
    """The items that the client shares now. Who shares the conversation, and was not asked about what is in it one by
    one, shares that too."""
    chosen = client.shares or {}
    whole = {name for name in TALK if client.share_with_clinic and name not in chosen}
    return frozenset(whole | {name for name in ITEMS if chosen.get(name)})


def choose(client: Client, choices: Mapping[str, bool]) -> None:
    """Notes choices; what is not named stays as it was.

    Raises:
        ValueError: there is no such item.
    """
    unknown = set(choices) - set(ITEMS)
    if unknown:
        raise ValueError(f"nothing called {', '.join(sorted(unknown))} can be shared")
    client.shares = {**(client.shares or {}), **choices}
    if "conversation" in choices:
        client.share_with_clinic = choices["conversation"]
