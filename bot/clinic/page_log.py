"""What was sent to the clinic, where, when, what failed, and what comes next: read from the tables of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from bot.clinic.alerts import next_round_at
from bot.clinic.config import ClinicConfig, Route
from bot.store.models import Alert, Case, Conversation, Message

LATE = timedelta(minutes=2)
"""A message to a client on Telegram that is due for longer is called late."""


@dataclass(frozen=True)
class Line:
    """One page on one route.

    `state` is sent, failing (it is tried again), waiting (for its time) or stopped (nobody waits for it any more: the
    case was acknowledged or closed, or a later page stands in for this one).
    """

    alert: Alert
    case: Case
    state: str


@dataclass(frozen=True)
class RouteState:
    """How a route of the clinic's settings has been doing."""

    route: Route
    last_sent: datetime | None
    failing: Line | None


def lines(session: Session, limit: int = 200) -> list[Line]:
    """The newest pages first."""
    query = select(Alert, Case).join(Case, Case.id == Alert.case_id).order_by(Alert.id.desc()).limit(limit)
    rows = [(alert, case) for alert, case in session.execute(query)]
    return [Line(alert, case, _state(session, alert, case)) for alert, case in rows]


def route_states(session: Session, config: ClinicConfig, shown: Sequence[Line]) -> list[RouteState]:
    """Every route in the clinic's order; the console is always one of them."""
    routes = {route.name: route for tier in ("none", "imminent") for route in config.routes_for(tier)}
    ordered = [*config.notifications.routes, *(r for r in routes.values() if r not in config.notifications.routes)]
    sent = select(Alert.route, func.max(Alert.sent_at)).group_by(Alert.route)
    last = {row[0]: row[1] for row in session.execute(sent)}
    return [
        RouteState(
            route,
            last.get(route.name),
            next((line for line in shown if line.alert.route == route.name and line.state == "failing"), None),
        )
        for route in ordered
    ]


def next_reminders(session: Session, config: ClinicConfig) -> list[tuple[Case, datetime]]:
    """When each case that nobody has acknowledged is paged again, the soonest first."""
    waiting = select(Case).where(Case.acknowledged_at.is_(None), Case.closed_at.is_(None))
    found = []
    for case in session.scalars(waiting):
        query = select(Alert.round, Alert.created_at).where(Alert.case_id == case.id, Alert.tier == case.tier)
        newest = session.execute(query.order_by(Alert.round.desc()).limit(1)).first()
        if newest is not None:
            found.append((case, next_round_at(config, case, newest.round, newest.created_at)))
    return sorted(found, key=lambda pair: pair[1])


def late_for_clients(session: Session, now: datetime) -> int:
    """How many messages to clients on Telegram have not got through (the web keeps them until the client looks)."""
    query = (
        select(func.count())
        .select_from(Message)
        .join(Conversation)
        .where(
            Conversation.channel == "telegram",
            Message.direction == "out",
            Message.delivered_at.is_(None),
            Message.created_at < now - LATE,
            or_(Message.not_before.is_(None), Message.not_before < now - LATE),
        )
    )
    return int(session.scalar(query) or 0)


def _state(session: Session, alert: Alert, case: Case) -> str:
    if alert.sent_at is not None:
        return "sent"
    newest = select(func.max(Alert.round)).where(Alert.case_id == case.id, Alert.tier == alert.tier)
    over = case.acknowledged_at or case.closed_at or case.tier != alert.tier or session.scalar(newest) != alert.round
    if over:
        return "stopped"
    return "failing" if alert.attempts else "waiting"
