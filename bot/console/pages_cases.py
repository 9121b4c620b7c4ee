"""The queue of cases, and one case: what happened, who was told, and its closing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic import cases
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import LONGEST, write_to_client
from bot.clinic.schedule import upcoming
from bot.console.desk import Desk, Refused, Visitor, seen
from bot.console.words import OUTCOMES
from bot.store.models import Alert, Appointment, Audit, Case, Client, Message, Staff

REFRESH_SECONDS = 20
MOST_MESSAGES = 500


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/queue")
    async def queue_page(request: Request, still: bool = False) -> Response:
        visitor = await desk.visitor(request, "see_queue")
        now = desk.now()

        def load(session: Session) -> Any:
            desk.audit(session, visitor, "view_queue")
            waiting = [_row(session, case, now) for case in cases.queue(session)]
            closed = select(Case).where(Case.closed_at.is_not(None)).order_by(Case.closed_at.desc()).limit(5)
            return waiting, [_row(session, case, now) for case in session.scalars(closed)]

        waiting, closed = await desk.write(load)
        refresh = None if still else REFRESH_SECONDS
        return desk.page("queue.html", visitor, waiting=waiting, closed=closed, refresh=refresh)

    @pages.get("/cases/{case_id}")
    async def case_page(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "see_case")
        return await show(case_id, visitor)

    @pages.post("/cases/{case_id}/acknowledge")
    async def acknowledge(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        await desk.form(request, visitor.visit)
        now = desk.now()
        try:
            await desk.write(lambda session: cases.acknowledge(session, case_id, visitor.id, now))
        except cases.CaseNotFound:
            raise _no_such_case() from None
        return seen(f"/console/cases/{case_id}")

    @pages.post("/cases/{case_id}/close")
    async def close(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        outcome, note = fields.get("outcome", ""), fields.get("note", "").strip()[:2000]
        if outcome not in OUTCOMES:
            return await show(case_id, visitor, status=400, error="Choose what came of the case.")
        said = f"{outcome}. {note}" if note else outcome
        try:
            await desk.write(lambda session: cases.close(session, case_id, visitor.id, said, now))
        except cases.CaseNotFound:
            raise _no_such_case() from None
        return seen("/console/queue")

    @pages.post("/cases/{case_id}/write")
    async def write(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        text = fields.get("text", "")

        def work(session: Session) -> str:
            case = session.get(Case, case_id)
            if case is None:
                raise cases.CaseNotFound(case_id)
            session.add(Audit(at=now, staff_id=visitor.id, action="write_to_client", subject=case_id))
            return write_to_client(session, desk.clinic, case, who=visitor.name, text=text, now=now)

        try:
            desk.signal(await desk.write(work))
        except cases.CaseNotFound:
            raise _no_such_case() from None
        except ValueError as error:
            return await show(case_id, visitor, status=400, error=str(error), text=text)
        return seen(f"/console/cases/{case_id}#conversation")

    async def show(case_id: str, visitor: Visitor, *, status: int = 200, error: str = "", text: str = "") -> Response:
        now = desk.now()

        def load(session: Session) -> dict[str, Any] | None:
            case = session.get(Case, case_id)
            if case is None:
                return None
            desk.audit(session, visitor, "view_case", case.id)
            return _case(session, desk.clinic, case, now)

        found = await desk.write(load)
        if found is None:
            raise _no_such_case()
        return desk.page("case.html", visitor, status=status, error=error, text=text, outcomes=OUTCOMES, **found)


def _no_such_case() -> Refused:
    return Refused(404, "No such case", "It may belong to a client who had everything erased.")


def _row(session: Session, case: Case, now: datetime) -> dict[str, Any]:
    """A case as the queue shows it."""
    client = session.get_one(Client, case.client_id)
    alerts = _alerts(session, case)
    rounds = max((alert.round for alert in alerts), default=0)
    return {
        "case": case,
        "who": client.name or f"Client {client.id[:6]}",
        "by": _name(session, case.acknowledged_by),
        "closed_by": _name(session, case.closed_by),
        "appointment": upcoming(session, case.client_id, now),
        "rounds": rounds,
        "failed": any(row.error and not row.sent_at for row in alerts if row.round == rounds),
    }


def _case(session: Session, clinic: ClinicConfig, case: Case, now: datetime) -> dict[str, Any]:
    """Everything that the case's page shows."""
    client = session.get_one(Client, case.client_id)
    readable = may_read(session, client)
    messages = _messages(session, case.conversation_id) if readable else []
    appointment = upcoming(session, case.client_id, now)
    return {
        **_row(session, case, now),
        "client": client,
        "alerts": _alerts(session, case),
        "readable": readable,
        "longest": LONGEST,
        "messages": messages,
        "with_whom": _with_whom(clinic, appointment),
        "history": list(
            session.execute(
                select(Audit.at, Audit.action, Staff.name)
                .outerjoin(Staff, Staff.id == Audit.staff_id)
                .where(Audit.subject == case.id, Audit.action.in_(("acknowledge_case", "close_case")))
                .order_by(Audit.id)
            )
        ),
    }


def may_read(session: Session, client: Client) -> bool:
    """Whether staff may read what a client wrote: the client agreed, or a risk case of theirs is open."""
    return client.share_with_clinic or cases.open_risk_case(session, client.id) is not None


def _messages(session: Session, conversation_id: str) -> list[Message]:
    query = select(Message).where(Message.conversation_id == conversation_id).order_by(Message.seq.desc())
    return list(reversed(list(session.scalars(query.limit(MOST_MESSAGES)))))


def _alerts(session: Session, case: Case) -> list[Alert]:
    query = select(Alert).where(Alert.case_id == case.id, Alert.tier == case.tier)
    return list(session.scalars(query.order_by(Alert.round.desc(), Alert.id)))


def _with_whom(clinic: ClinicConfig, appointment: Appointment | None) -> str:
    clinician = clinic.clinician(appointment.clinician) if appointment else None
    return clinician.name if clinician else ""


def _name(session: Session, staff_id: str | None) -> str:
    staff = session.get(Staff, staff_id) if staff_id else None
    return staff.name if staff else ""
