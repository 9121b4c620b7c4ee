"""Signing in, in one step or two, and out; and the link with which somebody sets a password."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.console import signing_in, staff, visits
from bot.console.desk import Desk, Refused, SignInNeeded, seen
from bot.console.passwords import is_right
from bot.console.roles import HOME
from bot.console.visits import Visit
from bot.store.models import Audit, StaffVisit

WRONG = (
    "The e-mail address and password do not match. After five tries an account rests for 15 minutes, and longer "
    "after more; an administrator can open it again."
)
WRONG_CODE = (
    "This code is not right, or was used before. Wait for the next one. After five tries an account rests for a while."
)


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""
    checks = asyncio.Semaphore(2)  # a password check takes 64 MB: a flood of them waits

    def sign_in_form(
        visit: Visit, *, status: int = 200, next_page: str = "", error: str = "", email: str = ""
    ) -> Response:
        settings = desk.clinic.sign_in
        return desk.page(
            "sign_in.html",
            None,
            token=visit.token,
            status=status,
            next=next_page,
            error=error,
            email=email,
            password=settings.password,
            oidc=settings.oidc,
            idle_minutes=settings.idle_minutes,
        )

    @pages.get("/sign-in")
    async def sign_in_page(request: Request, next: str = "") -> Response:
        request.state.visit = visit = desk.visits.read(request)
        return sign_in_form(visit, next_page=next)

    @pages.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        visit, now, address = desk.visits.read(request), desk.now(), address_of(request)
        fields = await desk.form(request, visit)
        if not desk.clinic.sign_in.password:
            raise Refused(403, "No passwords here", "This clinic's staff sign in with their clinic account.")
        email, password = fields.get("email", ""), fields.get("password", "")[:1024]
        next_page = fields.get("next", "")
        async with checks:
            try:
                attempt = await desk.write(lambda session: signing_in.begin(session, email, address, now))
            except signing_in.TryLater as later:
                return too_many(later)
            right = await asyncio.to_thread(is_right, attempt.password_hash, password)
            done = await desk.write(lambda session: signing_in.finish(session, attempt, right, address, now))
        if done is None:
            return sign_in_form(visit, status=401, next_page=next_page, error=WRONG, email=email)
        request.state.visit = done.visit
        if done.needs_code:
            return seen(f"/console/sign-in/code?next={quote(inside(next_page))}")
        return seen(inside(next_page) or HOME[done.role])

    def code_form(visit: Visit, *, status: int = 200, next_page: str = "", error: str = "") -> Response:
        return desk.page("code.html", None, token=visit.token, status=status, next=next_page, error=error)

    @pages.get("/sign-in/code")
    async def code_page(request: Request, next: str = "") -> Response:
        visit, now = desk.visits.read(request), desk.now()
        try:
            await desk.read(lambda session: signing_in.half_way(session, visit, now))
        except LookupError:
            raise SignInNeeded from None
        return code_form(visit, next_page=next)

    @pages.post("/sign-in/code")
    async def give_code(request: Request) -> Response:
        visit, now, address = desk.visits.read(request), desk.now(), address_of(request)
        fields, seal = await desk.form(request, visit), desk.seal()
        code, next_page = fields.get("code", "")[:64], fields.get("next", "")
        try:
            whole = await desk.write(lambda session: signing_in.second_step(session, visit, seal, code, address, now))
        except LookupError:
            raise SignInNeeded from None
        except signing_in.TryLater as later:
            return too_many(later)
        if whole is None:
            return code_form(visit, status=401, next_page=next_page, error=WRONG_CODE)
        request.state.visit = whole
        return seen(inside(next_page) or "/console")

    @pages.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        visit, now = desk.visits.read(request), desk.now()

        def work(session: Session) -> None:
            row = session.get(StaffVisit, visit.id)
            if row is not None:
                session.add(Audit(at=now, staff_id=row.staff_id, action="sign_out", subject=row.staff_id))
                visits.end(session, visit)

        await desk.write(work)
        request.state.visit = Visit.new()
        return seen("/console/sign-in")

    @pages.get("/welcome/{code}")
    async def welcome_page(code: str, request: Request) -> Response:
        request.state.visit = visit = desk.visits.read(request)
        now = desk.now()
        who = await desk.read(lambda session: staff.who_has_link(session, code, now))
        if who is None:
            raise Refused(
                404, "This link does not work", "It was used, or is too old: ask an administrator for a new one."
            )
        return desk.page("welcome.html", None, token=visit.token, who=who, code=code, error="")

    @pages.post("/welcome/{code}")
    async def set_first_password(code: str, request: Request) -> Response:
        visit, now = desk.visits.read(request), desk.now()
        fields = await desk.form(request, visit)
        password = fields.get("new", "")[:1024]
        who = await desk.read(lambda session: staff.who_has_link(session, code, now))
        if who is None:
            raise Refused(
                404, "This link does not work", "It was used, or is too old: ask an administrator for a new one."
            )
        try:
            async with checks:
                await desk.write(lambda session: staff.use_link(session, code, password, now))
        except staff.StaffError as error:
            return desk.page("welcome.html", None, token=visit.token, status=400, who=who, code=code, error=str(error))
        return seen("/console/sign-in")


def inside(address: str) -> str:
    """The address if it is one of the console's own, else nothing: a sign-in sends nobody to another site."""
    return address if address.startswith("/console/") and "//" not in address and "\\" not in address else ""


def address_of(request: Request) -> str:
    """The network address that a request comes from."""
    return request.client.host[:64] if request.client else ""


def too_many(later: signing_in.TryLater) -> Response:
    """Refuses an address that has to wait.

    Raises:
        Refused: always.
    """
    minutes = int(later.wait.total_seconds() // 60) + 1
    raise Refused(
        429,
        "Too many tries",
        f"Too many wrong sign-ins came from your network. Try again in {minutes} min, or ask an administrator.",
    )
