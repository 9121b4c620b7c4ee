"""A browser's visit to the console.

Theory of operation: the browser holds a signed cookie with a form token and, once somebody has signed in, a random
secret. The sign-in itself is a row of `staff_visit`, found by the secret's SHA-256, with who it is and when they
last did something. So a sign-in ends by deleting its row, wherever its cookie may be; and a copy of the database
opens no visit. Signing in makes a new cookie, so what was planted before is of no use.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.store.models import StaffVisit

COOKIE = "evoke_console"
LONGEST = timedelta(hours=12)
"""After so long one signs in anew, however busy."""
HALF_WAY = timedelta(minutes=10)
"""For the second step of a sign-in."""
TOUCH_AFTER = timedelta(seconds=15)
"""A click within this of the last is not written down: idleness is counted in minutes."""


@dataclass(frozen=True)
class Visit:
    """What the cookie holds. `secret` is empty while nobody has signed in."""

    token: str
    secret: str = ""

    @classmethod
    def new(cls) -> Visit:
        """A visit of nobody."""
        return cls(secrets.token_urlsafe(24))

    @property
    def id(self) -> str:
        """The key of its row in `staff_visit`."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def owns(self, token: str) -> bool:
        """Whether a form was made for this visit."""
        return hmac.compare_digest(self.token.encode(), token.encode())


class Visits:
    """Reads and writes the cookie.

    Args:
        key: signs it; with another key every visit begins anew.
        secure: the console is reached by TLS, whatever this process sees of it.
    """

    def __init__(self, key: str, *, secure: bool = False) -> None:
        self._signer = URLSafeSerializer(key, salt="evoke-console-visit-2")
        self._secure = secure

    def read(self, request: Request) -> Visit:
        """The visit that a request belongs to, or a new one."""
        try:
            return Visit(**self._signer.loads(request.cookies.get(COOKIE, "")))
        except (BadSignature, TypeError):
            return Visit.new()

    def write(self, request: Request, response: Response, visit: Visit) -> None:
        """Hands the visit to the browser. Lax, not Strict: a link in a page by mail has to find it."""
        response.set_cookie(
            COOKIE,
            self.cookie(visit),
            path="/console",
            httponly=True,
            samesite="lax",
            secure=self.is_secure(request),
        )

    def cookie(self, visit: Visit) -> str:
        """What the cookie holds for a visit."""
        return str(self._signer.dumps(asdict(visit)))

    def is_secure(self, request: Request) -> bool:
        """Whether the browser is on TLS."""
        return self._secure or request.url.scheme == "https"


def begin(session: Session, staff_id: str, way: str, now: datetime, *, second_factor: bool = False) -> Visit:
    """A visit for someone who has just signed in; sign-ins that are long over are cleared away.

    Args:
        way: password or oidc.
        second_factor: it was given too.
    """
    session.execute(delete(StaffVisit).where(StaffVisit.began_at < now - LONGEST))
    visit = Visit(secrets.token_urlsafe(24), secrets.token_urlsafe(32))
    session.add(
        StaffVisit(
            id=visit.id,
            staff_id=staff_id,
            way=way,
            second_factor_at=now if second_factor else None,
            began_at=now,
            seen_at=now,
        )
    )
    return visit


def end(session: Session, visit: Visit) -> None:
    """Ends one sign-in."""
    session.execute(delete(StaffVisit).where(StaffVisit.id == visit.id))


def end_all(session: Session, staff_id: str) -> None:
    """Ends all of somebody's sign-ins."""
    session.execute(delete(StaffVisit).where(StaffVisit.staff_id == staff_id))


def touch(session: Session, visit: Visit, now: datetime) -> None:
    """Notes a click."""
    row = session.get(StaffVisit, visit.id)
    if row is not None:
        row.seen_at = now


def is_over(row: StaffVisit, now: datetime, idle: timedelta) -> bool:
    """Whether a sign-in has been idle, or has lasted, for too long."""
    return now - row.seen_at > idle or now - row.began_at > LONGEST


def open_visits(session: Session, staff_id: str, now: datetime, idle: timedelta) -> list[StaffVisit]:
    """Somebody's sign-ins that have not ended, the newest first."""
    query = select(StaffVisit).where(
        StaffVisit.staff_id == staff_id, StaffVisit.seen_at >= now - idle, StaffVisit.began_at >= now - LONGEST
    )
    return list(session.scalars(query.order_by(StaffVisit.began_at.desc())))
