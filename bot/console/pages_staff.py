"""Who can sign in (for administrators), and the audit."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.console.desk import Desk, Visitor, seen
from bot.console.roles import ROLES
from bot.console.staff import StaffError, create_staff, random_password, set_disabled, set_password
from bot.store.models import Audit, Staff

LINES = 200


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    async def show(visitor: Visitor, *, status: int = 200, error: str = "", made: Any = None) -> Response:
        def load(session: Session) -> list[Staff]:
            desk.audit(session, visitor, "view_staff")
            return list(session.scalars(select(Staff).order_by(Staff.disabled_at.is_not(None), Staff.name)))

        people = await desk.write(load)
        return desk.page("staff.html", visitor, status=status, people=people, roles=ROLES, error=error, made=made)

    @pages.get("/staff")
    async def staff_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "manage_staff")
        return await show(visitor)

    @pages.post("/staff")
    async def add_staff(request: Request) -> Response:
        visitor = await desk.visitor(request, "manage_staff")
        fields, now, password = await desk.form(request, visitor.visit), desk.now(), random_password()

        def work(session: Session) -> Staff:
            email, name, role = (fields.get(field, "") for field in ("email", "name", "role"))
            return create_staff(session, email, name, role, password, now, by=visitor.id)

        try:
            staff = await desk.write(work)
        except StaffError as error:
            return await show(visitor, status=400, error=str(error))
        return await show(visitor, made={"email": staff.email, "password": password})

    @pages.post("/staff/{staff_id}/{deed}")
    async def change_staff(staff_id: str, deed: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "manage_staff")
        await desk.form(request, visitor.visit)
        now, password = desk.now(), random_password()

        def work(session: Session) -> str:
            if deed == "password":
                set_password(session, staff_id, password, now, by=visitor.id)
            elif deed in ("disable", "enable"):
                set_disabled(session, staff_id, deed == "disable", now, by=visitor.id)
            else:
                raise StaffError("There is nothing like this to do.")
            return session.get_one(Staff, staff_id).email

        try:
            email = await desk.write(work)
        except StaffError as error:
            return await show(visitor, status=400, error=str(error))
        if deed == "password" and staff_id != visitor.id:
            return await show(visitor, made={"email": email, "password": password})
        return seen("/console/staff")

    @pages.get("/audit")
    async def audit_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "see_audit")

        def load(session: Session) -> list[Any]:
            desk.audit(session, visitor, "view_audit")
            session.flush()
            query = select(Audit, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id)
            return list(session.execute(query.order_by(Audit.id.desc()).limit(LINES)))

        return desk.page("audit.html", visitor, lines=await desk.write(load))
