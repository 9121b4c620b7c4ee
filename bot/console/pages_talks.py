"""Talking with a client in the bot's place: taking over, writing, handing back."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic.forgotten import answered
from bot.clinic.notices import write_to_client
from bot.clinic.takeover import NotYours, hand_back, take_over
from bot.console.desk import Desk, Refused, seen
from bot.console.talks import talk
from bot.store.models import Audit, Client


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds what the forms under a conversation do; each goes back to the page it stood on."""

    @pages.post("/clients/{client_id}/take-over")
    async def take(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "talk_with_client")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> str | None:
            _reachable(session, client_id)
            return take_over(session, desk.clinic, client_id, visitor.id, now)

        try:
            desk.signal(await desk.write(work))
        except NotYours as error:
            raise Refused(409, "Not now", str(error)) from None
        return seen(_back(fields, client_id))

    @pages.post("/clients/{client_id}/hand-back")
    async def give_back(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "talk_with_client")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> str | None:
            answered(session, client_id, visitor.id, "Handed back to Evoke", now)
            return hand_back(session, desk.clinic, client_id, visitor.id, now)

        try:
            desk.signal(await desk.write(work))
        except NotYours as error:
            raise Refused(404, "No such client", str(error)) from None
        return seen(_back(fields, client_id))

    @pages.post("/clients/{client_id}/write")
    async def write(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "talk_with_client")
        fields, now = await desk.form(request, visitor.visit), desk.now()
        text = fields.get("text", "")

        def work(session: Session) -> str:
            client = _reachable(session, client_id)
            session.add(Audit(at=now, staff_id=visitor.id, action="write_to_client", subject=client_id))
            answered(session, client_id, visitor.id, "Answered in the chat", now)
            return write_to_client(session, desk.clinic, client, who=visitor.name, text=text, now=now)

        try:
            desk.signal(await desk.write(work))
        except ValueError as error:
            raise Refused(400, "Not sent", str(error)) from None
        return seen(_back(fields, client_id))


def _reachable(session: Session, client_id: str) -> Client:
    """The client, if staff may speak to them.

    Raises:
        Refused: there is no such client, no open case, and no consent.
    """
    client = session.get(Client, client_id)
    if client is None:
        raise Refused(404, "No such client", "They may have had everything erased.")
    if not talk(session, client).reachable:
        raise Refused(403, "Not now", "This client has no open case and has not agreed to share the conversation.")
    return client


def _back(fields: Mapping[str, str], client_id: str) -> str:
    """The page that the form stood on: a case's, or the client's."""
    case = fields.get("case", "")
    page = f"cases/{case}" if case.isalnum() else f"clients/{client_id}"
    return f"/console/{page}#conversation"
