"""`evoke invite`: an invitation from the command line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import IO

from telegram import Bot
from telegram.error import TelegramError

from bot.clinic.invitations import invite as make
from bot.clinic.invitations import telegram_link, web_link
from bot.settings import Settings
from bot.store.database import Database, StoreError


def invite(settings: Settings, note: str, days: int, out: IO[str]) -> None:
    """Prints one link a line: for the web, and for Telegram where a bot is set up and can be asked its name.

    Raises:
        StoreError: the note or the days are wrong.
    """
    name = asyncio.run(bot_name(settings))
    db = Database(settings.database)
    db.migrate()
    try:
        _, token = db.write_now(lambda session: make(session, datetime.now(UTC), note=note, days=days))
    except ValueError as error:
        raise StoreError(str(error)) from error
    finally:
        db.close()
    public = settings.public_url or f"http://{settings.host}:{settings.port}"
    out.write(f"{web_link(public, token)}\n")
    if name:
        out.write(f"{telegram_link(name, token)}\n")


async def bot_name(settings: Settings) -> str:
    """The bot's user name as Telegram tells it; empty without a token or a way to Telegram."""
    token = settings.telegram_token.get_secret_value()
    if not token:
        return ""
    try:
        async with Bot(token, base_url=settings.telegram_base_url) as bot:
            return bot.username
    except TelegramError:
        return ""
