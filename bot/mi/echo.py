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
    r"^(?:just|mostly|mainly|probably|like(?=,)|well|um+|erm*|and|but|so|cos of|because of|the fact that)\s+"
    r"|\s+(?:i guess|i suppose|mostly|mainly|really|tho|though|too|as well|probably|innit|lol|ngl|tbh)$",
    re.I,
)

MAX_WORDS_BACK = 18
_JOINTS = re.compile(r",\s+|\s+(?:but|and|(?:because|cos)(?: of)?|cuz|so|then|though|tho|which)\s+", re.I)
_LONG_JOINTS = re.compile(
    r"\s+(?:when|until|till|instead of|rather than|except|unless|before|after|while|where|than)\s+", re.I
)
_LEFT_OUT = re.compile(
    r"(?:(?:could|might|can|would|will|may) (?!be\b|i\b|you\b)"
    r"|(?:like|love|hate|enjoy|miss|need|want) (?!you\b|me\b|i\b))",
    re.I,
)
"""How a sentence begins from which "I" is left out ("could ask my wife", "like it with coffee")."""
_LEAD = re.compile(
    r"^(?:(?:and|but|so|well|(?:because|cos)(?: of)?|cuz|yeah|yes|yep|ok|okay|i mean|honestly|anyway|then|oh|ah|hmm|um"
    r"|ugh|or|aye|right|look|also|plus|sorry|(?:i )?guess|i suppose|i think|lol|haha|like(?=,| i\b| i'?m\b| he\b)"
    r"|(?:no|nah)(?=,| i\b| it'?s\b))\b[\s,]*)+",
    re.I,
)
_AUX = r"(?:can|could|will|would|should|is|are|do|does|did)"
_ASKS = re.compile(
    rf"^(?:(?:what|how|why|who|which|where)(?:'s)? (?:{_AUX}|about|if|to|the|else)\b|(?:what|how|why|who)\W*$"
    rf"|when {_AUX}\b|{_AUX} (?:i|you|it|that|this|there|they|we|he|she|the|u|my)\b|tell me\b)",
    re.I,
)
_TAG = re.compile(
    r",?\s+(?:isn'?t it|won'?t i|didn'?t i|don'?t i|can'?t i|innit|yeah|ha|lol|haha|mate|bro|love)$", re.I
)
_TO_BOT = re.compile(
    r"\b(?:you|your|you're|youre|u|ur|thanks?|thank|please|cheers|bye|https?|appointments?|importance|confidence)\b|@"
    r"|^(?:just |please |so |ok |okay |well )*(?:put|give|tell|send|get|show|book|leave) (?:me|it|him|her|them|down)\b",
    re.I,
)
_OWN = re.compile(r"\b(?:i|i'm|im|i've|ive|i'd|id|i'll|ill|my|me|we|our|us)\b", re.I)
_LEFT_OVER = re.compile(
    r"\b(?:i|im|ive|id|my|me|mine|myself|we|our|us|ur)\b|^(?:which|that|this|who)\b"
    r"|^(?:it|he|she|they)\b(?!.*\b(?:you|your|yourself)\b)",
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
    if all(token.is_stop or token.is_punct for token in parse(tidy)):
        return None
    turned = _turned(tidy, parse)
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


def said_back(text: str, parse: Parser) -> str | None:
    """The last thing a longer message states of the client, turned round: the plain answer to what no reflection fits.

    Questions are left out; a sentence too long is cut at its joints. None where nothing of it can be said back.
    """
    pieces = [piece for sentence in _sentences(text) for piece in _pieces(sentence)]
    own = [piece for piece in pieces if _OWN.search(piece)]
    for piece in (*reversed(own), *(piece for piece in reversed(pieces) if piece not in own)):
        turned = _turned(piece, parse)
        if 3 <= len(turned.split()) <= MAX_WORDS_BACK and not _LEFT_OVER.search(turned):
            return f"{capitalised(turned)}."
    return None


def _turned(text: str, parse: Parser) -> str:
    """Turned round, with the "I" that was left out."""
    return turn_round(f"I {text}" if _LEFT_OUT.match(text) else text, parse).strip(" .,")


def without_questions(text: str) -> str:
    """The sentences of a text that ask nothing."""
    return " ".join(s.strip() for s in _sentences(text) if not s.strip().endswith("?")).strip()


def _sentences(text: str) -> list[str]:
    return re.findall(r"[^.!?\n]+[.!?]*", text)


def _pieces(sentence: str) -> list[str]:
    if sentence.strip().endswith("?") or _ASKS.match(sentence.strip()) or _TO_BOT.search(sentence):
        return []
    plain = _LEAD.sub("", re.sub(r"[^\w\s'&,%£$€-]", " ", sentence).strip(" ,"))
    parts = [plain] if len(plain.split()) <= MAX_WORDS_BACK else _JOINTS.split(plain)
    parts = [p if len(p.split()) <= MAX_WORDS_BACK else _LONG_JOINTS.split(p, maxsplit=1)[0] for p in parts]
    parts = [_TAG.sub("", _LEAD.sub("", re.sub(r"\s+", " ", part).strip(" ,"))) for part in parts]
    return [part for part in parts if 3 <= len(part.split()) <= MAX_WORDS_BACK]


def _tidy(text: str) -> str | None:
    text = text.strip().rstrip(".! ")
    if _NO_ECHO.search(text) or re.search(r"[.!;:]", text) or not re.search(r"[a-zA-Z]{3}", text):
        return None
    tidy = re.sub(r"\s+", " ", re.sub(r"[^\w\s'&,-]", " ", text)).strip()
    return None if all(len(set(word)) < 3 for word in tidy.split()) else tidy
