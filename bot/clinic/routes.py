"""How a page leaves the house: mail, a signed webhook, the on-call staff's Telegram group.

A page holds a link and how urgent it is, and never what a client wrote. Errors are told without addresses,
since a Telegram address holds the bot's token.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

import aiosmtplib
import httpx

from bot.clinic.config import Route
from bot.clinic.tiers import PAGED_AT_ONCE

TIMEOUT_SECONDS = 10.0


class RouteFailed(Exception):
    """The page did not get through; the message says why, without secrets."""


@dataclass(frozen=True)
class Page:
    """One page on one route. `id` is the alert's: receivers can drop one that they have had."""

    id: int
    route: str
    case_id: str
    tier: str
    round: int
    opened_at: datetime
    clinic: str
    link: str

    def text(self, now: datetime) -> str:
        """What staff read."""
        waited = max(0, int((now - self.opened_at).total_seconds() // 60))
        urgency = "URGENT: a" if self.tier in PAGED_AT_ONCE else "A"
        again = f" This is reminder {self.round}." if self.round else ""
        wait = "" if waited == 0 else f" for {waited} minute{'' if waited == 1 else 's'}"
        return f"{self.clinic}. {urgency} client has been waiting for someone{wait}.{again}\n{self.link}"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The webhook's signature: hex HMAC-SHA256 of "<timestamp>.<body>" (RFC 2104)."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


async def deliver(route: Route, page: Page, now: datetime, timeout: float = TIMEOUT_SECONDS) -> None:
    """Sends a page on a route. The console needs no sending: its queue reads the table.

    Args:
        timeout: seconds for each part of it.

    Raises:
        RouteFailed: it did not get through.
    """
    try:
        await _DELIVERIES[route.kind](route, page, now, timeout)
    except httpx.HTTPStatusError as error:
        raise RouteFailed(f"it answered {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL, aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise RouteFailed(f"no delivery ({type(error).__name__})") from None


async def _console(route: Route, page: Page, now: datetime, timeout: float) -> None:
    return None


async def _mail(route: Route, page: Page, now: datetime, timeout: float) -> None:
    message = EmailMessage()
    message["From"], message["To"] = route.sender, ", ".join(route.to)
    message["Subject"] = "Urgent: someone is waiting" if page.tier in PAGED_AT_ONCE else "Someone is waiting"
    # The same id however often it is tried, so that a mailbox can show it once (RFC 5322, 3.6.4)
    message["Message-ID"] = f"<page-{page.id}-{page.case_id}@evoke.invalid>"
    message["Date"] = now
    message.set_content(page.text(now))
    await send_mail(route, message, timeout)


async def send_mail(route: Route, message: EmailMessage, timeout: float = TIMEOUT_SECONDS) -> None:
    """Hands a message to a mail route's server.

    Raises:
        RouteFailed: its password is not set.
        aiosmtplib.SMTPException, OSError: it did not take it.
    """
    await aiosmtplib.send(
        message,
        hostname=route.host,
        port=route.port,
        username=route.username,
        password=_secret(route.password_env) if route.username else None,
        use_tls=route.security == "tls",
        start_tls=route.security == "starttls",
        timeout=timeout,
    )


async def _webhook(route: Route, page: Page, now: datetime, timeout: float) -> None:
    timestamp = int(now.timestamp())
    body = json.dumps(
        {"page": page.id, "case": page.case_id, "tier": page.tier, "round": page.round, "link": page.link}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Evoke-Timestamp": str(timestamp),
        "Evoke-Signature": f"v1={sign(_secret(route.secret_env), timestamp, body)}",
        "Idempotency-Key": f"page-{page.id}",
    }
    async with httpx.AsyncClient(timeout=timeout) as http:
        (await http.post(str(route.url), content=body, headers=headers)).raise_for_status()


async def _telegram_group(route: Route, page: Page, now: datetime, timeout: float) -> None:
    address = f"{route.api_base}/bot{_secret(route.token_env)}/sendMessage"
    no_preview = {"is_disabled": True}  # Telegram would fetch the link to the console
    message = {"chat_id": route.chat_id, "text": page.text(now), "link_preview_options": no_preview}
    async with httpx.AsyncClient(timeout=timeout) as http:
        (await http.post(address, json=message)).raise_for_status()


_DELIVERIES: dict[str, Callable[[Route, Page, datetime, float], Awaitable[None]]] = {
    "console": _console,
    "mail": _mail,
    "webhook": _webhook,
    "telegram_group": _telegram_group,
}


def _secret(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise RouteFailed(f"the environment variable {name} is not set")
    return value
