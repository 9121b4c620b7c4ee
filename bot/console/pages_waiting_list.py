"""The waiting list for appointments: who is on it, what was offered, and taking somebody off it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic import waiting_list
from bot.console.desk import Desk, seen
from bot.console.settings_words import minutes
from bot.console.talks import called

WHY_NOT = {
    "taken": "a person is talking with them",
    "blocked": "messages do not arrive there",
    "consent": "they have not agreed to the present consent text",
    "safety": "they have not answered a safety question yet",
}


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/waiting-list")
    async def waiting_list_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "keep_waiting_list")
        now = desk.now()

        def load(session: Session) -> list[waiting_list.Waiting]:
            desk.audit(session, visitor, "view_waiting_list")
            return waiting_list.shown(session, desk.clinic, now)

        found: dict[str, Any] = {"line": await desk.write(load), "most_offers": waiting_list.MOST_OFFERS}
        found["kept_for"] = minutes(desk.clinic.waiting_list_hold_minutes)
        return desk.page("waiting_list.html", visitor, called=called, why_not=WHY_NOT, **found)

    @pages.post("/waiting-list/{client_id}/take-off")
    async def take_off(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "keep_waiting_list")
        await desk.form(request, visitor.visit)
        now = desk.now()
        desk.signal(await desk.write(lambda s: waiting_list.take_off(s, desk.clinic, client_id, visitor.id, now)))
        desk.touch()
        return seen("/console/waiting-list")
