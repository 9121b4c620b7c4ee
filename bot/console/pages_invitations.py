"""Invitations: a link for one client, made here and shown once."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic import invitations
from bot.console.desk import Desk, Refused, Visitor, seen

DAYS = (1, 3, 7, 14, 30)


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    def links(token: str) -> list[tuple[str, str]]:
        settings, name = desk.state.settings, desk.state.telegram_name()
        public = settings.public_url or f"http://{settings.host}:{settings.port}"
        found = [("In a browser", invitations.web_link(public, token))]
        return [*found, ("On Telegram", invitations.telegram_link(name, token))] if name else found

    async def show(visitor: Visitor, *, status: int = 200, error: str = "", token: str = "") -> Response:
        def load(session: Session) -> list[Any]:
            desk.audit(session, visitor, "view_invitations")
            now = desk.now()
            return [(invitation, invitations.state(invitation, now)) for invitation in invitations.newest(session)]

        kept = await desk.write(load)
        made = links(token) if token else []
        return desk.page(
            "invitations.html", visitor, status=status, kept=kept, error=error, made=made, days=DAYS, most=DAYS[3]
        )

    @pages.get("/invitations")
    async def invitations_page(request: Request) -> Response:
        return await show(await desk.visitor(request, "invite_client"))

    @pages.post("/invitations")
    async def invite(request: Request) -> Response:
        visitor = await desk.visitor(request, "invite_client")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        note, days = fields.get("note", ""), fields.get("days", "")

        def work(session: Session) -> str:
            number = int(days) if days.isascii() and days.isdigit() else 0
            return invitations.invite(session, now, note=note, days=number, by=visitor.id)[1]

        try:
            token = await desk.write(work)
        except ValueError as error:
            return await show(visitor, status=400, error=str(error))
        return await show(visitor, token=token)

    @pages.post("/invitations/{invitation_id}/withdraw")
    async def withdraw(invitation_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "invite_client")
        await desk.form(request, visitor.visit)
        now = desk.now()
        try:
            await desk.write(lambda session: invitations.withdraw(session, invitation_id, now, by=visitor.id))
        except invitations.NoSuchInvitation:
            raise Refused(404, "Not there any more", "There is no such invitation.") from None
        return seen("/console/invitations")
