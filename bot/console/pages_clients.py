"""Finding a client, and a client's page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic.notices import LONGEST
from bot.console.client_views import client_view, found
from bot.console.desk import Desk, Refused
from bot.store.models import Client


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/clients")
    async def clients_page(request: Request, q: str = "") -> Response:
        visitor = await desk.visitor(request, "see_client")
        wanted = q.strip()[:100]

        def load(session: Session) -> list[dict[str, Any]]:
            desk.audit(session, visitor, "view_clients")
            return found(session, wanted)

        return desk.page("clients.html", visitor, rows=await desk.write(load), wanted=wanted)

    @pages.get("/clients/{client_id}")
    async def client_page(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "see_client")
        now = desk.now()

        def load(session: Session) -> dict[str, Any] | None:
            client = session.get(Client, client_id)
            if client is None:
                return None
            desk.audit(session, visitor, "view_client", client.id)
            return client_view(session, desk.clinic, client, now)

        view = await desk.write(load)
        if view is None:
            raise Refused(404, "No such client", "They may have had everything erased.")
        return desk.page("client.html", visitor, longest=LONGEST, **view)
