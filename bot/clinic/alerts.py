"""Paging the clinic until somebody acknowledges: the looks of `bot.duties` at the Alert table.

Everything is in the table, and every time comes from the clock that is handed in. A page can arrive twice (a process
killed between sending and noting it), never not at all; its id lets receivers drop the second.

One round goes to every route. One that fails is tried again, ever more slowly, and brings in the next backup
route. After the clinic's minutes without an acknowledgement a new round begins, on every route, and stands in
for what was unsent of the last. What began well after now was written before somebody set the clock back: it is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clinic.cases import due_at, goes_at_any_hour
from bot.clinic.cases import page as write_round
from bot.clinic.config import ClinicConfig, Route
from bot.clinic.hours import is_open, next_open
from bot.clinic.routes import TIMEOUT_SECONDS, Page, RouteFailed, deliver
from bot.clinic.tiers import rank
from bot.duties import Clock, Duty
from bot.store.models import Alert, Case

T = TypeVar("T")
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=5)
SET_BACK = timedelta(minutes=1)
"""A row that much in the future was written before the clock was set back; less is a clock being kept right."""
log = structlog.get_logger(__name__)


class Store(Protocol):
    """The part of `bot.store.database.Database` that is needed here."""

    async def read(self, fn: Callable[[Session], T]) -> T: ...

    async def write(self, fn: Callable[[Session], T]) -> T: ...


class Pager:
    """The looks "page" (one alert) and "round" (one round of a case).

    Args:
        public_url: where staff reach the console, for the link: "https://bot.clinic.example".
    """

    def __init__(
        self,
        db: Store,
        config: ClinicConfig,
        clock: Clock,
        *,
        public_url: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.db, self.config, self.clock = db, config, clock
        self.public_url, self.timeout_seconds = public_url.rstrip("/"), timeout_seconds

    async def page(self, alert_id: int) -> datetime | None:
        """Sends one page if it is due. When to try (again), or None when it was sent or is no longer wanted."""
        now = self.clock()
        page = await self.db.read(lambda session: self._due_page(session, alert_id, now))
        if not isinstance(page, Page):
            return page
        error = await self._deliver(page, now)
        return await self.db.write(lambda session: self._note(session, page, error, self.clock()))

    async def round(self, case_id: str, tier: str, round_: int) -> datetime | None:
        """Begins the round after `round_` if it is due. When it will be, or None when nobody waits for it."""
        now = self.clock()
        return await self.db.write(lambda session: next_round(session, self.config, case_id, tier, round_, now))

    def called_for(self, session: Session, until: datetime) -> Iterator[Duty]:
        """Every unsent page that is due by then, and every round that somebody has to acknowledge."""
        for alert in due(session, until):
            yield Duty(f"page-{alert.id}", "page", (alert.id,))
        for case, newest in _waiting(session):
            yield Duty(f"round-{case.id}-{case.tier}-{newest}", "round", (case.id, case.tier, newest))

    def _due_page(self, session: Session, alert_id: int, now: datetime) -> Page | datetime | None:
        alert = session.get(Alert, alert_id)
        case = session.get(Case, alert.case_id) if alert is not None else None
        if alert is None or case is None or alert.sent_at is not None or not _is_wanted(session, alert, case):
            return None
        when = alert.due_at
        if alert.created_at > now + SET_BACK or (alert.attempts and when - now > LONGEST_RETRY):
            route = _route(self.config, alert)
            when = due_at(self.config, route, case, now) if route else now
        if when > now:
            return when
        return Page(
            id=alert.id,
            route=alert.route,
            case_id=case.id,
            tier=alert.tier,
            round=alert.round,
            opened_at=case.opened_at,
            clinic=self.config.name,
            link=f"{self.public_url}/console/cases/{case.id}",
        )

    async def _deliver(self, page: Page, now: datetime) -> str | None:
        """Why it did not get through, or None when it did."""
        route = _route(self.config, page)
        if route is None:
            return f"the route {page.route!r} is no longer in the clinic's settings"
        try:
            async with asyncio.timeout(self.timeout_seconds + 5):
                await deliver(route, page, now, self.timeout_seconds)
        except RouteFailed as error:
            return str(error)
        except TimeoutError:
            return "no answer in time"
        return None

    def _note(self, session: Session, page: Page, error: str | None, now: datetime) -> datetime | None:
        alert = session.get(Alert, page.id)
        if alert is None:  # the client was erased meanwhile
            return None
        alert.attempts += 1
        alert.error = error
        if error is None:
            alert.sent_at = now
            return None
        log.warning("alert_failed", alert=page.id, route=page.route, attempts=alert.attempts, error=error)
        alert.due_at = now + min(FIRST_RETRY * 2 ** min(alert.attempts - 1, 10), LONGEST_RETRY)
        self._bring_in_backup(session, alert, now)
        return alert.due_at

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
    """The pages to send by now: unsent ones of the newest round at the case's tier, until it is acknowledged."""
    query = select(Alert, Case).join(Case, (Case.id == Alert.case_id) & (Case.tier == Alert.tier))
    query = query.join(_NEWEST, (_NEWEST.c.case_id == Alert.case_id) & (_NEWEST.c.tier == Alert.tier))
    query = query.where(
        _NEWEST.c.round == Alert.round,
        Alert.sent_at.is_(None),
        (Alert.due_at <= now) | (Alert.created_at > now + SET_BACK),
        Case.acknowledged_at.is_(None),
        Case.closed_at.is_(None),
    )
    rows = session.execute(query).all()
    return [alert for alert, _ in sorted(rows, key=lambda row: (-rank(row[0].tier), row[0].due_at))]


def next_round(
    session: Session, config: ClinicConfig, case_id: str, tier: str, round_: int, now: datetime
) -> datetime | None:
    """Begins the round after `round_` (-1: the first) of a case that nobody acknowledged within the clinic's minutes.

    Returns:
        When it will be due; None when it has begun, or when nobody is waiting for it any more.
    """
    case = session.get(Case, case_id, with_for_update=True)
    if case is None or case.tier != tier or case.acknowledged_at is not None or case.closed_at is not None:
        return None
    newest = _newest_round(session, case)
    if newest > round_:
        return None
    if round_ >= 0:
        begun = session.scalars(
            select(Alert.created_at).where(Alert.case_id == case_id, Alert.tier == tier, Alert.round == round_).limit(1)
        ).one()
        when = next_round_at(config, case, round_, begun)
        if when > now and begun <= now + SET_BACK:
            return when
        if not goes_at_any_hour(case) and not is_open(config, now):
            return next_open(config, now)
    write_round(session, config, case, round_=round_ + 1, now=now)
    return None


def is_told(session: Session, config: ClinicConfig, case: Case) -> bool:
    """Whether the clinic has been reached about a case, so that the client is told no more than is true.

    Once on a route that leaves the house, where there is one; else in the console's queue.
    """
    alerts = list(session.scalars(select(Alert).where(Alert.case_id == case.id, Alert.tier == case.tier)))
    inside = {route.name for route in config.routes_for(case.tier) if route.kind == "console"}
    outside = [alert for alert in alerts if alert.route not in inside]
    return any(alert.sent_at is not None for alert in outside or alerts)


def next_round_at(config: ClinicConfig, case: Case, round_: int, begun: datetime) -> datetime:
    """When the round after `round_` begins, which itself began at `begun`, if nobody acknowledges the case."""
    counted_from = begun if goes_at_any_hour(case) else next_open(config, begun)
    return counted_from + timedelta(minutes=config.notifications.repage_minutes.after(case.tier, round_))


_NEWEST = (
    select(Alert.case_id, Alert.tier, func.max(Alert.round).label("round"))
    .group_by(Alert.case_id, Alert.tier)
    .subquery()
)


def _waiting(session: Session) -> Sequence[Any]:
    """(case, its newest round at its tier) of every case that nobody has acknowledged; -1 for no round at all."""
    query = select(Case, func.coalesce(_NEWEST.c.round, -1)).where(
        Case.acknowledged_at.is_(None), Case.closed_at.is_(None)
    )
    return session.execute(
        query.outerjoin(_NEWEST, (_NEWEST.c.case_id == Case.id) & (_NEWEST.c.tier == Case.tier))
    ).all()


def _newest_round(session: Session, case: Case) -> int:
    rounds = select(func.max(Alert.round)).where(Alert.case_id == case.id, Alert.tier == case.tier)
    newest = session.scalar(rounds)
    return -1 if newest is None else int(newest)


def _is_wanted(session: Session, alert: Alert, case: Case) -> bool:
    """Nobody has acknowledged the case, and no later round or higher tier stands in for this page."""
    waits = case.acknowledged_at is None and case.closed_at is None and case.tier == alert.tier
    return waits and _newest_round(session, case) == alert.round


def _route(config: ClinicConfig, page: Page | Alert) -> Route | None:
    return next((route for route in config.routes_for(page.tier) if route.name == page.route), None)
