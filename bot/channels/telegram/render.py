"""How a message of the bot looks on Telegram: its text in parts, its keyboard, its file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.channels.views import plain_text, view
from bot.store.models import Message

MAX_LENGTH = 4096
"""Of a message, in UTF-16 code units, as Telegram counts: https://core.telegram.org/bots/api#sendmessage."""
RULER_ROWS = (range(6), range(6, 11))
WIDEST = 24
"""Characters in a row of buttons before each gets a row of its own."""
END_OF_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]?\s+|\n+")


def choices(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, payload) of everything that can be pressed with a message, in order."""
    if payload.get("slots"):
        return [(slot["label"], f"slot:{slot['id']}") for slot in payload["slots"]]
    if payload.get("ruler"):
        return [(str(number), str(number)) for row in RULER_ROWS for number in row]
    return [(button["title"], button["payload"]) for button in payload.get("buttons", ())]


def keyboard(row: Message) -> InlineKeyboardMarkup | None:
    """The buttons. Their data says only which message and which button: nothing to read for who sees it."""
    buttons = [
        InlineKeyboardButton(title, callback_data=data_of(row.id, place))
        for place, (title, _) in enumerate(choices(row.payload))
    ]
    if not buttons:
        return None
    if row.payload.get("ruler"):
        return InlineKeyboardMarkup([buttons[: len(RULER_ROWS[0])], buttons[len(RULER_ROWS[0]) :]])
    if not row.payload.get("slots") and sum(len(button.text) for button in buttons) <= WIDEST:
        return InlineKeyboardMarkup([buttons])
    return InlineKeyboardMarkup([[button] for button in buttons])


def data_of(row_id: int, place: int) -> str:
    """Callback data, a few of the 64 bytes that the Bot API allows."""
    return f"{row_id:x}.{place:x}"


def read_data(data: str) -> tuple[int, int] | None:
    """(message's id, place of the button) of `data_of`, or None for data that is none of ours."""
    match = re.fullmatch(r"([0-9a-f]{1,12})\.([0-9a-f]{1,2})", data)
    return (int(match[1], 16), int(match[2], 16)) if match else None


def texts(row: Message) -> list[str]:
    """The words of a message, in parts that fit."""
    shown = view(row)
    bare = {name: value for name, value in shown.items() if name != "buttons"}  # the keyboard shows them
    if not (row.payload.get("card") or row.payload.get("slots") or row.payload.get("ruler")):
        return list(parts(shown["text"]))
    return list(parts(plain_text(bare)))


def file_of(row: Message) -> str | None:
    """The name of the file that goes with a message (bot/channels/files.py)."""
    name = (row.payload.get("card") or {}).get("file")
    return str(name) if name else None


def parts(text: str, limit: int = MAX_LENGTH) -> Iterator[str]:
    """Cuts at the ends of sentences or lines, else between words, else anywhere, so that nothing is lost."""
    rest = text.strip()
    while length(rest) > limit:
        head = fitting(rest, limit)
        ends = [match.end() for match in END_OF_SENTENCE.finditer(head)]
        spaces = [match.end() for match in re.finditer(r"\s+", head)]
        cut = next((places[-1] for places in (ends, spaces) if places and places[-1] > len(head) // 4), len(head))
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    if rest:
        yield rest


def length(text: str) -> int:
    """In UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def fitting(text: str, limit: int) -> str:
    """The longest beginning that fits, never half a character."""
    return text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", "ignore")
