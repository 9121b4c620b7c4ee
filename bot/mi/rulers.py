"""Reading the answer to a 0-10 ruler."""

from __future__ import annotations

import re

RULERS = ("importance", "confidence", "readiness")
WORDS = {
    "zero": 0, "nil": 0, "none": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
PHRASES = (
    (r"\b(somewhere )?in the middle\b|\bhalf ?way\b|\bmiddling\b", 5),
    (r"\bnot at all\b|\brock bottom\b|\bnothing\b", 0),
    (r"\bmax(ed)?( out)?\b|\btop of the scale\b|\bcouldn'?t be higher\b|\ball the way\b", 10),
)
_UNITS = (
    r"(?!(?:\s*(?:or|to|-)\s*\w+)?\s*(?:%|am|pm|years?|yrs?|months?|weeks?|days?|nights?|mornings?|pints?|beers?|drinks?|cigs?|hours?|hrs?|minutes?"
    r"|mins?|kids?|times?|stone|pounds?|kilos?|miles?|grand|quid)\b)"
)
_NUMBER = re.compile(rf"(?<![\d.,:/])(\d{{1,3}})(?:[.,]\d+)?(?![\d:]){_UNITS}", re.I)
_SPELLED = re.compile(rf"\b({'|'.join(WORDS)})\b{_UNITS}", re.I)
_PUT_RIGHT = 5
"""Words: "11. ok 8" is an 8; in a longer message nobody knows."""
_OUT_OF = re.compile(r"\b(?:out of|of|/)\s*10\b|/\s*10\b", re.I)
_MINUS = re.compile(r"(?:^|\s)(?:-|minus )\s*\d", re.I)


def read_number(text: str) -> int | None:
    """The ruler's number in what the client typed, or None.

    "about a six", "6-7" (6, the lower: the client is not yet at 7), "7 out of 10", "zero", "in the middle" and "6.5"
    (6) are numbers; "no idea", "11", "-2" and "2 years" are none.
    """
    lowered = text.lower().strip()
    if _MINUS.search(lowered):
        return None
    without_scale = _OUT_OF.sub(" ", lowered)
    digits = [int(n) for n in _NUMBER.findall(without_scale)]
    words = len(lowered.split())
    if digits:
        last = digits[-1] if words <= _PUT_RIGHT and digits[-1] <= 10 else None
        return digits[0] if digits[0] <= 10 else last
    spelled = [WORDS[w] for w in _SPELLED.findall(without_scale)]
    if spelled and words <= 16:
        # "a ten" and "one" are numbers; "the one thing" in a long sentence is not
        return spelled[0]
    for pattern, value in PHRASES:
        if re.search(pattern, lowered) and words <= 8:
            return value
    return None


MOST_AROUND = 8
"""Words of a message that is a number with a word or two before it."""
NAMED = (
    ("importance", re.compile(r"\bimportan\w*|\bmatters?\b", re.I)),
    (
        "confidence",
        re.compile(
            r"\bconfiden\w*|\b(?:could|can) i (?:do|manage)|\bi (?:can|could) (?:actually )?do it\b"
            r"|\b(?:whether|if|that) i(?:'?ll| could| can| would| will)\b|\bdoing it\b|\bhow sure\b",
            re.I,
        ),
    ),
    ("readiness", re.compile(r"\bready\b|\breadiness\b", re.I)),
)


def volunteered(text: str, plainly: bool = False) -> str | None:
    """The ruler that a client answers without having been asked ("importance? id say 9"), or None.

    `plainly`: the message was understood as a number on a ruler; then one that names none gives "", as does one that
    begins with the number ("It is 9. Because of my boy", "2 or 3. I've promised it so often").
    """
    if read_number(text) is None or len(text.split()) > 20:
        return None
    plainly = plainly or begins_with_number(text)
    if len(text.split()) > 16 and not plainly:
        return None
    named = next((name for name, pattern in NAMED if pattern.search(text)), None)
    return named if named or not plainly else ""


_BEGINS = re.compile(
    r"\s*(?:(?:it'?s|it is|i'?d say|i would say|say|maybe|about|around|probably|still|only|just|put|an?|i'?d give it)"
    r"\s+)*"
    r"(?:10|[0-9]|zero|one|two|three|four|five|six|seven|eight|nine|ten)"
    r"(?:\s*(?:or|to|-|/)\s*(?:10|[0-9]))?(?:\s*(?:out of|of|/)\s*10)?\s*(?:[.,!]|$|\b(?:for|because|cos)\b)(?!\d)",
    re.I,
)
"""A message that is a number first of all; "2 or 3 pints" and "9 years" are none."""


def begins_with_number(text: str) -> bool:
    """Whether a message is a number of a ruler first of all, or is short and ends in one ("For being able to? 3")."""
    return _BEGINS.match(text) is not None or (len(text.split()) <= MOST_AROUND and _ENDS.match(text) is not None)


_ENDS = re.compile(r"(?:^|.*[.,:?!]\s*)(?:10|[0-9])\W*$", re.S)


def lower_of(n: int) -> int:
    """The number for "why a 5 and not a 2?": n minus 3, or minus 2 below 5, never below 0."""
    return max(0, n - (3 if n >= 5 else 2))


def higher_of(n: int) -> int:
    """The number for "what would it take to get to …?": n plus 2, never above 10."""
    return min(10, n + 2)
