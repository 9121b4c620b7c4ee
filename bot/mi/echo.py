"""Saying a short answer back: the simplest reflection, and what it means after the question that was asked."""

from __future__ import annotations

import re

from bot.mi.content import capitalised
from bot.mi.person import Parser, turn_round

MAX_WORDS = 7
MAX_WORDS_OF_NOUN = 5
_NO_ECHO = re.compile(
    r"[?@#/\\]|https?|\b(lol|haha|idk|dunno|ok|okay|yes|no|yeah|nah|sure|maybe|thanks?|cheers|fuck|shit|you|your|u)\b"
    r"|^(do|does|dont|don't|did|can|could|will|would|is|are|stop|tell|give|let|what|how|why|when|who|put|please)\b",
    re.I,
)
_HEDGES = re.compile(
    r"^(?:just|mostly|mainly|probably|like|well|um+|erm*|and|but|so|cos of|because of|the fact that)\s+"
    r"|\s+(?:i guess|i suppose|mostly|mainly|really|tho|though|too|as well|probably|innit|lol|ngl|tbh)$",
    re.I,
)

SHORT_ANSWERS: dict[str, str] = {
    # the question that stood -> the move that says what a noun answers it ("my kids", "the cost")
    "evoke.likes": "short.likes",
    "evoke.concerns": "short.concerns",
    "evoke.worst": "short.concerns",
    "evoke.why_change": "short.reason",
    "importance.why_not_lower": "short.reason",
    "importance.what_up": "short.helps",
    "confidence.why_not_lower": "short.strength",
    "confidence.what_up": "short.helps",
    "evoke.look_forward": "short.hope",
    "evoke.best": "short.hope",
    "evoke.values_ask": "short.value",
    "evoke.strengths": "short.strength",
    "evoke.past_success": "short.strength",
    "evoke.supporters": "short.supporter",
}


def echo(text: str, parse: Parser) -> str | None:
    """ "my kids" becomes "Your kids."; None for what is too long, no words, or nothing to say back."""
    tidy = _tidy(text)
    if tidy is None:
        return None
    tidy = _HEDGES.sub("", _HEDGES.sub("", tidy)).strip(" ,")
    if not 1 <= len(tidy.split()) <= MAX_WORDS:
        return None
    turned = turn_round(tidy, parse).strip(" .,")
    return f"{capitalised(turned)}." if turned else None


def noun_answer(text: str, parse: Parser) -> str | None:
    """A short answer that names a thing, turned round and in lower case ("my kids mostly" -> "your kids"), or None."""
    tidy = _tidy(text)
    if tidy is None:
        return None
    tidy = _HEDGES.sub("", _HEDGES.sub("", tidy)).strip(" ,")
    if not 1 <= len(tidy.split()) <= MAX_WORDS_OF_NOUN or "," in tidy:
        return None
    doc = parse(tidy)
    roots = [token for token in doc if token.dep_ == "ROOT"]
    if len(roots) != 1 or roots[0].pos_ not in ("NOUN", "PROPN") or any(t.pos_ in ("VERB", "AUX") for t in doc):
        return None
    return turn_round(tidy, parse).strip(" .,") or None


def _tidy(text: str) -> str | None:
    text = text.strip().rstrip(".! ")
    if _NO_ECHO.search(text) or re.search(r"[.!;:]", text) or not re.search(r"[a-zA-Z]{3}", text):
        return None
    tidy = re.sub(r"\s+", " ", re.sub(r"[^\w\s'&,-]", " ", text)).strip()
    return None if all(len(set(word)) < 3 for word in tidy.split()) else tidy
