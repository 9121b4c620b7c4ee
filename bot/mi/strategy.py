"""Which move comes next: tables, and the few functions that read them.

A turn answers first (a reflection, or what the situation asks for) and may then ask one question. These tables say
which question, by what the client has said so far; `bot.mi.turn` puts the words together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bot.mi.state import MIState

REFLECTIONS_PER_QUESTION = 2
"""MITI 4.2.1's threshold for good practice is two reflections to a question."""
OPENING_TURNS = 2
SUMMARY_AFTER = 4
"""Client turns with change talk between two collecting summaries (mi-spec: about four)."""

EVOKING: Mapping[str, tuple[str, ...]] = {
    # kind of topic -> tools of evoking, in the order in which they are used once each. A ruler is named by its
    # question; its follow-ups come by themselves.
    "less": (
        "evoke.likes",
        "evoke.concerns",
        "evoke.example",
        "importance.ask",
        "evoke.look_forward",
        "evoke.values_ask",
        "evoke.best",
        "confidence.ask",
        "evoke.past_success",
        "evoke.worst",
        "evoke.strengths",
        "evoke.look_back",
        "evoke.step_thought",
    ),
    "more": (
        "evoke.why_change",
        "evoke.concerns",
        "importance.ask",
        "evoke.best",
        "evoke.values_ask",
        "evoke.example",
        "confidence.ask",
        "evoke.past_success",
        "evoke.look_forward",
        "evoke.strengths",
        "evoke.step_thought",
        "evoke.look_back",
    ),
    "better": (
        "engage.feeling",
        "evoke.concerns",
        "evoke.look_back",
        "importance.ask",
        "evoke.values_ask",
        "evoke.strengths",
        "confidence.ask",
        "evoke.past_success",
        "evoke.supporters",
        "evoke.look_forward",
        "evoke.best",
        "evoke.step_thought",
    ),
}
FOLLOW_UPS = ("evoke.example", "evoke.elaborate")
"""Questions about what was just said ("when did that last happen?"): only behind a reflection of talk of change."""
LOW_IMPORTANCE = ("evoke.values_ask", "evoke.look_forward", "evoke.need_instead")
"""At 3 or less: values and discrepancy before anything else (mi-spec, rulers)."""
LOW_CONFIDENCE = ("evoke.past_success", "evoke.strengths", "evoke.supporters")
"""Important (6 or more) and not confident (4 or less): past successes and strengths."""

PLAN_STEPS = (
    # the plan's field, and the move that asks for it
    ("change", "plan.what"),
    ("first_step", "plan.first_step"),
    ("when", "plan.when"),
    ("who", "plan.who"),
    ("obstacle", "plan.obstacle"),
    ("if_then", "plan.if_then"),
    ("sign", "plan.sign"),
)
PLAN_LABELS = {
    "change": "What I want",
    "why": "Why it matters to me",
    "first_step": "First step",
    "when": "When and where",
    "who": "Who can help",
    "obstacle": "What could get in the way",
    "if_then": "If that happens",
    "sign": "How I will know it works",
    "confidence": "How sure I am (0 to 10)",
}

TURNS_BETWEEN_AFFIRMATIONS = 4


def next_question(state: MIState, kind: str, later: Collection[str] = ()) -> str:
    """The next evoking tool for a topic of this kind; "key_question" when it is time to ask where it leaves them.

    `kind` is less, more or better; the tools of `later` wait for a turn that they fit.
    """
    importance, confidence = state.ruler("importance"), state.ruler("confidence")
    order = EVOKING[kind]
    if importance is not None and importance <= 3:
        order = LOW_IMPORTANCE + order
    elif confidence is not None and confidence <= 4 and (importance or 0) >= 6:
        order = LOW_CONFIDENCE + order
    if ready_for_key_question(state):
        return "key_question"
    return next((tool for tool in order if tool not in state.done and tool not in later), "key_question")


def ready_for_key_question(state: MIState) -> bool:
    """Enough change talk, or talk of commitment, and both rulers asked: time to recapitulate and ask.

    Asked again only after six more turns, so that a "no" is respected.
    """
    asked_at = [int(d.split("@")[1]) for d in state.done if d.startswith("key_question@")]
    if asked_at and state.turns - asked_at[-1] < 6:
        return False
    mobilising = [q for q in state.change_quotes() if q.code in ("commitment", "activation", "taking_steps")]
    rulers = {r.name for r in state.rulers}
    committed = any(q.code == "commitment" and q.turn == state.turns for q in mobilising)
    quotes = len(state.change_quotes())
    if quotes >= 3 and state.turns >= 5 and (committed or len(mobilising) >= 2):
        return True
    if {"importance", "confidence"} <= rulers and quotes >= 2 and state.turns >= 8:
        return True
    return quotes >= 1 and state.turns >= 14


def may_ask(state: MIState, reflections_now: int) -> bool:
    """Whether a question now keeps two reflections to each.

    The first turns may ask in any case (the client is only beginning). Behind two turns without a question three
    reflections to two questions are enough, and behind three turns it is time to ask.
    """
    if state.turns <= OPENING_TURNS or state.silent_turns >= 3:
        return True
    if state.silent_turns == 2 and 2 * (state.reflections + reflections_now) >= 3 * (state.questions + 1):
        return True
    return state.reflections + reflections_now >= REFLECTIONS_PER_QUESTION * (state.questions + 1)


def summary_due(state: MIState) -> bool:
    """Whether it is time for a collecting summary: four turns since the last, and three new quotes to collect."""
    return state.since_summary >= SUMMARY_AFTER and len(state.change_quotes()) - state.summarised >= 3
