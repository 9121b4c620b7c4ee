"""One case: what happened, who was told, who looks after it, what was noted, and its closing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic import cases
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import LONGEST
from bot.clinic.takeover import hand_back
from bot.console.desk import Desk, Refused, Visitor, seen
from bot.console.pages_queue import row
from bot.console.talks import talk
from bot.console.words import OUTCOMES
from bot.store.models import Alert, Audit, Case, Client, Staff

HISTORY = ("acknowledge_case", "assign_case", "close_case")


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/cases/{case_id}")
    async def case_page(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "see_case")
        return await show(case_id, visitor)

    @pages.post("/cases/{case_id}/acknowledge")
    async def acknowledge(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        await desk.form(request, visitor.visit)
        now = desk.now()
        await work(lambda session: cases.acknowledge(session, case_id, visitor.id, now))
        return seen(f"/console/cases/{case_id}")

    @pages.post("/cases/{case_id}/assign")
    async def assign(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        to = fields.get("to") or None
        try:
            await work(lambda session: cases.assign(session, case_id, to, visitor.id, now))
        except ValueError as error:
            return await show(case_id, visitor, status=400, error=str(error))
        return seen(f"/console/cases/{case_id}")

    @pages.post("/cases/{case_id}/notes")
    async def note(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        text = fields.get("note", "")
        try:
            await work(lambda session: cases.add_note(session, case_id, visitor.id, text, now))
        except ValueError as error:
            return await show(case_id, visitor, status=400, error=str(error), note=text)
        return seen(f"/console/cases/{case_id}#notes")

    @pages.post("/cases/{case_id}/close")
    async def close(case_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "work_case")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        outcome, remark = fields.get("outcome", ""), fields.get("note", "").strip()[:2000]
        if outcome not in OUTCOMES:
            return await show(case_id, visitor, status=400, error="Choose what came of the case.")
        said = f"{outcome}. {remark}" if remark else outcome

        def finish(session: Session) -> str | None:
            """Closes it; with their last open case, a client who is in one's own hands goes back to the bot."""
            client_id = cases.close(session, case_id, visitor.id, said, now).client_id
            left = select(Case.id).where(Case.client_id == client_id, Case.closed_at.is_(None))
            is_mine = session.get_one(Client, client_id).taken_by == visitor.id
            if not is_mine or session.scalars(left).first() is not None:
                return None
            return hand_back(session, desk.clinic, client_id, visitor.id, now)

        desk.signal(await work(finish))
        return seen("/console/queue")

    async def work(deed: Any) -> Any:
        """Does something to a case, and has the open pages renew themselves."""
        try:
            done = await desk.write(deed)
        except cases.CaseNotFound:
            raise _no_such_case() from None
        desk.touch()
        return done

    async def show(case_id: str, visitor: Visitor, *, status: int = 200, error: str = "", note: str = "") -> Response:
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
        return desk.page("case.html", visitor, status=status, error=error, note=note, **found)


def _no_such_case() -> Refused:
    return Refused(404, "No such case", "It may belong to a client who had everything erased.")


def _case(session: Session, clinic: ClinicConfig, case: Case, now: datetime) -> dict[str, Any]:
    """Everything that the case's page shows."""
    client, shown = session.get_one(Client, case.client_id), row(session, case, now)
    appointment = shown["appointment"]
    clinician = clinic.clinician(appointment.clinician) if appointment else None
    names = {staff.id: staff.name for staff in session.scalars(select(Staff))}
    done = select(Audit.at, Audit.action, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id)
    done = done.where(Audit.subject == case.id, Audit.action.in_(HISTORY))
    alerts = select(Alert).where(Alert.case_id == case.id, Alert.tier == case.tier)
    able = select(Staff).where(Staff.disabled_at.is_(None), Staff.role.in_(cases.CASE_ROLES)).order_by(Staff.name)
    return {
        **shown,
        "client": client,
        "talk": talk(session, client),
        "alerts": list(session.scalars(alerts.order_by(Alert.round.desc(), Alert.id))),
        "with_whom": clinician.name if clinician else "",
        "history": list(session.execute(done.order_by(Audit.id))),
        "case_notes": [(note, names.get(note.staff_id, "")) for note in cases.notes(session, case.id)],
        "able": list(session.scalars(able)),
        "outcomes": OUTCOMES,
        "longest": LONGEST,
        "longest_note": cases.LONGEST_NOTE,
        "back": f"/console/cases/{case.id}",
    }
