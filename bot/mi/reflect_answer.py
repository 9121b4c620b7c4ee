"""A word or two in answer to a question, reflected with what they answer: "my chest" after "what worries you?".

By itself such a fragment says too little to be reflected; the question tells which way it points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .echo import noun_answer
from .meanings import Slot, Template, fill
from .person import Parser

_PLURAL = re.compile(r"\band\b|\b(?:kids|children|people|friends|mates|parents|\w{2,}[^s'u]s)$", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A kind of question, and what can be said to a thing that answers it. The first kind that fits is taken."""

    id: str
    asked: re.Pattern[str]
    say: tuple[Template, ...]


def answered(text: str, previous: str, answers: tuple[Answer, ...], parse: Parser) -> Iterator[tuple[str, str]]:
    """(sentence, frame) for a short noun phrase that answers `previous`; nothing for any other text or question."""
    kind = next((answer for answer in answers if answer.asked.search(previous)), None)
    thing = noun_answer(text, parse) if kind else None
    if kind is None or thing is None:
        return
    plural = _PLURAL.search(thing) is not None
    bare = not plural and re.match(r"(?:[A-Z]|(?:the|a|an|your|his|her|their|being|no|more|less)\b)", thing) is None
    slots = {"x": Slot(f"the {thing}" if bare else thing, plural)}
    for number, form in enumerate(kind.say):
        sentence = fill(form, slots)
        if sentence is not None:
            yield sentence, f"answer {kind.id}/{number}"
