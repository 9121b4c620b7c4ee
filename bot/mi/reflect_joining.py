"""How clauses and meanings are put together: in which frame a clause can be said, which two stand against each other,
and how the client's clause and its meaning become one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from .meanings import Hit, fill
from .person import sentence_case
from .reflect_clauses import Side

HALF_BELIEF = 0.75
"""A meaning's half is only set beside the client's words where it is this sure."""
NEAR = 3
"""Tokens between two clauses that were set against each other."""
FRAGMENT = re.compile(
    r"\d|(?:to(?:day|night|morrow)|\w+day|after|before|when|while|if|last|next|then|now|since|until)\b", re.IGNORECASE
)
"""How a clause begins that is a time or a condition, and no view to be said back as one."""
_CONCERNS = re.compile(r"\b(?:you|your|yourself|he|she|they|him|her|them|nobody|everyone|everybody)\b", re.IGNORECASE)
"""What a plain fact needs to be worth saying back: the client in it, or somebody."""
_SOMEBODY = re.compile(
    r"(?:(?:even|sometimes|still|now|also|just|only|and) )?"
    r"(?:he|she|they|nobody|no one|everyone|everybody|people|my|the only|(?:all |most |some )?(?:of )?your"
    r"|(?:the|these|those) (?:kids|people|doctors?|nurses?|school|others))\b",
    re.IGNORECASE,
)
"""How a plain fact about somebody begins."""
_THING = re.compile(r"(?:the|it|there|this|nothing|something) ?", re.IGNORECASE)
_VERDICT = re.compile(
    r"\b(?:people|everyone|everybody|nobody|they|he|she|doctors?|system|government|rigged|joke|pointless|useless|stupid"
    r"|rubbish|scam|wrong|right|fault|fair|unfair|waste|lies?|point|crap|ridiculous|evil|safe|dangerous|healthy|harmless"
    r"|always|never|all|only|best|worst|should|cannot|can't|won't|hopeless|impossible)\b",
    re.IGNORECASE,
)
"""A plain fact about a thing ("the flat is quiet") needs no "as you see it"; a verdict does."""
_TORN = re.compile(r"an? .* and (?:everyone|everybody|he|she|they|it|there)\b", re.IGNORECASE)
"""A thing without a verb, run into the next clause ("a car accident and everyone was ok")."""
LONGEST_VIEW = 14
_JUDGES = re.compile(
    r"\b(?:is|are|was|were|will|would|should|never|always)\b|'(?:s|re|ll|d)\b(?! (?:been|had|got)\b)|n't\b",
    re.IGNORECASE,
)
"""What makes such a clause a view, to be said back as the client's own; a plain fact is said back as it is."""


def use_of(side: Side) -> str | None:
    """Which frames fit a clause: first (about the client), yours (a fact about somebody or something of theirs),
    opinion (a view of theirs), or none."""
    text = side.text
    if text.startswith("if "):
        return "if" if re.search(r"\b(?:will|would|won't|wouldn't)\b|'(?:ll|d)\b", text) and "you" in text else None
    if side.event or side.own or re.match(r"(?:as you|for you|you)\b", text):
        return "first"
    if text.startswith("your "):
        return "yours"
    if re.match(r"(?:when|whenever|since|once|every time)\b.*\byou", text):
        return "first"
    if FRAGMENT.match(text):
        return None
    concerns = _CONCERNS.search(text) is not None
    told = not _JUDGES.search(text) or re.search(r"(?:\b(?:is|are|was|were)|'s|'re) (?:\w+ )?\w+ing\b", text)
    if told or (concerns and re.match(r"(?:it|there)\b", text)):
        return "yours" if _SOMEBODY.match(text) or (concerns and re.match(r"(?:it|there)\b", text)) else None
    if len(text.split()) > LONGEST_VIEW or re.match(r"it(?:'s| is| was) (?:so |very |really )?\w+(?: \w+)?$", text):
        return None
    if _TORN.match(text):
        return None
    if _THING.match(text) and not _VERDICT.search(text):
        return "yours"
    return "opinion"


def meant(hits: Iterable[Hit], sides: Sequence[Side]) -> Iterator[tuple[Side, Side, float]]:
    """A meaning's half beside a clause of the client's that leans the other way, from another place."""
    for hit in hits:
        if hit.meaning.sign not in ("change", "sustain") or hit.belief < HALF_BELIEF:
            continue
        low, high = min(hit.places), max(hit.places)
        for side in sides:
            if side.sign in ("none", hit.meaning.sign) or (side.at <= high and low < side.end):
                continue
            for form in hit.meaning.halves:
                text = fill(form, hit.slots)
                if text is None or echoes(side.text, text):
                    continue
                half = Side(text, hit.meaning.sign, hit.meaning.id, low, high + 1, 4)
                yield (half, side, 0.85 * hit.belief) if half.sign == "sustain" else (side, half, 0.9 * hit.belief)


_CONTRASTED = (0.85, 0.82, 0.6)
"""Belief that two clauses are two sides, by how many of them lean neither way."""


def contrasted(sides: Sequence[Side]) -> Iterator[tuple[Side, Side, float]]:
    """Neighbouring clauses joined by "but" or the like, in the client's order unless they lean the other way."""
    for left, right in pairwise(sides):
        if not right.contrast or right.at - left.end > NEAR or FRAGMENT.match(right.text) or FRAGMENT.match(left.text):
            continue
        if left.sign == "change" and right.sign == "sustain":
            left, right = right, left
        yield left, right, _CONTRASTED[(left.sign, right.sign).count("none")]


_JOINABLE = re.compile(
    r"(?:you(?:'\w+)?|it(?:'s)?|this|that(?:'s)?|there(?:'s)?|what|being|having|part|some|something|a|the|your)\b", re.I
)
LONGEST_JOINED = 22
"""Words; a longer one is said as two sentences."""


def joined(ground: str, text: str) -> str:
    """The client's clause and what it means, as one sentence where it is short and plain enough, else as two."""
    words = len(ground.split()) + len(text.split())
    plain = not re.search(r"[,;:.]|\band\b", ground + " " + text.rstrip(".")) and _JOINABLE.match(text)
    if plain and words <= LONGEST_JOINED:
        return f"{ground}, and {text[:1].lower()}{text[1:]}"
    return f"{ground}. {text}"


def echoes(first: str, second: str) -> bool:
    """Whether two sentences say much the same words, so that one after the other would sound doubled."""
    one, two = (
        set(re.findall(r"[a-z]{4,}", t.lower())) - {"your", "that", "with", "this", "have"} for t in (first, second)
    )
    return bool(one) and len(one & two) / len(one) > 0.34


def tidy_end(text: str) -> str:
    """A capital at the start of each sentence and one full stop at the end."""
    text = re.sub(r"\s+", " ", text).strip().rstrip(".,; ") + "."
    return re.sub(r"(^|[.] )([a-z])", lambda m: m.group(1) + sentence_case(m.group(2)), text)
