"""What the bot writes first: check-ins that a client asked for, and reminders of appointments.

Both are found in the tables by whoever looks next, and written in the transaction that notes that they were; so a
restart neither loses nor doubles one. They go to where the client wrote last, and never into quiet hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clinic.cases import open_risk_case
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import variants, words
from bot.clinic.quiet import next_at, quiet_window, zone_of
from bot.clinic.schedule import label
from bot.store import places
from bot.store.messages import Outbound, add_outbound, latest_conversation
from bot.store.models import Appointment, CheckIn, Client, Conversation, Message

MOST_UNANSWERED = 3
"""Check-ins without an answer after which they end by themselves."""
RECENT = timedelta(hours=6)
"""A client who wrote so recently needs no check-in."""
LATE = timedelta(hours=2)
"""A reminder that could not go out in time is not sent later than this."""


def ask_for_check_ins(session: Session, config: ClinicConfig, client_id: str, days: int, now: datetime) -> datetime:
    """Notes that the client wants to be written to every so many days; when the first one comes."""
    client = session.get_one(Client, client_id)
    client.reminders_paused_at = None
    first = next_at(config, zone_of(client, config), now, days)
    kept = session.get(CheckIn, client_id)
    if kept is None:
        session.add(CheckIn(client_id=client_id, every_days=days, next_at=first, created_at=now))
    else:
        kept.every_days, kept.next_at, kept.unanswered = days, first, 0
    session.flush()
    return first


def pause(session: Session, client_id: str, now: datetime) -> None:
    """No check-ins and no reminders, until the client asks for check-ins again."""
    session.get_one(Client, client_id).reminders_paused_at = now
    kept = session.get(CheckIn, client_id)
    if kept is not None:
        session.delete(kept)
    session.flush()


def write_due(session: Session, config: ClinicConfig, now: datetime) -> list[str]:
    """Writes every check-in and reminder that is due.

    Returns:
        The conversations that have news.
    """
    return [*_check_ins(session, config, now), *_reminders(session, config, now)]


def _check_ins(session: Session, config: ClinicConfig, now: datetime) -> list[str]:
    news = []
    for kept in session.scalars(select(CheckIn).where(CheckIn.next_at <= now)).all():
        client = session.get_one(Client, kept.client_id)
        conversation = _reachable(session, client)
        before = kept.next_at - timedelta(days=kept.every_days)
        kept.next_at = next_at(config, zone_of(client, config), kept.next_at, kept.every_days)
        while kept.next_at <= now:  # the bot was away for a while: one check-in, not one for every day
            kept.next_at = next_at(config, zone_of(client, config), kept.next_at, kept.every_days)
        if conversation is None or client.taken_by is not None or open_risk_case(session, client.id) is not None:
            continue  # a person looks after them now
        wrote = _wrote_at(session, client.id)
        if quiet_window(config, zone_of(client, config), now) or (wrote is not None and wrote > now - RECENT):
            continue
        kept.unanswered = 0 if wrote is not None and wrote > before else kept.unanswered + 1
        last = kept.unanswered >= MOST_UNANSWERED
        texts = variants("check_in_last" if last else "check_in")
        text = texts[conversation.last_seq % len(texts)].format(clinic=config.name)
        moves = ("open_question:check_in",) if "?" in text else ("structure:check_in",)
        add_outbound(session, conversation, [Outbound(text, kind="check_in", moves=moves)], None, now)
        if last:
            session.delete(kept)
        news.append(conversation.id)
    return news


def _reminders(session: Session, config: ClinicConfig, now: datetime) -> list[str]:
    furthest = max(config.reminder_hours, default=0) + 24
    booked = select(Appointment).where(
        Appointment.status == "booked",
        Appointment.starts_at > now,
        Appointment.starts_at <= now + timedelta(hours=furthest),
    )
    news = []
    for appointment in session.scalars(booked).all():
        client = session.get_one(Client, appointment.client_id)
        conversation = _reachable(session, client)
        if conversation is None or client.reminders_paused_at is not None:
            continue
        for hours in config.reminder_hours:
            due = reminder_at(config, client, appointment, hours)
            if not due <= now < due + LATE or appointment.updated_at > due:
                continue
            key = f"reminder-{appointment.id}-{appointment.sequence}-{hours}"
            if _has(session, client.id, key):
                continue
            clinician = config.clinician(appointment.clinician)
            text = words("reminder").format(
                who=clinician.name if clinician else config.name,
                when=label(appointment, client.time_zone or config.time_zone),
                clinic=config.name,
            )
            words_ = Outbound(text, kind="reminder", moves=("give_information:reminder",))
            add_outbound(session, conversation, [words_], None, now)[0].external_id = key
            session.flush()
            news.append(conversation.id)
    return news


def reminder_at(config: ClinicConfig, client: Client, appointment: Appointment, hours: int) -> datetime:
    """When a reminder goes out: so many hours before, or just before the quiet hours that this falls into."""
    due = appointment.starts_at - timedelta(hours=hours)
    window = quiet_window(config, zone_of(client, config), due)
    return window[0] - timedelta(minutes=15) if window else due


def _reachable(session: Session, client: Client) -> Conversation | None:
    conversation = latest_conversation(session, client.id)
    if conversation is None or places.unreachable_since(session, conversation) is not None:
        return None
    return conversation


def _wrote_at(session: Session, client_id: str) -> datetime | None:
    return session.scalar(
        select(func.max(Message.created_at))
        .join(Conversation)
        .where(Conversation.client_id == client_id, Message.direction == "in")
    )


def _has(session: Session, client_id: str, key: str) -> bool:
    found = select(Message.id).join(Conversation).where(Conversation.client_id == client_id, Message.external_id == key)
    return session.scalar(found.limit(1)) is not None
