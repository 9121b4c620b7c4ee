"""The change plan is kept in the client's own words, in the first person."""

from __future__ import annotations

import re

PLAN_WORDS_FOR_NONE = frozenset(
    {"no", "none", "nobody", "nope", "nah", "nothing", "noone", "no-one", "no one", "not really", "n/a", "na", "skip"}
    | {"pass", "idk", "dunno", "-", ""}
)
"""Answers to a step of the plan that leave it empty."""
_BACK = (
    (r"\byou're\b", "I'm"),
    (r"\byou've\b", "I've"),
    (r"\byou'd\b", "I'd"),
    (r"\byou'll\b", "I'll"),
    (r"\byou are\b", "I am"),
    (r"\byou were\b", "I was"),
    (r"\byourself\b", "myself"),
    (r"\byours\b", "mine"),
    (r"\byour\b", "my"),
    (r"(?<=\bto )you\b|(?<=\bfor )you\b|(?<=\bmakes )you\b|(?<=\bwith )you\b", "me"),
    (r"\byou\b", "I"),
)


def first_person(text: str, turned: bool = False) -> str:
    """The client's words for the plan: white space folded, "i" as "I", capital first, 300 characters at most.

    With `turned`, a quote in the second person goes back to the first ("you want to sleep" -> "I want to sleep").
    """
    text = re.sub(r"\s+", " ", text).strip()
    if turned:
        for pattern, word in _BACK:
            text = re.sub(pattern, word, text)
        return text
    text = re.sub(r"\bi\b", "I", text)
    text = text[:297] + "..." if len(text) > 300 else text
    return text[:1].upper() + text[1:]
