"""One's own account: password, second factor, and the sign-ins that are open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from bot.console import second_factor, signing_in, staff, visits
from bot.console.desk import Desk, SignInNeeded, Visitor, seen
from bot.console.passwords import is_right
from bot.console.roles import HOME, OWN_SECOND_FACTOR
from bot.console.staff import StaffError
from bot.console.visits import Visit
from bot.store.models import Staff, StaffVisit


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""
    checks = asyncio.Semaphore(2)  # a password check takes 64 MB: a flood of them waits

    async def show(
        visitor: Visitor, *, status: int = 200, error: str = "", done: str = "", codes: Any = ()
    ) -> Response:
        now = desk.now()

        def load(session: Session) -> dict[str, Any]:
            desk.audit(session, visitor, "view_account", visitor.id)
            return {
                "person": session.get_one(Staff, visitor.id),
                "visits": visits.open_visits(session, visitor.id, now, desk.idle),
                "codes_left": second_factor.recovery_codes_left(session, visitor.id),
            }

        found = await desk.write(load)
        return desk.page(
            "account.html",
            visitor,
            status=status,
            error=error,
            done=done,
            codes=codes,
            here=visitor.visit.id,
            needed=visitor.role in desk.clinic.sign_in.second_factor_for,
            **found,
        )

    async def prove(visitor: Visitor, password: str) -> None:
        """Makes sure that it is still the same person at the keyboard.

        Raises:
            StaffError: the password is not theirs.
            SignInNeeded: it was wrong too often.
        """
        now = desk.now()
        person = await desk.read(lambda session: session.get_one(Staff, visitor.id))
        async with checks:
            right = await asyncio.to_thread(is_right, person.password_hash, password[:1024])
        if not right:
            if await desk.write(lambda session: signing_in.wrong_password(session, visitor.id, now)):
                raise SignInNeeded
            raise StaffError("The present password is not right.")

    @pages.get("")
    async def home(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_account")
        return seen(HOME[visitor.role])

    @pages.get("/account")
    async def account_page(request: Request) -> Response:
        return await show(await desk.visitor(request, "own_account"))

    @pages.post("/account/password")
    async def change_password(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_account")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> Visit:
            row = session.get_one(StaffVisit, visitor.visit.id)
            way, second = row.way, row.second_factor_at is not None
            staff.set_password(session, visitor.id, fields.get("new", "")[:1024], now, by=visitor.id)
            return visits.begin(session, visitor.id, way, now, second_factor=second)

        try:
            await prove(visitor, fields.get("old", ""))
            visit = await desk.write(work)
        except StaffError as error:
            return await show(visitor, status=400, error=str(error))
        request.state.visit = visit
        done = "Your password is changed. You are signed out everywhere else."
        return await show(replace(visitor, visit=visit), done=done)

    @pages.post("/account/sign-out-everywhere")
    async def sign_out_everywhere(request: Request) -> Response:
        visitor, now = await desk.visitor(request, "own_account"), desk.now()
        await desk.write(lambda session: staff.sign_out_everywhere(session, visitor.id, now, by=visitor.id))
        request.state.visit = Visit.new()
        return seen("/console/sign-in")

    async def setup_page(visitor: Visitor, *, status: int = 200, error: str = "") -> Response:
        def load(session: Session) -> tuple[str, str] | None:
            person = staff.get(session, visitor.id)
            desk.audit(session, visitor, "view_second_factor", visitor.id)
            if second_factor.has_one(person):
                return None
            return second_factor.begin_setup(person, desk.seal()), person.email

        begun = await desk.write(load)
        if begun is None:
            return seen("/console/account")
        secret, email = begun
        qr = second_factor.qr_code(second_factor.address(secret, email, desk.clinic.name))
        needed = visitor.role in desk.clinic.sign_in.second_factor_for
        return desk.page("second_factor.html", visitor, status=status, error=error, secret=secret, qr=qr, needed=needed)

    @pages.get("/account/second-factor")
    async def second_factor_page(request: Request) -> Response:
        return await setup_page(await desk.visitor(request, OWN_SECOND_FACTOR))

    @pages.post("/account/second-factor")
    async def turn_on(request: Request) -> Response:
        visitor = await desk.visitor(request, OWN_SECOND_FACTOR)
        fields, now, seal = await desk.form(request, visitor.visit), desk.now(), desk.seal()

        def work(session: Session) -> tuple[list[str], Visit] | None:
            person = staff.get(session, visitor.id)
            codes = second_factor.finish_setup(session, person, seal, fields.get("code", "")[:64], now)
            if codes is None:
                return None
            way = session.get_one(StaffVisit, visitor.visit.id).way
            visits.end_all(session, visitor.id)
            return codes, visits.begin(session, visitor.id, way, now, second_factor=True)

        made = await desk.write(work)
        if made is None:
            return await setup_page(
                visitor, status=400, error="This code is not right. Wait for the next one and try again."
            )
        codes, request.state.visit = made
        visitor = replace(visitor, visit=request.state.visit)
        return await show(visitor, done="Your second factor is on. You are signed out everywhere else.", codes=codes)

    @pages.post("/account/second-factor/off")
    async def turn_off(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_account")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> None:
            second_factor.remove(session, staff.get(session, visitor.id), now, by=visitor.id)

        try:
            await prove(visitor, fields.get("old", ""))
        except StaffError as error:
            return await show(visitor, status=400, error=str(error))
        await desk.write(work)
        return seen("/console/account")

    @pages.post("/account/recovery-codes")
    async def more_codes(request: Request) -> Response:
        visitor = await desk.visitor(request, "own_account")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> list[str]:
            person = staff.get(session, visitor.id)
            if not second_factor.has_one(person):
                raise StaffError("Set up a second factor first.")
            return second_factor.new_recovery_codes(session, person, now)

        try:
            await prove(visitor, fields.get("old", ""))
            codes = await desk.write(work)
        except StaffError as error:
            return await show(visitor, status=400, error=str(error))
        return await show(visitor, done="These are your new recovery codes; the old ones no longer work.", codes=codes)

    async def seconds_left(visit: Visit) -> float:
        row = await desk.read(lambda session: session.get(StaffVisit, visit.id)) if visit.secret else None
        return max(0.0, (row.seen_at + desk.idle - desk.now()).total_seconds()) if row is not None else 0.0

    @pages.get("/visit")
    async def how_long(request: Request) -> Response:
        """Seconds until the visit ends by itself, for the page that warns of it; asking is no click."""
        return JSONResponse({"seconds": int(await seconds_left(desk.visits.read(request)))})

    @pages.post("/visit")
    async def still_here(request: Request) -> Response:
        """A click that does nothing else."""
        visitor, now = await desk.visitor(request, "own_account"), desk.now()
        await desk.write(lambda session: visits.touch(session, visitor.visit, now))
        return JSONResponse({"seconds": int(await seconds_left(visitor.visit))})
