"""What every page of the console shares: who is asking, may they, and how an answer looks.

A page begins with `desk.visitor(request, "see_queue")`; a form reads its fields with `desk.form`, which
refuses one that was not made for this visit. `ConsoleRoute` turns refusals into pages and adds the security
headers.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.console import roles
from bot.console.staff import fingerprint
from bot.console.visits import Visit, Visits
from bot.console.words import FILTERS
from bot.store.models import Audit, Staff

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


NOTED_AGAIN_AFTER = timedelta(hours=1)


class SignInNeeded(Exception):
    """Nobody is signed in, or has been idle for too long."""


class Refused(Exception):
    """An answer other than the page; the message is one sentence for the person."""

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status, self.title, self.message = status, title, message


@dataclass(frozen=True)
class Visitor:
    """Who asks for a page. `by_refresh`: the page asks for itself, without a click."""

    visit: Visit
    id: str
    name: str
    role: str
    by_refresh: bool

    def may(self, deed: str) -> bool:
        """See `bot.console.roles.may`."""
        return roles.may(self.role, deed)


class Desk:
    """Holds what the pages need of the application.

    Args:
        state: the application's state with `db`, `clinic`, `clock`, `bus` and `session_key`; read at each request,
            so that
            the pages can be built before the database is open.
    """

    def __init__(self, state: Any) -> None:
        self.state = state
        self.visits = Visits(state.session_key)
        folder = Path(__file__).parent
        self.templates = Environment(
            loader=FileSystemLoader(folder / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self.templates.filters.update(FILTERS)
        self.files = {path.name: path.read_text(encoding="utf-8") for path in (folder / "static").iterdir()}

    @property
    def clinic(self) -> ClinicConfig:
        """The clinic's settings."""
        return self.state.clinic  # type: ignore[no-any-return]  # the application's state is untyped

    def now(self) -> datetime:
        """The time, zone-aware."""
        return self.state.clock()  # type: ignore[no-any-return]  # the application's state is untyped

    async def read(self, fn: Callable[[Session], Any]) -> Any:
        """See `bot.store.database.Database.read`."""
        return await self.state.db.read(fn)

    async def write(self, fn: Callable[[Session], Any]) -> Any:
        """See `bot.store.database.Database.write`."""
        return await self.state.db.write(fn)

    async def visitor(self, request: Request, deed: str) -> Visitor:
        """Who is signed in, if they may do this.

        Raises:
            SignInNeeded: nobody is.
            Refused: their role may not.
            KeyError: the deed is not in `bot.console.roles.ALLOWED`.
        """
        visit, now = self.visits.read(request), self.now()
        if visit.staff_id is None or visit.is_over(now):
            raise SignInNeeded
        staff = await self.read(lambda session: session.get(Staff, visit.staff_id))
        if staff is None or staff.disabled_at is not None or fingerprint(staff) != visit.stamp:
            raise SignInNeeded
        if not roles.may(staff.role, deed):
            raise Refused(403, "Not for your role", "Your role does not include this page.")
        by_refresh = request.method == "GET" and "refresh" in request.query_params
        if not by_refresh:
            request.state.visit = visit = visit.touched(now)
        return Visitor(visit, staff.id, staff.name, staff.role, by_refresh)

    def touch(self) -> None:
        """Has the pages that are open renew themselves (`bot.bus.Bus.touch`)."""
        self.state.bus.touch()

    def signal(self, conversation_id: str | None) -> None:
        """Tells the channels that a conversation has something new (`bot.bus.Bus.signal`), if one has."""
        if conversation_id is not None:
            self.state.bus.signal(conversation_id)

    async def form(self, request: Request, visit: Visit) -> Mapping[str, str]:
        """The fields of a form that was made for this visit.

        Raises:
            Refused: it was made for another visit, or by another site.
        """
        fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        if not visit.owns(fields.get("token", "")):
            raise Refused(403, "This form is too old", "Open the page again and send the form once more.")
        return fields

    def audit(self, session: Session, visitor: Visitor, action: str, subject: str = "") -> None:
        """Notes who looked at what; a page that refreshes itself is noted when it is opened, and then each hour."""
        if visitor.by_refresh:
            lately = select(Audit.id).where(
                Audit.staff_id == visitor.id,
                Audit.action == action,
                Audit.subject == subject,
                Audit.at > self.now() - NOTED_AGAIN_AFTER,
            )
            if session.scalar(lately.limit(1)) is not None:
                return
        session.add(Audit(at=self.now(), staff_id=visitor.id, action=action, subject=subject))

    def page(
        self, name: str, visitor: Visitor | None, *, token: str = "", status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A template, filled in."""
        html = self.templates.get_template(name).render(
            visitor=visitor,
            token=visitor.visit.token if visitor else token,
            clinic=self.clinic,
            now=self.now(),
            refresh=values.pop("refresh", None),
            **values,
        )
        return HTMLResponse(html, status)

    def route_class(self) -> type[APIRoute]:
        """The route class of the pages."""
        desk = self

        class ConsoleRoute(APIRoute):
            """Turns refusals into pages, keeps the visit's cookie fresh and adds the security headers."""

            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def handled(request: Request) -> Response:
                    try:
                        response = await handle(request)
                    except SignInNeeded:
                        response = _to_sign_in(request)
                    except Refused as refusal:
                        response = desk.page("refused.html", None, status=refusal.status, refusal=refusal)
                    visit = getattr(request.state, "visit", None)
                    if visit is not None:
                        desk.visits.write(request, response, visit)
                    for header, value in HEADERS.items():
                        response.headers.setdefault(header, value)
                    return response

                return handled

        return ConsoleRoute


def seen(address: str) -> RedirectResponse:
    """Sends the browser on after a form (303), so that a reload does not send it again."""
    return RedirectResponse(address, 303)


def _to_sign_in(request: Request) -> Response:
    address = "/console/sign-in"
    if request.method == "GET" and request.url.path not in ("/console", "/console/"):
        address += f"?next={quote(request.url.path)}"
    if "hx-request" in request.headers:  # htmx would put the sign-in page into the middle of this one
        return Response(status_code=200, headers={"HX-Redirect": address.split("?")[0]})
    return seen(address)
