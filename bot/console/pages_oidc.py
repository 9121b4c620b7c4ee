"""To the clinic's identity provider, and back."""

from __future__ import annotations

import structlog
from authlib.common.errors import AuthlibBaseError
from fastapi import APIRouter, Request, Response
from httpx2 import HTTPError  # Authlib's client runs on it
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from bot.console import oidc, visits
from bot.console.desk import Desk, Refused, seen
from bot.console.oidc import OidcError, Provider
from bot.console.pages_sign_in import inside
from bot.console.roles import HOME
from bot.console.staff import StaffError
from bot.console.visits import Visit
from bot.store.models import Audit

log = structlog.get_logger()
BROKEN = (AuthlibBaseError, JoseError, HTTPError, ValueError, KeyError, TypeError, RuntimeError)
"""What an unreachable provider, or an answer that is none, comes as."""
TITLE = "That did not work"


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    known: list[Provider] = []

    def provider() -> Provider:
        settings = desk.clinic.sign_in.oidc
        if settings is None:
            raise Refused(404, "Not set up", "This clinic's staff sign in with a password.")
        if not known or known[0].config != settings:
            known[:] = [Provider(settings, desk.state.session_key)]
        return known[0]

    @pages.get("/oidc")
    async def start(request: Request, next: str = "") -> Response:
        clinic_login = provider()
        back = desk.address(request, "/console/oidc/back")
        secure = desk.visits.is_secure(request)
        try:
            return await clinic_login.start(request, back, inside(next), secure=secure)
        except OidcError as error:
            raise Refused(502, TITLE, str(error)) from None
        except BROKEN as error:
            log.warning("oidc_start_failed", why=type(error).__name__)
            raise Refused(
                502, TITLE, f"{clinic_login.config.name} does not answer just now. Try again in a while."
            ) from None

    @pages.get("/oidc/back")
    async def back(request: Request) -> Response:
        clinic_login, now = provider(), desk.now()

        def work(session: Session) -> tuple[Visit, str]:
            person = oidc.person_for(session, claims, clinic_login.config, now)
            return visits.begin(session, person.id, "oidc", now), person.role

        try:
            claims, next_page = await clinic_login.come_back(request)
            request.state.visit, role = await desk.write(work)
        except (OidcError, StaffError) as error:
            await _failed(desk)
            raise Refused(403, TITLE, str(error)) from None
        except BROKEN as error:
            log.warning("oidc_answer_refused", why=type(error).__name__)
            await _failed(desk)
            raise Refused(
                502, TITLE, f"What {clinic_login.config.name} answered cannot be trusted: start again."
            ) from None
        response = seen(inside(next_page) or HOME[role])
        response.delete_cookie(oidc.COOKIE, path=oidc.PATH)
        return response


async def _failed(desk: Desk) -> None:
    now = desk.now()
    await desk.write(lambda session: session.add(Audit(at=now, staff_id=None, action="clinic_account_refused")))
