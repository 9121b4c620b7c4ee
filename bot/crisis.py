"""The crisis lines as the clinic's client sees them: the country's own, or the ones the clinic has set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.clinic.config import ClinicConfig
from bot.safety.lines import CrisisLines, Line
from bot.safety.state import Place


def place_for(clinic: ClinicConfig, safety: Path) -> Place:
    """What safety may tell a client of this clinic.

    Args:
        safety: the folder data/safety.

    Raises:
        SafetyContentError: lines.yml is wrong.
    """
    place = Place.at(CrisisLines.load(safety).for_country(clinic.country))
    own = tuple(
        Line(line.name, line.call, line.text, purposes=("suicide", "self_harm", "harm_to_others", "abuse"))
        for line in clinic.crisis.lines
    )
    return replace(place, emergency=clinic.crisis.emergency or place.emergency, lines=own + place.lines)


def short(place: Place) -> str:
    """The end of a sentence: the first line for someone in despair, and the emergency number."""
    line = next(iter(place.lines_for("suicide")), None)
    emergency = f"{place.emergency} in an emergency"
    return f"{line.say()}, or {emergency}" if line else emergency


def spoken(place: Place) -> str:
    """The numbers as an answer to "which number can I call"."""
    text = short(place)
    named = place.lines_for("suicide")[:1]
    others = dict.fromkeys(line for purpose in ("abuse", "medical") for line in place.lines_for(purpose)[:1])
    more = [line.say() for line in others if line not in named]
    return text[0].upper() + text[1:] + "." + (f" There is also: {'; '.join(more)}." if more else "")


def card(place: Place) -> dict[str, Any]:
    """All lines as a card to keep. The widget shows buttons to call and text in place of its lines."""
    lines = [{"label": "In an emergency", "text": place.emergency}]
    for line in place.lines:
        ways = [f"call {line.call}" if line.call else "", f"text {line.text}" if line.text else "", line.url or ""]
        lines.append({"label": line.name, "text": ", ".join(way for way in ways if way)})
    return {"type": "safety", "title": "Numbers to keep", "lines": lines, "file": "help.txt"}


def as_list(place: Place) -> list[dict[str, Any]]:
    """The lines for "Get help now" in the widget."""
    return [
        {"name": line.name, "call": line.call, "text": line.text, "note": "" if line.url is None else line.url}
        for line in place.lines
    ]
