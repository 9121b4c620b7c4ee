"""Downloads: the plan, the calendar file of the appointment, and everything that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from bot.clinic.calendar import invitation
from bot.clinic.config import ClinicConfig
from bot.clinic.rights import export_client
from bot.clinic.schedule import upcoming
from bot.mi.strategy import PLAN_LABELS
from bot.store.models import Conversation

Made = tuple[bytes, str] | None
"""The file's bytes and media type, or None when there is nothing to put in it."""


def plan(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """The plan as plain text."""
    kept = session.get_one(Conversation, conversation_id).mi_state.get("plan") or {}
    lines = [f"{label}\n  {kept[name]}\n" for name, label in PLAN_LABELS.items() if kept.get(name)]
    if not lines:
        return None
    return "\n".join(["My plan", f"({now:%d %B %Y})\n", *lines]).encode(), "text/plain; charset=utf-8"


def appointment(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """The next appointment as an iCalendar file."""
    booked = upcoming(session, session.get_one(Conversation, conversation_id).client_id, now)
    return (invitation(booked, clinic, now=now), "text/calendar; charset=utf-8") if booked else None


def export(session: Session, conversation_id: str, clinic: ClinicConfig, now: datetime) -> Made:
    """Everything about the client as JSON."""
    kept = export_client(session, session.get_one(Conversation, conversation_id).client_id)
    return json.dumps(kept, indent=2, ensure_ascii=False).encode(), "application/json"


FILES: dict[str, Callable[[Session, str, ClinicConfig, datetime], Made]] = {
    "plan.txt": plan,
    "appointment.ics": appointment,
    "export.json": export,
}
