"""Questionnaires in the database: `bot.clinic.intake.Sheet`s as rows, and when a clinic's offer is due."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.cases import open_risk_case
from bot.clinic.config import ClinicConfig
from bot.clinic.intake import OPEN, SHARING, Form, Sheet, Words
from bot.clinic.screeners import Screener, load
from bot.clinic.sharing import choose
from bot.store.models import Appointment, Client, Questionnaire


def screeners(config: ClinicConfig) -> list[Screener]:
    """The clinic's questionnaires, in its order.

    Raises:
        ScreenerError: one cannot be used.
    """
    words = {"dast10": config.intake.dast10_file}
    return [load(id_, words.get(id_)) for id_ in config.intake.screeners]


def form(config: ClinicConfig, link: str = "") -> Form:
    """The clinic's questionnaires as conversation.

    Args:
        link: address of the chat page.

    Raises:
        ScreenerError: a questionnaire cannot be used.
    """
    return Form(screeners(config), [load(id_) for id_ in SHARING], Words.load(), clinic=config.name, link=link)


def open_sheets(session: Session, client_id: str) -> tuple[Sheet, ...]:
    """What a client has not finished or declined, in the order in which it is asked."""
    query = select(Questionnaire).where(Questionnaire.client_id == client_id, Questionnaire.status.in_(OPEN))
    rows = session.scalars(query.order_by(Questionnaire.offered_at, Questionnaire.place))
    return tuple(
        Sheet(row.instrument, row.status, {a["item"]: a["value"] for a in row.answers}, row.tries, row.id)
        for row in rows
    )


def keep(
    session: Session, sheets: Iterable[Sheet], *, client_id: str, conversation_id: str, seq: int, now: datetime
) -> None:
    """Stores sheets as they are after message `seq`; each new answer remembers the message that gave it."""
    for place, sheet in enumerate(sheets):
        row = session.get(Questionnaire, sheet.id) if sheet.id else None
        if row is None:
            row = Questionnaire(
                id=uuid.uuid4().hex, client_id=client_id, instrument=sheet.instrument, place=place, offered_at=now
            )
            row.answers = []
            session.add(row)
        before = {answer["item"]: answer for answer in row.answers}
        row.answers = [
            before[item]
            if item in before and before[item]["value"] == value
            else {"item": item, "value": value, "seq": seq}
            for item, value in sheet.answers.items()
        ]
        if sheet.status == "finished" and row.finished_at is None:
            row.finished_at = now
        row.status, row.tries, row.conversation_id = sheet.status, sheet.tries, conversation_id
    session.flush()


def share(session: Session, client_id: str, choices: dict[str, bool]) -> None:
    """Notes what a client lets staff see."""
    choose(session.get_one(Client, client_id), choices)


def offer_is_due(session: Session, config: ClinicConfig, client_id: str, now: datetime) -> bool:
    """Whether the questionnaires are to be offered now: before an appointment, once for each, and never while a
    safety case is open."""
    if config.intake.when != "before_appointment" or not config.intake.screeners:
        return False
    booked = (
        select(Appointment.created_at)
        .where(Appointment.client_id == client_id, Appointment.status == "booked", Appointment.starts_at > now)
        .order_by(Appointment.created_at.desc())
        .limit(1)
    )
    since = session.scalar(booked)
    if since is None or open_risk_case(session, client_id) is not None:
        return False
    offered = select(Questionnaire.id).where(
        Questionnaire.client_id == client_id,
        Questionnaire.instrument.not_in(SHARING),
        (Questionnaire.offered_at >= since) | Questionnaire.status.in_(OPEN),
    )
    return session.scalar(offered.limit(1)) is None
