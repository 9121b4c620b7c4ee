"""Appointments in conversation: offering times, understanding which one is meant, saying when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rasa_sdk.events import FollowupAction
from rasa_sdk.executor import CollectingDispatcher

from bot.clinic.schedule import Slot, free_slots, on_offer
from bot.turns import TurnContext

OFFER = 3
"""Times offered at once: enough to choose from, few enough to read."""
ORDINALS = (
    (r"\b(first|1st|earliest|soonest|number 1|option 1)\b|^one\b", 0),
    (r"\b(second|2nd|middle|number 2|option 2)\b|^two\b", 1),
    (r"\b(third|3rd|last|latest|number 3|option 3)\b|^three\b", 2),
)
LONGEST_CHOICE = 9
"""Words; in a longer message "first" and "last" mostly belong to the client's story."""
LATER = re.compile(r"\b(later|other times?|another|different|more times?|next week|none of (these|those|them))\b", re.I)


async def appointment_offer(dispatcher: CollectingDispatcher, turn: TurnContext) -> list[dict[str, Any]]:
    """Starts the booking form behind what was said."""
    return [FollowupAction("booking_form")]


async def slots_on_offer(turn: TurnContext, after: datetime | None = None) -> list[Slot]:
    """The next free times for this client, at most OFFER of them."""
    tier = "moderate" if turn.gentle else None
    return await turn.db.read(
        lambda session: free_slots(session, turn.clinic, now=turn.now, tier=tier, limit=OFFER, after=after)
    )


def as_offer(turn: TurnContext, slots: Sequence[Slot]) -> list[dict[str, str]]:
    """Slots as channels show them, in the client's time zone."""
    return [on_offer(slot, turn.zone) for slot in slots]


def chosen(text: str, payload: str, offered: Sequence[dict[str, str]]) -> str | None:
    """The id of the slot that a button press or the client's words mean, or None when none or several fit."""
    if payload.startswith("slot:"):
        return payload[5:]
    lowered = text.lower()
    for offer in offered:
        if offer["label"].lower() in lowered:
            return offer["id"]
    number = re.fullmatch(r"\D{0,12}([123])\D{0,12}", lowered)
    if number and int(number[1]) <= len(offered):
        return offered[int(number[1]) - 1]["id"]
    named = [offer for offer in offered if _names(lowered, offer["label"].lower())]
    if len(named) == 1:
        return named[0]["id"]
    for pattern, place in ORDINALS if len(lowered.split()) <= LONGEST_CHOICE else ():
        if re.search(pattern, lowered) and place < len(offered):
            return offered[place]["id"]
    if len(offered) == 1 and re.match(r"\s*(yes|yeah|ok|sure|fine|that works|good|please)\b", lowered):
        return offered[0]["id"]
    return None


def _names(text: str, slot_label: str) -> bool:
    """Whether words like "tuesday", "24" or "10:00" in the text belong to this label ("tue 24 nov, 10:00")."""
    weekday, day, _, clock = re.split(r"[ ,]+", slot_label)[:4]
    hour, minute = clock.split(":")
    said_clock = re.search(r"\b(\d{1,2})(?::(\d{2}))?\s*(am|pm|o'?clock)?\b", text)
    if said_clock and (said_clock[2] or said_clock[3]):
        said_hour = int(said_clock[1]) + (12 if said_clock[3] == "pm" and int(said_clock[1]) < 12 else 0)
        if said_hour % 12 != int(hour) % 12 or (said_clock[2] or "00") != minute:
            return False
        return weekday in text or not re.search(r"\b(mon|tue|wed|thu|fri|sat|sun)", text)
    return bool(re.search(rf"\b{weekday}", text) or re.search(rf"\b{day}(st|nd|rd|th)\b", text))
