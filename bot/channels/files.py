"""Downloads: the plan, the summary, the numbers to keep, the calendar file, and everything that is kept."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import crisis
from bot.clinic.calendar import invitation
from bot.clinic.config import ClinicConfig
from bot.clinic.export_page import export_page
from bot.clinic.rights import export_client
from bot.clinic.schedule import upcoming
from bot.mi.plan import first_person
from bot.mi.state import MIState
from bot.mi.strategy import PLAN_LABELS
from bot.mi.summaries import quotes_for_summary
from bot.settings import ROOT
from bot.store.models import Appointment, Conversation

CANCELLED = re.compile(r"cancelled-(?P<start>[0-9a-f]{8})\.ics")
"""See `bot.clinic.notices.cancelled_card`."""
Made = tuple[bytes, str] | None
"""The file's bytes and media type, or None when there is nothing to put in it."""


def plan(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """The plan as plain text."""
    kept = session.get_one(Conversation, conversation_id).mi_state.get("plan") or {}
    lines = [f"{label}\n  {kept[name]}\n" for name, label in PLAN_LABELS.items() if kept.get(name)]
    if not lines:
        return None
    return "\n".join(["My plan", f"({now:%d %B %Y})\n", *lines]).encode(), "text/plain; charset=utf-8"


def summary(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """What the client has said against and for the change, in their own words, as plain text."""
    state = MIState.from_dict(session.get_one(Conversation, conversation_id).mi_state)
    against, forwards = quotes_for_summary(state)
    parts = [
        "\n".join([heading, *(f"  {_sentence(quote)}" for quote in quotes)]) + "\n"
        for heading, quotes in (("What makes it hard", against), ("What speaks for a change", forwards))
        if quotes
    ]
    if not parts:
        return None
    return "\n".join(["What I have said", f"({now:%d %B %Y})\n", *parts]).encode(), "text/plain; charset=utf-8"


def help_lines(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """Whom to call or text, as plain text."""
    card = crisis.card(crisis.place_for(clinic, ROOT / "data" / "safety"))
    lines = [f"{line['label']}\n  {line['text']}\n" for line in card["lines"]]
    return "\n".join([f"{card['title']}\n", *lines]).encode(), "text/plain; charset=utf-8"


def appointment(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """The next appointment as an iCalendar file."""
    booked = upcoming(session, session.get_one(Conversation, conversation_id).client_id, now)
    return (invitation(booked, clinic, now=now), "text/calendar; charset=utf-8") if booked else None


def cancelled(start: str, session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """The file that takes an appointment, whose id begins with `start`, out of a calendar (RFC 5546, 3.2.5)."""
    own = select(Appointment).where(
        Appointment.client_id == session.get_one(Conversation, conversation_id).client_id,
        Appointment.id.startswith(start),
        Appointment.status == "cancelled",
    )
    gone = session.scalars(own.order_by(Appointment.updated_at.desc()).limit(1)).first()
    if gone is None:
        return None
    return invitation(gone, clinic, now=now, method="CANCEL"), "text/calendar; charset=utf-8"


def export(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """Everything about the client as JSON."""
    kept = export_client(session, session.get_one(Conversation, conversation_id).client_id)
    return json.dumps(kept, indent=2, ensure_ascii=False).encode(), "application/json"


def readable_export(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """Everything about the client as a page."""
    client_id = session.get_one(Conversation, conversation_id).client_id
    return export_page(session, clinic, client_id, now).encode(), "text/html; charset=utf-8"


FILES: dict[str, Callable[[Session, str, ClinicConfig, datetime], Made]] = {
    "plan.txt": plan,
    "summary.txt": summary,
    "help.txt": help_lines,
    "appointment.ics": appointment,
    "export.json": export,
    "export.html": readable_export,
}


def maker(name: str) -> Callable[[Session, str, ClinicConfig, datetime], Made] | None:
    """What makes the file of this name; None when there is no such file."""
    gone = CANCELLED.fullmatch(name)
    return functools.partial(cancelled, gone["start"]) if gone else FILES.get(name)


def _sentence(quote: str) -> str:
    """A quote in the second person as the client's own sentence."""
    said = first_person(quote, turned=True)
    return f"{said[:1].upper()}{said[1:]}."
