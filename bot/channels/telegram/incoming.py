"""What an update of Telegram says, in the terms of the conversation. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import Message, Update
from telegram.constants import ChatType

from bot import requests
from bot.store.codes import SHAPE

START = re.compile(r"/start(?:@\w+)? +([ci]_[\w-]{6,62})", re.ASCII)
"""A deep link of ours, with a code or an invitation. Any other word behind /start is text.

https://core.telegram.org/bots/features#deep-linking
"""
ATTACHMENTS = {"voice": "sound", "audio": "sound", "video_note": "sound", "photo": "picture", "video": "picture"} | {
    "animation": "picture",
    "sticker": "sticker",
    "location": "location",
    "venue": "location",
}


@dataclass(frozen=True)
class Incoming:
    """What a client did. `what`: text, command, button, start (a link with a token), edit, or an attachment's kind."""

    chat: int
    what: str
    text: str = ""
    data: str = ""
    """Of a button: its callback data. Of a start: the token."""


def read(update: Update) -> Incoming | None:
    """What is to be answered in an update, or None: another chat than a private one, or nothing anybody said."""
    chat = update.effective_chat
    if chat is None or chat.type != ChatType.PRIVATE:
        return None
    if update.callback_query is not None:
        return Incoming(chat.id, "button", data=update.callback_query.data or "")
    if update.edited_message is not None:
        # A live location "edits" itself every few seconds
        return None if update.edited_message.location else _edit(chat.id, update.edited_message)
    return _message(chat.id, update.message) if update.message is not None else None


def _edit(chat: int, message: Message) -> Incoming:
    # An edit is answered, and never changes what was said before. Its words, like a caption's, are screened.
    return Incoming(chat, "edit", message.text or message.caption or "")


def _message(chat: int, message: Message) -> Incoming | None:
    if message.text:
        link = START.fullmatch(message.text)
        if link:
            return Incoming(chat, "start", message.text, link[1])
        if SHAPE.fullmatch(message.text.strip().upper()):
            return Incoming(chat, "start", message.text, f"c_{message.text.strip()}")
        return Incoming(chat, "command" if requests.command(message.text) else "text", message.text)
    if not message.effective_attachment:
        return None  # a pinned message, a changed timer and the like
    kind = next((what for name, what in ATTACHMENTS.items() if getattr(message, name, None)), "file")
    return Incoming(chat, kind, message.caption or "")
