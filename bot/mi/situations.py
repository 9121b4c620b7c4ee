"""What can come up in any process: discord, swearing, not knowing, a wish for advice or facts, words not understood."""

from __future__ import annotations

from bot.mi.content import Line
from bot.mi.draft import LEAST_TOLD, Draft, Heard
from bot.mi.echo import without_questions
from bot.mi.process import follow
from bot.mi.processes import ask_topic, evoke_question, go_on


def discord(draft: Draft) -> None:
    draft.change(discord=draft.state.discord + 1, process=follow(draft.state.process, "discord"))
    draft.tell("discord.repair")
    if draft.state.discord <= 2:
        draft.ask("discord.after")
    else:
        draft.ask("offer.human", clinic=draft.clinic)


def swearing(draft: Draft) -> None:
    draft.tell("swearing.meet")
    draft.change(awaiting="", asked="")


def dont_know(draft: Draft) -> None:
    draft.change(idk=draft.state.idk + 1)
    draft.tell("dont_know.meet")
    if draft.state.idk % 3 == 2:
        draft.change(awaiting="", asked="")
        draft.tell("autonomy")
    elif draft.state.process in ("engage", "focus"):
        ask_topic(draft)
    else:
        draft.ask("dont_know.angle")


def advice(draft: Draft) -> None:
    """The client's own ideas come first; who asks a second time gets what is known."""
    again = "advice.ask_idea" in draft.state.done
    query = f"{draft.state.query} {draft.heard.text}" if again else draft.heard.text
    draft.change(query=query[-300:], topic=draft.topic)
    whole, told = draft.heard, without_questions(draft.heard.text)
    if len(told.split()) >= LEAST_TOLD and told != whole.text:  # more than the question was said
        draft.heard = Heard(told, "share")
        draft.reflect(allow=("simple", "complex"))
        draft.heard = whole
    if again or not draft.ask("advice.ask_idea"):
        information(draft)


def advice_idea(draft: Draft) -> None:
    if draft.heard.intent == "affirm":  # "yes, you can tell me": permission already
        information(draft)
        return
    reflected = draft.heard.intent not in ("dont_know", "deny") and draft.reflect()
    draft.change(query=f"{draft.state.query} {draft.heard.text}")
    wanted = reflected or draft.heard.intent in ("dont_know", "deny", "no_topic")
    if not wanted or draft.fact() is None or not draft.ask("advice.permission"):
        evoke_question(draft)


def advice_permission(draft: Draft) -> None:
    if draft.heard.intent in ("affirm", "ask_information", "ask_advice", "thanks", "ask_repeat"):
        information(draft)
    elif draft.heard.intent in ("deny", "decline_topic"):
        draft.tell("autonomy")
        evoke_question(draft)
    else:
        go_on(draft)


def information(draft: Draft) -> None:
    """Elicit-provide-elicit: one neutral fact with its source, then what the client makes of it."""
    if not draft.state.awaiting.startswith("advice.") and draft.heard.intent != "ask_advice":
        draft.change(query=draft.heard.text, topic=draft.topic)
    fact = draft.fact()
    if fact is None:
        if draft.tell("advice.no_fact") and draft.ask("advice.know"):
            return
        evoke_question(draft)
        return
    draft.change(facts=(*draft.state.facts, fact.id))
    draft.add(Line(f"{fact.text} ({fact.source})", "give_information", f"fact.{fact.id}"))
    draft.ask("advice.after")


def not_understood(draft: Draft) -> None:
    if draft.heard.words <= 3 and draft.heard.intent != "gibberish":
        draft.tell("short_answer.meet")
        draft.ask("engage.what_else") or draft.ask("dont_know.angle")
    else:
        draft.tell("not_understood")
