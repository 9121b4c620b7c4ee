"""Answers to the tools of evoking: the rulers at every number, and what matters to the client."""

from __future__ import annotations

import re

from bot.mi.draft import Draft
from bot.mi.echo import noun_answer
from bot.mi.processes import evoke, evoke_question
from bot.mi.rulers import higher_of, lower_of, read_number, volunteered
from bot.mi.situations import dont_know
from bot.mi.state import RulerValue


def ruler_answer(draft: Draft) -> None:
    name, step = draft.state.awaiting.split(".", 1)
    if step in ("ask", "reask"):
        ruler_number(draft, name, step)
    elif step == "why_not_lower" and (draft.state.ruler(name) or 0) < 10:
        n = draft.state.ruler(name) or 0
        if draft.heard.intent == "dont_know":
            draft.tell("dont_know.meet")
        draft.reflect()
        draft.affirm()
        if not draft.ask(f"{name}.what_up", n=str(n), higher=str(higher_of(n))):
            evoke_question(draft)
    else:
        evoke(draft)


def gives_a_number(draft: Draft) -> bool:
    """Whether the message answers a ruler that was not asked; a bare number only while one is still to come."""
    name = volunteered(draft.heard.text, draft.heard.intent == "ruler_answer")
    return bool(name) or (name == "" and (bool(_unasked(draft)) or draft.heard.intent == "ruler_answer"))


def number_volunteered(draft: Draft) -> None:
    name = volunteered(draft.heard.text) or next(iter(_unasked(draft)), "confidence")
    draft.change(done=(*draft.state.done, f"{name}.ask"))
    ruler_number(draft, name, "ask")


def _unasked(draft: Draft) -> list[str]:
    return [ruler for ruler in ("importance", "confidence") if f"{ruler}.ask" not in draft.state.done]


def ruler_number(draft: Draft, name: str, step: str) -> None:
    n = read_number(draft.heard.text)
    if n is None and draft.heard.words > 4 and draft.heard.intent not in ("dont_know", "deny"):
        evoke(draft)  # the client had something else to say, and that comes first
        return
    if n is None:
        if step == "ask" and draft.heard.intent != "deny":
            draft.ask(f"{name}.reask", ruler=name)
        else:
            draft.tell(f"{name}.no_number")
            draft.change(rulers=(*draft.state.rulers, RulerValue(name, 5, -1)))
            evoke_question(draft)
        return
    draft.rate(name, n)
    if draft.heard.words <= 6 or not draft.reflect():
        draft.tell("ruler.number", n=str(n))
    if f"{name}.why_not_lower" in draft.state.done:  # explored once already: a new number is noted, no more
        evoke_question(draft)
    elif n == 0:
        draft.tell(f"{name}.at_zero")
        draft.ask(f"{name}.at_zero_ask")
    elif n == 10:
        draft.tell(f"{name}.at_ten")
        evoke_question(draft)
    else:
        draft.ask(f"{name}.why_not_lower", n=str(n), lower=str(lower_of(n)))


def values_answer(draft: Draft) -> None:
    if draft.heard.intent in ("dont_know", "deny"):
        dont_know(draft)
        return
    value = noun_answer(draft.heard.text, draft.parse)
    if value and not _SPEAKS_OF_TIME.search(draft.heard.text):
        draft.change(values=(*draft.state.values, value))
        draft.reflect()
        if draft.ask("evoke.values_fit", value=value):
            return
    evoke(draft)


_SPEAKS_OF_TIME = re.compile(r"\d|\b(to)?(day|night|morrow|morning|week|month)s?\b|day\b", re.I)
