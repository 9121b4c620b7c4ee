"""The processes of a conversation (engage, focus, evoke, close): what each does, and which question comes next."""

from __future__ import annotations

from bot.mi import strategy
from bot.mi.content import capitalised
from bot.mi.draft import TALK_INTENTS, Draft
from bot.mi.process import follow

SUMMARY_FRESH = 2
"""So many turns after a summary the key question comes without another."""


def go_on(draft: Draft) -> None:
    """What the process does with a message that nothing else takes."""
    _BY_PROCESS[draft.state.process](draft)


def engage(draft: Draft) -> None:
    state = draft.state
    draft.reflect()
    if state.topic:  # back here after discord
        draft.change(process=follow("engage", "topic_named"))
        evoke_question(draft)
    elif len(state.topics) >= 2 and "focus.agenda" not in state.done:
        draft.change(process=follow("engage", "topic_open"))
        draft.ask("focus.agenda")
        draft.buttons = tuple(capitalised(draft.content.topics[t].label) for t in state.topics[:4])
    elif state.topics:
        draft.change(topic=state.topics[0], process=follow("engage", "topic_named"))
        evoke_question(draft)
    elif state.turns <= 2 and draft.heard.words >= 3:
        draft.ask("engage.more")
    else:
        draft.change(process=follow("engage", "topic_open"))
        ask_topic(draft)


def topic_answer(draft: Draft) -> None:
    named = draft.content.topics_in(draft.heard.text)
    if named:
        topic, words = named[0], ""
    elif draft.state.awaiting == "focus.agenda" and draft.state.topics:
        topic, words = draft.state.topics[0], ""
    elif draft.heard.words >= 2 and draft.heard.intent not in ("dont_know", "no_topic", "deny", "affirm"):
        topic, words = "other", draft.heard.text[:120]
    elif "focus.ask_topic" in draft.state.done and draft.state.idk >= 1:
        topic, words = "other", ""
    else:
        draft.change(idk=draft.state.idk + 1)
        draft.tell("dont_know.meet")
        ask_topic(draft)
        return
    if draft.state.process == "focus":
        draft.change(process=follow("focus", "topic_named"))
    draft.change(topic=topic, topic_words=words, idk=0)
    draft.reflect()
    evoke_question(draft)


def ask_topic(draft: Draft) -> None:
    draft.ask("focus.ask_topic")
    labels = [draft.content.topics[t].label for t in ("drinking", "smoking", "mood", "sleep", "movement")]
    draft.buttons = (*(capitalised(label) for label in labels), "Something else")


def switch(draft: Draft) -> None:
    draft.change(process=follow(draft.state.process, "topic_changed"), plan={}, awaiting="")
    topic_answer(draft)


def evoke(draft: Draft) -> None:
    if draft.state.process == "plan":
        draft.change(process=follow("plan", "not_ready"))
    ready = strategy.ready_for_key_question(draft.state)
    if not ready and strategy.summary_due(draft.state) and draft.summary(since=draft.state.summarised):
        return
    if draft.state.awaiting == "summary.close" and draft.content.hears("confirms", draft.heard.text):
        draft.tell("summary.confirmed")
    elif not draft.reflect():
        draft.acknowledge()
    draft.affirm()
    if draft.heard.talk == "sustain" and draft.state.turns % 3 == 0:
        draft.tell("autonomy")
    draft.link()
    evoke_question(draft)


def after_the_end(draft: Draft) -> None:
    draft.reflect()
    if draft.heard.intent in TALK_INTENTS and draft.heard.words >= 4:
        draft.change(process=follow("close", "more_to_say"))
        evoke_question(draft)
    elif not draft.lines:
        draft.tell("close.session")


def listen(draft: Draft) -> None:
    """With an open case: a reflection, or a word that it was heard, and room to say more. Nothing is evoked."""
    if not draft.reflect(allow=("simple", "complex")):
        draft.tell("short_answer.meet" if draft.heard.words <= 5 else "listen.heard")
    if draft.state.turns % 2 == 0 and draft.heard.words > 5:
        draft.tell("tell_more")
    draft.change(awaiting="", asked="")


def evoke_question(draft: Draft) -> None:
    reflections_now = sum("reflection" in line.act or line.act == "summary" for line in draft.lines)
    waiting = draft.heard.words <= 3 and not reflections_now  # little was said, and little can be said back
    recaps = strategy.ready_for_key_question(draft.state) and draft.state.since_summary > SUMMARY_FRESH
    if not waiting and draft.lines and not strategy.may_ask(draft.state, reflections_now + recaps):
        draft.change(awaiting="", asked="")
        return
    topic = draft.content.topics[draft.state.topic or "other"]
    later = () if reflections_now and draft.heard.talk != "neutral" else strategy.FOLLOW_UPS
    for _ in range(4):  # a tool whose wordings are used up is passed over
        tool = strategy.next_question(draft.state, topic.kind, later)
        if tool == "key_question":
            recapitulate(draft)
            return
        if draft.ask(tool):
            return
        draft.change(done=(*draft.state.done, tool))


def recapitulate(draft: Draft) -> None:
    """The transitional summary and the key question; the question alone where a summary has just been given."""
    if draft.state.since_summary > SUMMARY_FRESH:
        draft.lines.clear()
        draft.summary(since=0, opener="transition.open", closing=False)
    draft.ask("key_question")
    draft.change(done=(*draft.state.done, f"key_question@{draft.state.turns}"))


def named_other(draft: Draft) -> bool:
    named = draft.content.topics_in(draft.heard.text)
    return bool(named) and draft.state.topic not in named


_BY_PROCESS = {"engage": engage, "focus": topic_answer, "evoke": evoke, "plan": evoke, "close": after_the_end}
