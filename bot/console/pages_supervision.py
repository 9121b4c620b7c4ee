"""Supervision for clinicians in training: a fidelity report of a transcript or of a conversation that is here.

What is uploaded is read in memory, shown once, and kept nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from bot.commands.lines import BadLine
from bot.console.client_views import found
from bot.console.desk import Desk, Refused, Visitor
from bot.console.supervision import MOST_CHARACTERS, report, volleys_of
from bot.console.talks import called, may_read
from bot.console.words import AGAINST_MI, IN_MI
from bot.mi.fidelity import Reflect, Volley
from bot.store.models import Client, Conversation, Message
from bot.transcripts import read_transcript, reflecting

MOST_MESSAGES = 800


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""
    one_at_a_time = asyncio.Semaphore(1)  # a report is work for a processor: answers to clients come first

    @pages.get("/supervision")
    async def supervision_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "supervise")
        return await show(visitor)

    @pages.post("/supervision")
    async def upload(request: Request) -> Response:
        visitor = await desk.visitor(request, "supervise")
        fields = await desk.form(request, visitor.visit)
        text = await _uploaded(request) or fields.get("text", "")
        if len(text) > MOST_CHARACTERS:
            return await show(visitor, status=413, error=f"A transcript may have {MOST_CHARACTERS:,} characters.")
        try:
            volleys = read_transcript(text)
        except BadLine as error:
            return await show(visitor, status=400, error=f"This cannot be read: {error}.", text=text)
        await desk.write(lambda session: desk.audit(session, visitor, "supervise"))
        return await with_report(visitor, volleys, whose="The transcript", is_upload=True, is_bot=False)

    @pages.get("/supervision/clients/{client_id}")
    async def of_client(client_id: str, request: Request, by: str = "bot") -> Response:
        visitor = await desk.visitor(request, "supervise")
        by = by if by in ("bot", "clinician") else "bot"

        def load(session: Session) -> tuple[str, list[Message]]:
            client = session.get(Client, client_id)
            if client is None or may_read(session, client) not in ("shared", "risk"):
                raise Refused(403, "Not shared", "This client has not agreed to share the conversation.")
            desk.audit(session, visitor, "supervise", client.id)
            query = select(Message).join(Conversation).where(Conversation.client_id == client_id)
            newest = query.order_by(Message.created_at.desc(), Message.id.desc()).limit(MOST_MESSAGES)
            return called(client), list(reversed(list(session.scalars(newest))))

        who, messages = await desk.write(load)
        volleys = volleys_of(messages, by)
        if not volleys:
            whom = "A person" if by == "clinician" else "Evoke"
            return await show(visitor, status=404, error=f"{whom} has said nothing to {who} yet.")
        whose = f"{'What people wrote to' if by == 'clinician' else 'What Evoke said to'} {who}"
        return await with_report(visitor, volleys, whose=whose, is_upload=False, is_bot=by == "bot")

    async def show(visitor: Visitor, *, status: int = 200, error: str = "", text: str = "") -> Response:
        def load(session: Session) -> list[dict[str, Any]]:
            desk.audit(session, visitor, "view_supervision")
            rows = found(session, "")
            return [row for row in rows if may_read(session, row["client"]) in ("shared", "risk")]

        rows = await desk.write(load)
        return desk.page("supervision.html", visitor, status=status, rows=rows, error=error, text=text)

    async def with_report(
        visitor: Visitor, volleys: Sequence[Volley], *, whose: str, is_upload: bool, is_bot: bool
    ) -> Response:
        async with one_at_a_time:
            made = await asyncio.to_thread(report, volleys, _reflect(desk.state))
        return desk.page(
            "report.html",
            visitor,
            against_mi=AGAINST_MI,
            in_mi=IN_MI,
            report=made,
            whose=whose,
            is_upload=is_upload,
            is_bot=is_bot,
        )


def _reflect(state: Any) -> Reflect | None:
    """The bot's own reflections as examples; none where there is no MI core, which the console does not need."""
    conversations = getattr(state, "conversations", None)
    return reflecting(conversations.answering.core) if conversations is not None else None


async def _uploaded(request: Request) -> str:
    async with request.form() as form:  # closes, and so deletes, what was spooled
        file = form.get("file")
        data = await file.read(MOST_CHARACTERS * 4 + 1) if isinstance(file, UploadFile) else b""
    return data.decode("utf-8-sig", errors="replace")
