"""From the key question to the plan and the offer of an appointment: step by step, in the client's words."""

from __future__ import annotations

from bot.mi import strategy
from bot.mi.draft import LEAST_TOLD, TALK_INTENTS, Draft
from bot.mi.plan import PLAN_WORDS_FOR_NONE, first_person
from bot.mi.process import follow
from bot.mi.processes import evoke_question, go_on
from bot.mi.rulers import begins_with_number, read_number
from bot.mi.summaries import joined

SHORT_NUMBER = 9
"""Words: a message so short that begins with a number says how sure the client is, and is no step of a plan."""


def key_question(draft: Draft) -> None:
    """Change talk begins the plan; an answer without direction is asked for a first step; else it is theirs."""
    talk, intent = draft.heard.talk, draft.heard.intent
    if intent in ("deny", "dont_know", "sustain_talk") or talk == "sustain":
        draft.reflect()
        draft.tell("autonomy")
        evoke_question(draft)
    elif talk == "change" or intent in ("change_talk", "affirm"):
        begin_plan(draft)
    else:
        draft.reflect()
        if not draft.ask("evoke.step_thought"):
            evoke_question(draft)


def step_thought(draft: Draft) -> None:
    """A first idea of what to do: the plan begins with it."""
    refused = draft.heard.intent in ("deny", "dont_know", "sustain_talk")
    if refused or draft.heard.talk == "sustain" or draft.heard.words < 3:
        go_on(draft)
    else:
        begin_plan(draft)


def begin_plan(draft: Draft) -> None:
    draft.reflect()
    draft.tell("plan.intro")
    if draft.state.process != "plan":
        draft.change(process=follow(draft.state.process, "ready"))
    next_plan_step(draft)


def next_plan_step(draft: Draft) -> None:
    for name, move in strategy.PLAN_STEPS:
        skip = name == "if_then" and draft.state.plan.get("obstacle", "") == ""
        if name in draft.state.plan or (skip and "obstacle" in draft.state.plan):
            continue
        quote = draft.state.plan.get("obstacle", "")
        if draft.ask(move, **({"quote": quote} if quote else {})):
            return
    if draft.ask("plan.confidence", ruler="confidence"):
        return
    show_plan(draft)


def plan_answer(draft: Draft) -> None:
    name = next(name for name, move in strategy.PLAN_STEPS if move == draft.state.awaiting)
    heard = draft.heard
    if heard.talk == "sustain" and heard.intent == "sustain_talk" and name in ("change", "first_step"):
        draft.change(process=follow("plan", "not_ready"), awaiting="")
        draft.reflect()
        draft.tell("autonomy")
        evoke_question(draft)
        return
    number = read_number(heard.text)
    if number is not None and name != "when" and heard.words <= SHORT_NUMBER and begins_with_number(heard.text):
        draft.rate("confidence", number)
        draft.tell("ruler.number", n=str(number))
        draft.ask_again()
        return
    empty = heard.intent in ("dont_know", "deny") or heard.text.lower().strip(" .!") in PLAN_WORDS_FOR_NONE
    if empty and name in ("change", "first_step") and f"again:{name}" not in draft.state.done:
        draft.change(done=(*draft.state.done, f"again:{name}"))
        draft.tell("dont_know.meet")
        draft.ask("evoke.step_thought")
        draft.change(awaiting=strategy.PLAN_STEPS[0 if name == "change" else 1][1])
        return
    if empty:
        draft.tell("plan.skip")
    draft.change(plan={**draft.state.plan, name: "" if empty else first_person(heard.text)})
    if name in ("change", "obstacle") and not empty:
        draft.reflect(allow=("simple", "complex"))
    next_plan_step(draft)


def plan_confidence(draft: Draft) -> None:
    n = read_number(draft.heard.text)
    if n is None:
        show_plan(draft)
        return
    draft.rate("confidence", n)
    draft.change(plan={**draft.state.plan, "confidence": str(n)})
    if n < 7 and draft.ask("plan.revise", n=str(n)):
        return
    show_plan(draft)


def show_plan(draft: Draft) -> None:
    why = [q.text for q in draft.state.change_quotes() if q.code in ("reason", "desire", "need")][-2:]
    draft.change(plan={**draft.state.plan, "why": joined([first_person(w, turned=True) for w in why])})
    draft.show_plan()
    draft.ask("plan.change_anything")


def plan_revised(draft: Draft) -> None:
    if draft.heard.intent not in ("dont_know", "deny", "affirm") and draft.heard.words >= 2:
        step = first_person(draft.heard.text)
        draft.change(plan={**draft.state.plan, "easier": step})
    show_plan(draft)


def plan_changed(draft: Draft) -> None:
    if draft.heard.intent not in ("deny", "thanks", "affirm", "dont_know") and draft.heard.words >= 3:
        draft.change(plan={**draft.state.plan, "also": first_person(draft.heard.text)})
    if draft.state.process == "plan":
        draft.change(process=follow("plan", "planned"))
    draft.tell("plan.keep")
    draft.affirm(force="affirm.thought_through")
    draft.ask("offer.after_plan")


def offer_answer(draft: Draft) -> None:
    intent, short = draft.heard.intent, draft.heard.words <= LEAST_TOLD
    if intent in ("affirm", "book_appointment", "ask_human", "choose_time") or (intent == "change_talk" and short):
        draft.wants = "appointment"
        draft.change(awaiting="", asked="")
        draft.tell("offer.accepted")
    elif intent in TALK_INTENTS and not short:  # the client goes on with their story
        go_on(draft)
    else:
        draft.tell("offer.declined")
        if draft.state.process == "close":
            draft.tell("close.session")


def no_appointment(draft: Draft) -> None:
    """No appointment: accepted at once, and the question that stood still stands."""
    draft.tell("offer.declined")
    if draft.state.awaiting.startswith("offer.") or not draft.state.asked:
        if draft.state.process == "close":
            draft.tell("close.session")
        return
    draft.ask_again()
