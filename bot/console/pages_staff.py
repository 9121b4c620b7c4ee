"""Who can sign in, for administrators: the list, one person, and what can be changed about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.console import lockout, second_factor, staff, visits
from bot.console.desk import Desk, Refused, Visitor, seen
from bot.console.roles import ROLES
from bot.console.staff import LINK_LASTS, StaffError
from bot.store.models import Staff, StaffLink


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    async def show(visitor: Visitor, *, status: int = 200, error: str = "", fields: Any = None) -> Response:
        def load(session: Session) -> Any:
            desk.audit(session, visitor, "view_staff")
            people = list(session.scalars(select(Staff).order_by(Staff.disabled_at.is_not(None), Staff.name)))
            invited = set(session.scalars(select(StaffLink.staff_id).where(StaffLink.expires_at > desk.now())))
            return people, invited, lockout.blocked_addresses(session, desk.now())

        people, invited, addresses = await desk.write(load)
        return desk.page(
            "staff.html",
            visitor,
            status=status,
            people=people,
            invited=invited,
            addresses=addresses,
            roles=ROLES,
            error=error,
            fields=fields or {"name": "", "email": "", "role": "clinician"},
            password=desk.clinic.sign_in.password,
        )

    async def show_person(
        visitor: Visitor, staff_id: str, *, status: int = 200, error: str = "", link: str = ""
    ) -> Response:
        now = desk.now()

        def load(session: Session) -> dict[str, Any] | None:
            person = session.get(Staff, staff_id)
            if person is None:
                return None
            desk.audit(session, visitor, "view_staff_member", staff_id)
            return {
                "person": person,
                "locked": lockout.is_locked(person, now),
                "second_factor": second_factor.has_one(person),
                "visits": visits.open_visits(session, staff_id, now, desk.idle),
            }

        found = await desk.write(load)
        if found is None:
            raise Refused(404, "No such person", "Nobody here has this address.")
        return desk.page(
            "staff_member.html",
            visitor,
            status=status,
            error=error,
            link=link,
            link_days=LINK_LASTS.days,
            roles=ROLES,
            password=desk.clinic.sign_in.password,
            **found,
        )

    @pages.get("/staff")
    async def staff_page(request: Request) -> Response:
        return await show(await desk.visitor(request, "manage_staff"))

    @pages.post("/staff")
    async def invite(request: Request) -> Response:
        visitor = await desk.visitor(request, "manage_staff")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> tuple[str, str]:
            email, name, role = (fields.get(field, "") for field in ("email", "name", "role"))
            person = staff.create_staff(session, email, name, role, None, now, by=visitor.id)
            return person.id, staff.new_link(session, person.id, now, by=visitor.id)

        try:
            staff_id, code = await desk.write(work)
        except StaffError as error:
            return await show(visitor, status=400, error=str(error), fields=fields)
        return await show_person(visitor, staff_id, link=desk.address(request, f"/console/welcome/{code}"))

    @pages.get("/staff/{staff_id}")
    async def person_page(staff_id: str, request: Request) -> Response:
        return await show_person(await desk.visitor(request, "manage_staff"), staff_id)

    @pages.post("/staff/{staff_id}/link")
    async def link(staff_id: str, request: Request) -> Response:
        visitor, now = await desk.visitor(request, "manage_staff"), desk.now()
        try:
            code = await desk.write(lambda session: staff.new_link(session, staff_id, now, by=visitor.id))
        except StaffError as error:
            return await show_person(visitor, staff_id, status=400, error=str(error))
        return await show_person(visitor, staff_id, link=desk.address(request, f"/console/welcome/{code}"))

    def change(deed: str, work: Callable[[Session, str, Visitor, Any], None]) -> None:
        """Adds the route of a change that ends on the person's page."""

        @pages.post(f"/staff/{{staff_id}}/{deed}", name=f"staff_{deed}")
        async def changed(staff_id: str, request: Request) -> Response:
            visitor = await desk.visitor(request, "manage_staff")
            fields = await desk.form(request, visitor.visit)
            try:
                await desk.write(lambda session: work(session, staff_id, visitor, fields))
            except StaffError as error:
                return await show_person(visitor, staff_id, status=400, error=str(error))
            return seen(f"/console/staff/{staff_id}")

    def role(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        staff.set_role(session, staff_id, fields.get("role", ""), desk.now(), by=visitor.id)

    def reset(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        second_factor.remove(session, staff.get(session, staff_id), desk.now(), by=visitor.id)
        visits.end_all(session, staff_id)

    def unlock(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        staff.unlock(session, staff_id, desk.now(), by=visitor.id)

    def sign_out(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        staff.sign_out_everywhere(session, staff_id, desk.now(), by=visitor.id)

    def disable(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        staff.set_disabled(session, staff_id, True, desk.now(), by=visitor.id)

    def enable(session: Session, staff_id: str, visitor: Visitor, fields: Any) -> None:
        staff.set_disabled(session, staff_id, False, desk.now(), by=visitor.id)

    for deed, work in (
        ("role", role),
        ("second-factor", reset),
        ("unlock", unlock),
        ("sign-out", sign_out),
        ("disable", disable),
        ("enable", enable),
    ):
        change(deed, work)

    @pages.post("/addresses/unblock")
    async def unblock(request: Request) -> Response:
        visitor, now = await desk.visitor(request, "manage_staff"), desk.now()
        address = (await desk.form(request, visitor.visit)).get("address", "")
        await desk.write(lambda session: lockout.unblock(session, address, now, by=visitor.id))
        return seen("/console/staff")
