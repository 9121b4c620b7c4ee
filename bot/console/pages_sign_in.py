"""Signing in and out, and one's own password."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.console.desk import Desk, SignInNeeded, seen
from bot.console.roles import HOME
from bot.console.staff import (
    StaffError,
    begin_sign_in,
    fingerprint,
    finish_sign_in,
    is_right,
    set_password,
)
from bot.console.visits import Visit
from bot.store.models import Audit, Staff

WRONG = (
    "The e-mail address and password do not match. After five tries an account rests for 15 minutes; "
    "an administrator can open it again with a new password."
)


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""
    checks = asyncio.Semaphore(2)  # a password check takes 64 MB: a flood of them waits

    @pages.get("")
    async def home(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_password")
        return seen(HOME[visitor.role])

    @pages.get("/sign-in")
    async def sign_in_page(request: Request, next: str = "") -> Response:
        request.state.visit = visit = desk.visits.read(request)
        return desk.page("sign_in.html", None, token=visit.token, next=next, error="", email="")

    @pages.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        visit, now = desk.visits.read(request), desk.now()
        fields = await desk.form(request, visit)
        email, password = fields.get("email", ""), fields.get("password", "")[:1024]
        async with checks:
            attempt = await desk.write(lambda session: begin_sign_in(session, email, now))
            right = await asyncio.to_thread(is_right, attempt.password_hash, password)
            staff = await desk.write(lambda session: finish_sign_in(session, attempt, right, now))
        if staff is None:
            next_page = fields.get("next", "")
            return desk.page(
                "sign_in.html",
                None,
                token=visit.token,
                status=401,
                next=next_page,
                error=WRONG,
                email=email,
            )
        request.state.visit = visit.signed_in(staff.id, fingerprint(staff), now)
        return seen(_inside(fields.get("next", "")) or HOME[staff.role])

    @pages.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        visit, now = desk.visits.read(request), desk.now()
        await desk.form(request, visit)
        if visit.staff_id is not None:
            await desk.write(
                lambda session: session.add(
                    Audit(at=now, staff_id=visit.staff_id, action="sign_out", subject=visit.staff_id)
                )
            )
        request.state.visit = Visit(secrets.token_urlsafe(24))
        return seen("/console/sign-in")

    @pages.get("/password")
    async def password_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_password")
        return desk.page("password.html", visitor, error="", done=False)

    @pages.post("/password")
    async def change_password(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_password")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        staff = await desk.read(lambda session: session.get(Staff, visitor.id))
        if staff is None:
            raise SignInNeeded
        async with checks:
            right = await asyncio.to_thread(is_right, staff.password_hash, fields.get("old", "")[:1024])

        def work(session: Session) -> str:
            set_password(session, visitor.id, fields.get("new", ""), now, by=visitor.id)
            return fingerprint(session.get_one(Staff, visitor.id))

        try:
            if not right:
                raise StaffError("The present password is not right.")
            stamp = await desk.write(work)
        except StaffError as error:
            return desk.page("password.html", visitor, status=400, error=str(error), done=False)
        request.state.visit = visit = visitor.visit.signed_in(visitor.id, stamp, now)
        return desk.page("password.html", replace(visitor, visit=visit), error="", done=True)


def _inside(address: str) -> str:
    """The address if it is one of the console's own, else nothing: a sign-in sends nobody to another site."""
    return address if address.startswith("/console/") and "//" not in address and "\\" not in address else ""
