"""The queue of cases: who waits, for how long, and who looks after whom. It renews itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic import cases
from bot.clinic.schedule import upcoming
from bot.clinic.takeover import taken, waiting_since
from bot.console.desk import Desk
from bot.console.talks import blocked_since, called, name_of
from bot.store.models import Alert, Case, Client

WITHOUT_SCRIPTS_SECONDS = 20
CLOSED_SHOWN = 5


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the page."""

    @pages.get("/queue")
    async def queue_page(request: Request, still: bool = False) -> Response:
        visitor = await desk.visitor(request, "see_queue")
        now = desk.now()

        def load(session: Session) -> dict[str, Any]:
            desk.audit(session, visitor, "view_queue")
            closed = select(Case).where(Case.closed_at.is_not(None)).order_by(Case.closed_at.desc()).limit(CLOSED_SHOWN)
            return {
                "waiting": [row(session, case, now) for case in cases.queue(session)],
                "closed": [row(session, case, now) for case in session.scalars(closed)],
                "in_hands": [_in_hands(session, client) for client in taken(session)],
            }

        found = await desk.write(load)
        return desk.page("queue.html", visitor, refresh=None if still else WITHOUT_SCRIPTS_SECONDS, **found)


def row(session: Session, case: Case, now: datetime) -> dict[str, Any]:
    """A case as the queue shows it."""
    client = session.get_one(Client, case.client_id)
    alerts = list(session.scalars(select(Alert).where(Alert.case_id == case.id, Alert.tier == case.tier)))
    rounds = max((alert.round for alert in alerts), default=0)
    return {
        "case": case,
        "who": called(client),
        "by": name_of(session, case.acknowledged_by),
        "closed_by": name_of(session, case.closed_by),
        "assigned": name_of(session, case.assigned_to),
        "appointment": upcoming(session, case.client_id, now),
        "rounds": rounds,
        "failed": any(alert.error and not alert.sent_at for alert in alerts if alert.round == rounds),
        "notes": len(cases.notes(session, case.id)),
        "blocked": blocked_since(session, client.id),
    }


def _in_hands(session: Session, client: Client) -> dict[str, Any]:
    return {
        "client": client,
        "who": called(client),
        "by": name_of(session, client.taken_by),
        "since": waiting_since(session, client),
    }
