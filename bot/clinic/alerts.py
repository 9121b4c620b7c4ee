"""Paging the clinic until somebody acknowledges: the worker over the Alert table.

Everything it knows is in the table, and every time is handed in, so that a restart or a clock change costs
nothing: what is due is sent by whoever looks next. A page can arrive twice (a process killed between sending
and noting it), never not at all; its id lets receivers drop the second.

One round goes to every route. One that fails is tried again, ever more slowly, and brings in the next backup
route. After the clinic's minutes without an acknowledgement a new round begins, on every route, and stands in
for what was unsent of the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import httpx
import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.clinic.cases import page as write_round
from bot.clinic.config import ClinicConfig, Route
from bot.clinic.hours import is_open, next_open
from bot.clinic.routes import TIMEOUT_SECONDS, Page, RouteFailed, deliver
from bot.clinic.tiers import PAGED_AT_ONCE, rank
from bot.store.models import Alert, Case

T = TypeVar("T")
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=5)
log = structlog.get_logger(__name__)


class Store(Protocol):
    """The part of `bot.store.database.Database` that is needed here."""

    async def write(self, fn: Callable[[Session], T]) -> T: ...


class AlertSender:
    """Sends what is due.

    Args:
        public_url: where staff reach the console, for the link: "https://bot.clinic.example".
        http: for tests; by default its own, closed by `aclose`.
    """

    def __init__(
        self, db: Store, config: ClinicConfig, *, public_url: str, http: httpx.AsyncClient | None = None
    ) -> None:
        self.db, self.config = db, config
        self.public_url = public_url.rstrip("/")
        self.http = http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._one_at_a_time = asyncio.Lock()

    async def run(self, clock: Callable[[], datetime], *, every_seconds: float = 1.0) -> None:
        """Sends what is due, again and again, until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self.send_due(clock())
            except SQLAlchemyError as error:
                log.warning("alerts_wait_for_database", error=type(error).__name__)
            await asyncio.sleep(every_seconds)

    async def send_due(self, now: datetime) -> int:
        """Begins the rounds that are due and sends every page that is.

        Returns:
            How many got through.
        """
        async with self._one_at_a_time:
            pages = await self.db.write(lambda session: self._prepare(session, now))
            if not pages:
                return 0
            results = await asyncio.gather(*(self._deliver(page, now) for page in pages))
            await self.db.write(lambda session: self._note(session, dict(zip(pages, results, strict=True)), now))
            return results.count(None)

    async def aclose(self) -> None:
        """Lets go of its connections."""
        await self.http.aclose()

    def _prepare(self, session: Session, now: datetime) -> list[Page]:
        start_rounds(session, self.config, now)
        return [
            Page(
                id=alert.id,
                route=alert.route,
                case_id=case.id,
                tier=alert.tier,
                round=alert.round,
                opened_at=case.opened_at,
                clinic=self.config.name,
                link=f"{self.public_url}/console/cases/{case.id}",
            )
            for alert, case in _due(session, now)
        ]

    async def _deliver(self, page: Page, now: datetime) -> str | None:
        """Why it did not get through, or None when it did."""
        route = _route(self.config, page)
        if route is None:
            return f"the route {page.route!r} is no longer in the clinic's settings"
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + 5):
                await deliver(route, page, self.http, now)
        except RouteFailed as error:
            return str(error)
        except TimeoutError:
            return "no answer in time"
        return None

    def _note(self, session: Session, results: dict[Page, str | None], now: datetime) -> None:
        for page, error in results.items():
            alert = session.get(Alert, page.id)
            if alert is None:  # the client was erased meanwhile
                continue
            alert.attempts += 1
            alert.error = error
            if error is None:
                alert.sent_at = now
            else:
                log.warning("alert_failed", alert=page.id, route=page.route, attempts=alert.attempts, error=error)
                alert.due_at = now + min(FIRST_RETRY * 2 ** min(alert.attempts - 1, 10), LONGEST_RETRY)
                self._bring_in_backup(session, alert, now)

    def _bring_in_backup(self, session: Session, failed: Alert, now: datetime) -> None:
        """Pages on the first backup route that this round has not used yet."""
        same_round = select(Alert.route).where(
            Alert.case_id == failed.case_id, Alert.tier == failed.tier, Alert.round == failed.round
        )
        used = set(session.scalars(same_round))
        for route in self.config.routes_for(failed.tier):
            if route.backup and route.name not in used:
                session.add(
                    Alert(
                        case_id=failed.case_id,
                        tier=failed.tier,
                        route=route.name,
                        round=failed.round,
                        created_at=failed.created_at,
                        due_at=now,
                        attempts=0,
                    )
                )
                session.flush()
                return


def due(session: Session, now: datetime) -> list[Alert]:
    """The pages to send now: unsent ones of the newest round at the case's tier, until it is acknowledged."""
    return [alert for alert, _ in _due(session, now)]


def start_rounds(session: Session, config: ClinicConfig, now: datetime) -> int:
    """Begins a new round for each case that nobody acknowledged within the clinic's minutes.

    Returns:
        How many began.
    """
    begun = 0
    for case in session.scalars(select(Case).where(Case.acknowledged_at.is_(None), Case.closed_at.is_(None))):
        last = session.execute(
            select(Alert.round, Alert.created_at)
            .where(Alert.case_id == case.id, Alert.tier == case.tier)
            .order_by(Alert.round.desc())
            .limit(1)
        ).first()
        if last is None or _next_round_at(config, case.tier, *last) <= now:
            if last is not None and case.tier not in PAGED_AT_ONCE and not is_open(config, now):
                continue
            write_round(session, config, case, round_=0 if last is None else last[0] + 1, now=now)
            begun += 1
    return begun


def is_told(session: Session, config: ClinicConfig, case: Case) -> bool:
    """Whether the clinic has been reached about a case, so that the client is told no more than is true.

    Once on a route that leaves the house, where there is one; else in the console's queue.
    """
    alerts = list(session.scalars(select(Alert).where(Alert.case_id == case.id, Alert.tier == case.tier)))
    inside = {route.name for route in config.routes_for(case.tier) if route.kind == "console"}
    outside = [alert for alert in alerts if alert.route not in inside]
    return any(alert.sent_at is not None for alert in outside or alerts)


def _next_round_at(config: ClinicConfig, tier: str, round_: int, begun: datetime) -> datetime:
    counted_from = begun if tier in PAGED_AT_ONCE else next_open(config, begun)
    return counted_from + timedelta(minutes=config.notifications.repage_minutes.after(tier, round_))


def _due(session: Session, now: datetime) -> Sequence[Any]:
    """(alert, case) pairs, the most serious first."""
    newest = (
        select(Alert.case_id, Alert.tier, func.max(Alert.round).label("round"))
        .group_by(Alert.case_id, Alert.tier)
        .subquery()
    )
    query = (
        select(Alert, Case)
        .join(Case, (Case.id == Alert.case_id) & (Case.tier == Alert.tier))
        .join(
            newest,
            (newest.c.case_id == Alert.case_id) & (newest.c.tier == Alert.tier) & (newest.c.round == Alert.round),
        )
        .where(
            Alert.sent_at.is_(None),
            Alert.due_at <= now,
            Case.acknowledged_at.is_(None),
            Case.closed_at.is_(None),
        )
    )
    return sorted(session.execute(query).all(), key=lambda row: (-rank(row[0].tier), row[0].due_at))


def _route(config: ClinicConfig, page: Page) -> Route | None:
    return next((route for route in config.routes_for(page.tier) if route.name == page.route), None)
