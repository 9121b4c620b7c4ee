"""Telegram's calls, on the one public application: POST /telegram/webhook.

Each has to carry the secret that was given to Telegram with setWebhook: https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import hmac
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from sqlalchemy.exc import SQLAlchemyError

from bot.channels.problems import Problem
from bot.channels.telegram.channel import TelegramChannel, readable_update

PATH = "/telegram/webhook"
LARGEST = 1_000_000
"""Bytes in a call; Telegram's updates have some thousand."""


def webhook_router(channel: TelegramChannel) -> APIRouter:
    """The route for a channel whose access has a secret."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    async def take(request: Request, x_telegram_bot_api_secret_token: Annotated[str, Header()] = "") -> dict[str, bool]:
        """200 when the update is stored (or was before); any other answer makes Telegram send it again."""
        secret = channel.access.secret.encode()
        if not secret or not hmac.compare_digest(x_telegram_bot_api_secret_token.encode(), secret):
            raise Problem(403, "This address is for Telegram.")
        raw = _json(await _body(request))
        update = readable_update(raw, channel.bot)
        if update is not None:  # one that cannot be read would come again and again, and hold up its chat
            try:
                await channel.take_in_order(update)
            except SQLAlchemyError:
                raise Problem(503, "The update was not stored.") from None
        return {"ok": True}

    return router


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, "This is larger than an update can be.")
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
        raise Problem(400, "This is no update.")
    return raw
