"""Cases: a risk, or a client's wish for a human, that waits for the clinic. Only a clinician closes one.

A case and its first pages (rows of `Alert`) are stored in the caller's transaction, together with the message
that gave rise to it: there is no moment at which one exists without the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import case as sql_case
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig, Route
from bot.clinic.hours import next_open
from bot.clinic.tiers import PAGED_AT_ONCE, TIERS, higher, rank
from bot.store.models import Alert, Audit, Case, CaseNote, Client, Staff

LONGEST_NOTE = 4000
CASE_ROLES = ("admin", "clinician")
"""Who can be asked to look after a case; `bot.console.roles` says the same about its pages."""


class CaseNotFound(LookupError):
    """No such case."""


def open_case(
    session: Session,
    config: ClinicConfig,
    *,
    client_id: str,
    conversation_id: str,
    message_id: int | None,
    reason: Literal["risk", "wish", "left_waiting"],
    tier: str,
    kinds: Iterable[str] = (),
    now: datetime,
) -> Case:
    """Opens a case and pages the clinic, or raises the tier of the client's open case with the same reason.

    A later report never lowers the tier. One that raises it pages anew and asks for a new acknowledgement.

    Args:
        reason: left_waiting is that somebody took over and let the client wait (`bot.clinic.forgotten`).
        tier: "none" for a wish without risk.
        kinds: of risk; they add up over the reports.

    Raises:
        ValueError: no such tier.
    """
    rank(tier)
    # A write to the client's row that changes nothing: until the commit, the client's other channel waits here
    session.execute(update(Client).where(Client.id == client_id).values(share_with_clinic=Client.share_with_clinic))
    case = _open(session, client_id, reason)
    if case is None:
        case = Case(
            id=uuid.uuid4().hex,
            client_id=client_id,
            conversation_id=conversation_id,
            message_id=message_id,
            reason=reason,
            tier=tier,
            kinds=list(kinds),
            opened_at=now,
        )
        session.add(case)
        session.flush()
        page(session, config, case, round_=0, now=now)
        return case
    case.kinds = [*case.kinds, *(kind for kind in dict.fromkeys(kinds) if kind not in case.kinds)]
    if rank(tier) > rank(case.tier):
        case.tier = higher(case.tier, tier)
        case.message_id, case.conversation_id = message_id, conversation_id
        case.acknowledged_at = case.acknowledged_by = None
        page(session, config, case, round_=0, now=now)
    session.flush()
    return case


def page(session: Session, config: ClinicConfig, case: Case, *, round_: int, now: datetime) -> list[Alert]:
    """Writes a round of pages about a case: every route at its tier, and the backup routes from round 1 on.

    The console gets it at once. Elsewhere a tier that can wait (see PAGED_AT_ONCE) waits until the clinic is
    open.
    """
    alerts = [
        Alert(
            case_id=case.id,
            tier=case.tier,
            route=route.name,
            round=round_,
            created_at=now,
            due_at=due_at(config, route, case, now),
            attempts=0,
        )
        for route in config.routes_for(case.tier)
        if round_ > 0 or not route.backup
    ]
    session.add_all(alerts)
    session.flush()
    return alerts


def due_at(config: ClinicConfig, route: Route, case: Case, now: datetime) -> datetime:
    """When a page about a case goes out on a route."""
    return now if route.kind == "console" or goes_at_any_hour(case) else next_open(config, now)


def goes_at_any_hour(case: Case) -> bool:
    """Whether pages do not wait for the clinic to open: for danger, and for a client who was promised words."""
    return case.tier in PAGED_AT_ONCE or case.reason == "left_waiting"


def acknowledge(session: Session, case_id: str, staff_id: str, now: datetime) -> Case:
    """Notes who is looking after a case; paging stops. The first one counts.

    Raises:
        CaseNotFound: there is no such case.
    """
    case = _get(session, case_id)
    if case.acknowledged_at is None and case.closed_at is None:
        case.acknowledged_at, case.acknowledged_by = now, staff_id
        case.assigned_to = case.assigned_to or staff_id
        session.add(Audit(at=now, staff_id=staff_id, action="acknowledge_case", subject=case.id))
        session.flush()
    return case


def close(session: Session, case_id: str, staff_id: str, outcome: str, now: datetime) -> Case:
    """Closes a case with what came of it; closing it again changes nothing.

    Raises:
        CaseNotFound: there is no such case.
        ValueError: the outcome is empty.
    """
    if not outcome.strip():
        raise ValueError("a case is closed with an outcome")
    case = _get(session, case_id)
    if case.closed_at is None:
        acknowledge(session, case_id, staff_id, now)
        case.closed_at, case.closed_by, case.outcome = now, staff_id, outcome.strip()
        session.add(Audit(at=now, staff_id=staff_id, action="close_case", subject=case.id))
        session.flush()
    return case


def assign(session: Session, case_id: str, to: str | None, staff_id: str, now: datetime) -> Case:
    """Says who is to look after an open case. Paging goes on until somebody acknowledges it.

    Args:
        to: the id of a member of staff with access, or None to take the name away.

    Raises:
        CaseNotFound: there is no such case.
        ValueError: there is no such person, or they have no access.
    """
    case = _get(session, case_id)
    person = session.get(Staff, to) if to else None
    if to and (person is None or person.disabled_at is not None or person.role not in CASE_ROLES):
        raise ValueError("Choose someone who can work on cases.")
    if case.closed_at is None and case.assigned_to != to:
        case.assigned_to = to
        session.add(Audit(at=now, staff_id=staff_id, action="assign_case", subject=case.id))
        session.flush()
    return case


def add_note(session: Session, case_id: str, staff_id: str, text: str, now: datetime) -> CaseNote:
    """Notes something down for colleagues.

    Raises:
        CaseNotFound: there is no such case.
        ValueError: it is empty or too long.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise ValueError(f"A note has between 1 and {LONGEST_NOTE} characters.")
    case = _get(session, case_id)
    note = CaseNote(case_id=case.id, staff_id=staff_id, text=text, created_at=now)
    session.add(note)
    session.add(Audit(at=now, staff_id=staff_id, action="note_case", subject=case.id))
    session.flush()
    return note


def notes(session: Session, case_id: str) -> list[CaseNote]:
    """The notes on a case, oldest first."""
    return list(session.scalars(select(CaseNote).where(CaseNote.case_id == case_id).order_by(CaseNote.id)))


def open_left_waiting(session: Session, client_id: str) -> Case | None:
    """The open case of a client whom a person has let wait."""
    return _open(session, client_id, "left_waiting")


def open_risk_case(session: Session, client_id: str) -> Case | None:
    """The client's open risk case. While there is one, amplified reflection and evoking are off."""
    return _open(session, client_id, "risk")


def queue(session: Session) -> list[Case]:
    """Every open case: unacknowledged ones first, then by tier, then the longest waiting."""
    order = sql_case({tier: rank(tier) for tier in TIERS}, value=Case.tier)
    query = select(Case).where(Case.closed_at.is_(None))
    query = query.order_by(Case.acknowledged_at.is_not(None), order.desc(), Case.opened_at)
    return list(session.scalars(query))


def _open(session: Session, client_id: str, reason: str) -> Case | None:
    query = select(Case).where(Case.client_id == client_id, Case.reason == reason, Case.closed_at.is_(None))
    return session.scalars(query).first()


def _get(session: Session, case_id: str) -> Case:
    case = session.get(Case, case_id, with_for_update=True)
    if case is None:
        raise CaseNotFound(case_id)
    return case
