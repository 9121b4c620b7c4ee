"""The web API (/api/v1): conversations, messages, and events as a server-sent stream."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse, ServerSentEvent

from bot import crisis
from bot.channels.files import FILES
from bot.channels.problems import Problem
from bot.channels.views import view
from bot.store import messages as store
from bot.store import places
from bot.store.models import Conversation, Message

MAX_TEXT = 4096
"""Characters a message may have; Telegram's limit, kept on every channel."""
CHANNELS = ("web", "terminal")
KEEP_ALIVE_SECONDS = 15

router = APIRouter(prefix="/api/v1")


class NewConversation(BaseModel):
    model_config = ConfigDict(extra="forbid")
    language: str = Field("en", max_length=12, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")
    time_zone: str | None = Field(None, max_length=64, description="IANA name, such as Europe/London")
    channel: str = Field("web", pattern="^(web|terminal)$")


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")
    client_message_id: str = Field(min_length=1, max_length=128, description="a repeat of it changes nothing")
    text: str = Field(description=f"what the client typed, 1 to {MAX_TEXT} characters")
    payload: str | None = Field(None, max_length=200, description="of the button that was pressed")


def token_digest(token: str) -> str:
    """How a bearer token is kept: its SHA-256. The token itself is only ever with the client."""
    return hashlib.sha256(token.encode()).hexdigest()


async def signed_in(
    conversation_id: str, request: Request, authorization: Annotated[str | None, Header()] = None
) -> Conversation:
    """The conversation that the path names, if the bearer token is its own."""
    token = (authorization or "").removeprefix("Bearer ").strip()
    found = await request.app.state.db.read(lambda session: _reached_with(session, token_digest(token)))
    if not token or found is None or found[0].id != conversation_id:
        raise Problem(401, "This conversation needs its own token.", headers={"WWW-Authenticate": "Bearer"})
    request.state.place = found[1]
    return found[0]  # type: ignore[no-any-return]


def _reached_with(session: Session, digest: str) -> tuple[Conversation, tuple[str, str]] | None:
    """The conversation that a token leads to, and the place that it stands for."""
    for channel in CHANNELS:
        conversation = places.conversation_at(session, channel, digest)
        if conversation is not None:
            return conversation, (channel, digest)
    return None


Mine = Annotated[Conversation, Depends(signed_in)]


@router.post("/conversations", status_code=201)
async def begin(body: NewConversation, request: Request) -> dict[str, Any]:
    """A new conversation: its id, its token (kept by the client alone) and the welcome."""
    request.app.state.new_limit.check(request.client.host if request.client else "unknown")
    zone = body.time_zone
    if zone is not None and not _is_zone(zone):
        zone = None  # a browser's odd zone must not keep anyone from talking; the clinic's is used
    token = secrets.token_urlsafe(32)
    conversation, messages = await request.app.state.conversations.start(
        body.channel, token_digest(token), language=body.language, time_zone=zone
    )
    return {"conversation_id": conversation.id, "token": token, "messages": [view(m) for m in messages]}


@router.post("/conversations/{conversation_id}/messages", status_code=202)
async def send(body: NewMessage, conversation: Mine, request: Request) -> dict[str, Any]:
    """Keeps a message; the answer comes by the events, or with the next GET."""
    text = body.text.replace("\x00", "")
    if not text.strip():
        raise Problem(400, "The message is empty: type something first.")
    if len(text) > MAX_TEXT:
        raise Problem(413, f"The message has {len(text)} characters; {MAX_TEXT} fit. Nothing was sent.")
    request.app.state.message_limit.check(conversation.id)
    message, _ = await request.app.state.conversations.receive(
        conversation.id,
        external_id=body.client_message_id,
        text=text,
        kind="button" if body.payload else "text",
        payload={"payload": body.payload} if body.payload else {},
        place=request.state.place,
    )
    answers = await request.app.state.db.read(lambda session: _answers(session, message))
    return {"message": view(message), "messages": [view(m) for m in answers]}


@router.get("/conversations/{conversation_id}/messages")
async def read(
    conversation: Mine, request: Request, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> dict[str, Any]:
    """Messages of both directions behind number `after`, in order."""
    rows = await request.app.state.db.read(lambda session: store.after(session, conversation.id, after))
    await _delivered(request, rows)
    return {"messages": [view(m) for m in rows]}


@router.get("/conversations/{conversation_id}/events")
async def events(
    conversation: Mine,
    request: Request,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> EventSourceResponse:
    """New messages as they come. `Last-Event-ID` (or `after`) resumes behind a message."""
    start = int(last_event_id) if last_event_id and last_event_id.isdigit() else after
    return EventSourceResponse(_stream(conversation.id, start, request), ping=KEEP_ALIVE_SECONDS)


@router.get("/conversations/{conversation_id}/files/{name}")
async def file(name: str, conversation: Mine, request: Request) -> Response:
    """A download: plan.txt, appointment.ics or export.json."""
    make = FILES.get(name)
    if make is None:
        raise Problem(404, f"There is no file {name!r} here.")
    state = request.app.state
    made = await state.db.read(lambda session: make(session, conversation.id, state.clinic, state.clock()))
    if made is None:
        raise Problem(404, "There is nothing to download yet.")
    body, media_type = made
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)


@router.get("/widget")
async def widget(request: Request) -> dict[str, Any]:
    """What "Get help now" shows, and whose clinic this is."""
    place = request.app.state.conversations.place
    return {
        "clinic": request.app.state.clinic.name,
        "crisis": crisis.as_list(place),
        "emergency": place.emergency,
        "language": request.app.state.clinic.language,
    }


async def _stream(conversation_id: str, after: int, request: Request) -> AsyncIterator[ServerSentEvent]:
    state = request.app.state
    typing = False
    with state.bus.waiting(conversation_id) as news:
        while not state.stopping.is_set():
            news.clear()
            rows = await state.db.read(functools.partial(store.after, conversation_id=conversation_id, seq=after))
            for row in rows:
                after = row.seq
                yield ServerSentEvent(json.dumps(view(row)), id=str(row.seq), event="message")
            await _delivered(request, rows)
            if typing != state.bus.is_typing(conversation_id):
                typing = not typing
                yield ServerSentEvent(json.dumps({"on": typing}), event="typing")
            if not rows:
                await _either(news, state.stopping)


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.create_task(one.wait()), asyncio.create_task(other.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _delivered(request: Request, rows: list[Message]) -> None:
    ids = [row.id for row in rows if row.direction == "out" and row.delivered_at is None]
    if ids:
        now = request.app.state.clock()
        await request.app.state.db.write(lambda session: store.mark_delivered(session, ids, now, CHANNELS))


def _answers(session: Session, message: Message) -> list[Message]:
    return [row for row in store.after(session, message.conversation_id, message.seq) if row.in_reply_to == message.id]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
