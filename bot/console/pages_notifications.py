"""What the clinic was told, where and when; what failed, and what comes next."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic import page_log
from bot.console.desk import Desk
from bot.console.talks import called
from bot.store.models import Client


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the page."""

    @pages.get("/notifications")
    async def notifications_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "see_notifications")
        now = desk.now()

        def load(session: Session) -> dict[str, Any]:
            desk.audit(session, visitor, "view_notifications")
            shown = page_log.lines(session)
            coming = page_log.next_reminders(session, desk.clinic)
            ids = {line.case.client_id for line in shown} | {case.client_id for case, _ in coming}
            return {
                "lines": shown,
                "routes": page_log.route_states(session, desk.clinic, shown),
                "coming": coming,
                "late": page_log.late_for_clients(session, now),
                "names": {id_: called(session.get_one(Client, id_)) for id_ in ids},
            }

        return desk.page("notifications.html", visitor, **await desk.write(load))
