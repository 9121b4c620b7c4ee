"""Saying a short answer back: the simplest reflection there is."""

from __future__ import annotations

import re

from bot.mi.content import capitalised
from bot.mi.person import Parser, turn_round

MAX_WORDS = 12
_NO_ECHO = re.compile(
    r"[?@#/\\]|https?|\b(lol|haha|idk|dunno|ok|okay|yes|no|yeah|nah|sure|maybe|thanks?|fuck|shit)\b", re.I
)


def echo(text: str, parse: Parser) -> str | None:
    """ "my kids" becomes "Your kids."; None for what is too long, no words, or nothing to say back."""
    text = re.sub(r"\s+", " ", re.sub(r"[^\w\s'&,-]", " ", text)).strip()
    words = text.split()
    if not 1 <= len(words) <= MAX_WORDS or _NO_ECHO.search(text) or not re.search(r"[a-zA-Z]{3}", text):
        return None
    if all(len(set(word)) < 3 for word in words):
        return None
    turned = turn_round(text, parse).strip(" .")
    return f"{capitalised(turned)}." if turned else None
