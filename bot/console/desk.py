"""What every page of the console shares: who is asking, may they, and how an answer looks.

`ConsoleRoute` goes before every page: it looks the route up in `bot.console.roles`, finds out who asks, refuses a
form that was not made for this visit, turns refusals into pages and adds the security headers. A page begins with
`desk.visitor(request, "see_queue")`; a form reads its fields with `desk.form`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.console import roles, second_factor, visits
from bot.console.visits import Visit, Visits
from bot.console.words import FILTERS
from bot.store.models import Audit, Staff, StaffVisit

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

SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST_FORM = 5_000_000
"""Bytes. Whoever sends more is told so before anything is read."""


NOTED_AGAIN_AFTER = timedelta(hours=1)


class SignInNeeded(Exception):
    """Nobody is signed in, or has been idle for too long; `step` is the page to go to."""

    def __init__(self, step: str = "/console/sign-in") -> None:
        super().__init__(step)
        self.step = step


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
        self.public_url: str = getattr(getattr(state, "settings", None), "public_url", "")
        self.visits = Visits(state.session_key, secure=self.public_url.startswith("https://"))
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

    @property
    def idle(self) -> timedelta:
        """How long a visit lasts without a click."""
        return timedelta(minutes=self.clinic.sign_in.idle_minutes)

    async def admit(self, request: Request, deed: str) -> None:
        """Lets a request in, or does not: `request.state.visitor` is then who it is.

        Raises:
            SignInNeeded: nobody is signed in, or a step of it is missing.
            Refused: their role may not, or the form was not made for this visit.
        """
        visit = self.visits.read(request)
        if deed != roles.OPEN:
            request.state.visitor = await self._who(request, visit, deed)
        if request.method not in SAFE:
            length = request.headers.get("content-length", "")
            if not length.isdigit() or int(length) > LARGEST_FORM:
                raise Refused(413, "Too much at once", f"A form may have up to {LARGEST_FORM // 10**6} megabytes.")
            await self.form(request, visit)

    async def _who(self, request: Request, visit: Visit, deed: str) -> Visitor:
        now = self.now()
        found = await self.read(lambda session: _sign_in_of(session, visit)) if visit.secret else None
        if found is None:
            raise SignInNeeded
        row, staff = found
        if visits.is_over(row, now, self.idle) or staff.disabled_at is not None:
            raise SignInNeeded
        if row.way == "password":
            if second_factor.has_one(staff) and row.second_factor_at is None:
                raise SignInNeeded("/console/sign-in/code")
            must_have_one = staff.role in self.clinic.sign_in.second_factor_for
            if must_have_one and not second_factor.has_one(staff) and deed != roles.OWN_SECOND_FACTOR:
                raise SignInNeeded("/console/account/second-factor")
        if not roles.may(staff.role, deed):
            raise Refused(403, "Not for your role", "Your role does not include this page.")
        by_refresh = request.method == "GET" and "refresh" in request.query_params
        if not by_refresh and now - row.seen_at > visits.TOUCH_AFTER:
            await self.write(lambda session: visits.touch(session, visit, now))
        return Visitor(visit, staff.id, staff.name, staff.role, by_refresh)

    def touch(self) -> None:
        """Has the pages that are open renew themselves (`bot.bus.Bus.touch`)."""
        self.state.bus.touch()

    async def visitor(self, request: Request, deed: str) -> Visitor:
        """Who is signed in. `admit` has already seen to it that they may do what the route is for.

        Raises:
            LookupError: the route's line in `bot.console.roles.ROUTES` names another deed.
        """
        if request.state.deed != deed:
            raise LookupError(f"{request.url.path} is for {request.state.deed} in the table, and {deed} on its page")
        return request.state.visitor  # type: ignore[no-any-return]  # the request's state is untyped

    def seal(self) -> second_factor.Seal:
        """What the second factors' secrets are sealed with."""
        return second_factor.Seal(self.state.session_key)

    def address(self, request: Request, path: str) -> str:
        """An address to hand on, as people reach the console."""
        return (self.public_url or str(request.base_url)).rstrip("/") + path

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
        token = fields.get("token") or request.headers.get("x-evoke-token", "")
        origin = request.headers.get("origin")
        here = {request.url.netloc, urlsplit(self.public_url).netloc} - {""}
        if (origin is not None and urlsplit(origin).netloc not in here) or not visit.owns(token):
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
            idle=self.idle,
            now=self.now(),
            refresh=values.pop("refresh", None),
            **values,
        )
        return HTMLResponse(html, status)

    def route_class(self) -> type[APIRoute]:
        """The route class of the pages."""
        desk = self

        class ConsoleRoute(APIRoute):
            """Admits the request, turns refusals into pages and adds the cookie and the security headers."""

            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()
                deeds = {method: roles.deed_of(method, self.path) for method in self.methods or ()}

                async def handled(request: Request) -> Response:
                    try:
                        request.state.deed = deeds[request.method]
                        await desk.admit(request, request.state.deed)
                        response = await handle(request)
                    except SignInNeeded as needed:
                        response = _to_sign_in(request, needed.step)
                    except Refused as refusal:
                        response = desk.page("refused.html", None, status=refusal.status, refusal=refusal)
                    visit = getattr(request.state, "visit", None)
                    if visit is not None:
                        desk.visits.write(request, response, visit)
                    for header, value in HEADERS.items():
                        response.headers.setdefault(header, value)
                    if desk.visits.is_secure(request):
                        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                    return response

                return handled

        return ConsoleRoute


def seen(address: str) -> RedirectResponse:
    """Sends the browser on after a form (303), so that a reload does not send it again."""
    return RedirectResponse(address, 303)


def _sign_in_of(session: Session, visit: Visit) -> tuple[StaffVisit, Staff] | None:
    row = session.get(StaffVisit, visit.id)
    return (row, session.get_one(Staff, row.staff_id)) if row is not None else None


def _to_sign_in(request: Request, step: str) -> Response:
    if request.method == "GET" and request.url.path not in ("/console", "/console/") and request.url.path != step:
        step += f"?next={quote(request.url.path)}"
    if "hx-request" in request.headers:  # htmx would put the sign-in page into the middle of this one
        return Response(status_code=200, headers={"HX-Redirect": step.split("?")[0]})
    return seen(step)
