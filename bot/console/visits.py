"""A browser's visit to the console: a signed cookie with who is signed in, since when, and a form token.

Nothing secret is in it; what it says is believed because only this process can sign it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

COOKIE = "evoke_console"
IDLE = timedelta(minutes=20)
"""Without a click for so long, the next one asks for the password (the pages' own refresh is no click)."""
LONGEST = timedelta(hours=12)


@dataclass(frozen=True)
class Visit:
    """`seen` and `began` are seconds since 1970; `stamp` is `staff.fingerprint` at sign-in."""

    token: str
    staff_id: str | None = None
    stamp: str = ""
    began: int = 0
    seen: int = 0

    def is_over(self, now: datetime) -> bool:
        """Whether it has been idle, or has lasted, for too long."""
        seconds = now.timestamp()
        return seconds - self.seen > IDLE.total_seconds() or seconds - self.began > LONGEST.total_seconds()

    def signed_in(self, staff_id: str, stamp: str, now: datetime) -> Visit:
        """The visit after a sign-in: with a new form token, so that one planted before is of no use."""
        at = int(now.timestamp())
        return Visit(secrets.token_urlsafe(24), staff_id, stamp, at, at)

    def touched(self, now: datetime) -> Visit:
        """The visit after a click."""
        return replace(self, seen=int(now.timestamp()))

    def owns(self, token: str) -> bool:
        """Whether a form was made for this visit."""
        return hmac.compare_digest(self.token.encode(), token.encode())


class Visits:
    """Reads and writes the cookie.

    Args:
        key: signs it; with another key every visit begins anew.
    """

    def __init__(self, key: str) -> None:
        self._signer = URLSafeSerializer(key, salt="evoke-console-visit")

    def read(self, request: Request) -> Visit:
        """The visit that a request belongs to, or a new one."""
        try:
            return Visit(**self._signer.loads(request.cookies.get(COOKIE, "")))
        except (BadSignature, TypeError):
            return Visit(secrets.token_urlsafe(24))

    def write(self, request: Request, response: Response, visit: Visit) -> None:
        """Hands the visit to the browser. Lax, not Strict: a link in a page by mail has to find it."""
        response.set_cookie(
            COOKIE,
            self._signer.dumps(asdict(visit)),
            path="/console",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
