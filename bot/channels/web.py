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
from bot.channels.files import maker
from bot.channels.links import links
from bot.channels.problems import Problem
from bot.channels.views import view
from bot.clinic.continuing import WrongCode, continue_here
from bot.clinic.invitations import accept, is_open
from bot.store import messages as store
from bot.store import places
from bot.store.codes import LIFETIME, make_code
from bot.store.models import Client, Conversation, Message

MAX_TEXT = 4096
"""Characters a message may have; Telegram's limit, kept on every channel."""
CHANNELS = ("web", "terminal")
LAST_SHOWN = 50
"""Messages that a conversation which goes on begins with; the rest can be read as ever."""
KEEP_ALIVE_SECONDS = 15

router = APIRouter(prefix="/api/v1")


class NewConversation(BaseModel):
    model_config = ConfigDict(extra="forbid")
    language: str = Field("en", max_length=12, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")
    time_zone: str | None = Field(None, max_length=64, description="IANA name, such as Europe/London")
    channel: str = Field("web", pattern="^(web|terminal)$")
    code: str | None = Field(None, max_length=40, description="one-time code of a conversation to go on with")
    invitation: str | None = Field(None, max_length=64, description="token of the clinic's invitation")


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
    """A new conversation: its id, its token (kept by the client alone) and the welcome.

    With `code` it is the conversation that the code came from, and its last messages.
    """
    who = request.client.host if request.client else "unknown"
    request.app.state.new_limit.check(who)
    if body.code is not None:
        return await _go_on(body, request, who)
    state, given, now = request.app.state, body.invitation, request.app.state.clock()
    if given is not None and not await state.db.read(lambda session: is_open(session, given, now)):
        raise Problem(404, "This invitation has been used or has run out. Ask the clinic for a new one.")
    zone = body.time_zone
    if zone is not None and not _is_zone(zone):
        zone = None  # a browser's odd zone must not keep anyone from talking; the clinic's is used
    token = secrets.token_urlsafe(32)
    conversation, messages = await request.app.state.conversations.start(
        body.channel, token_digest(token), language=body.language, time_zone=zone
    )
    if given is not None:
        await state.db.write(lambda session: accept(session, given, conversation.client_id, now))
    return {"conversation_id": conversation.id, "token": token, "messages": [view(m) for m in messages]}


async def _go_on(body: NewConversation, request: Request, who: str) -> dict[str, Any]:
    """A further place for a conversation that began elsewhere."""
    state, code, token = request.app.state, (body.code or "").removeprefix("c_"), secrets.token_urlsafe(32)
    state.code_limit.check(who)
    state.all_codes_limit.check("all")
    now = state.clock()

    def write(session: Session) -> tuple[str, list[Message]]:
        conversation = continue_here(session, code, body.channel, token_digest(token), now)
        return conversation.id, store.after(session, conversation.id, max(0, conversation.last_seq - LAST_SHOWN))

    try:
        conversation_id, messages = await state.db.write(write)
    except WrongCode:
        raise Problem(404, "This code has been used or has run out. Ask for a new one in the other chat.") from None
    return {"conversation_id": conversation_id, "token": token, "messages": [view(m) for m in messages]}


@router.post("/conversations/{conversation_id}/code", status_code=201)
async def code(conversation: Mine, request: Request) -> dict[str, Any]:
    """A one-time code that opens this conversation on Telegram or in another browser. An earlier one ends."""
    state, now = request.app.state, request.app.state.clock()
    state.message_limit.check(conversation.id)
    client = await state.db.read(lambda session: session.get(Client, conversation.client_id))
    if client is None or client.consent_version is None:
        raise Problem(409, "There is nothing to go on with before the question about consent has a yes.")
    made = await state.db.write(lambda session: make_code(session, conversation.id, now))
    found = links(made, state.chat_page, state.telegram_name())
    return {
        "code": made,
        "expires_at": (now + LIFETIME).isoformat(),
        "web": found["web"],
        "telegram": found["telegram"] if state.telegram_name() else None,
    }


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


@router.get("/conversations/{conversation_id}/files/link.txt")
async def link_file(conversation: Mine, request: Request) -> Response:
    """The same code as text, for the card that a client gets who asks for it in words."""
    made = await code(conversation, request)
    lines = [
        f"{'On Telegram' if name == 'telegram' else 'In a browser'}:\n{made[name]}\n"
        for name in ("telegram", "web")
        if made[name]
    ]
    text = "\n".join(
        [
            *lines,
            f"Or send this code to the bot on Telegram: {made['code']}",
            "Good for ten minutes and for one use.",
            "",
        ]
    )
    headers = {"Content-Disposition": 'attachment; filename="link.txt"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/conversations/{conversation_id}/files/{name}")
async def file(name: str, conversation: Mine, request: Request) -> Response:
    """A download; docs/messages.md lists them."""
    make = maker(name)
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
    """What "Get help now" shows, whose clinic this is, and whether a conversation can go on on Telegram."""
    place = request.app.state.conversations.place
    return {
        "clinic": request.app.state.clinic.name,
        "crisis": crisis.as_list(place),
        "emergency": place.emergency,
        "language": request.app.state.clinic.language,
        "telegram": bool(request.app.state.telegram_name()),
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
