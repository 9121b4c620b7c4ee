"""One turn of motivational interviewing: what was heard goes in, what is said and the new state come out.

Theory of operation. `MICore.take` first notes what the client said (topics, quotes for and against change), then looks
for the one handler that fits: the question that stands (a ruler, a step of the plan, the key question …), else what
the client does (asks for advice, does not know, is annoyed), else the process (engage, focus, evoke, plan, close).
A handler adds lines to a `Draft`: first something that answers the client, then at most one question. Rule 1: no
wording is said twice in a conversation. Rule 2: in evoke, a question is only asked when two reflections stand against
it. Rule 3: with an open case (`gentle`) nothing is evoked, amplified or planned; the bot listens.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.mi import planning, processes, situations, strategy, tools
from bot.mi.content import Content
from bot.mi.draft import Draft, Heard
from bot.mi.person import Parser
from bot.mi.process import follow
from bot.mi.reflections import Reflector
from bot.mi.state import MIState

MAX_WORDS = 60
"""mi-spec: about 60 words a message."""
QUESTIONS = ("open_question", "closed_question", "seek_permission")
Handler = Callable[[Draft], None]
BY_QUESTION: Mapping[str, Handler] = {
    **{
        f"{ruler}.{step}": tools.ruler_answer
        for ruler in ("importance", "confidence", "readiness")
        for step in ("ask", "reask", "why_not_lower", "what_up", "at_zero_ask")
    },
    **{move: planning.plan_answer for _, move in strategy.PLAN_STEPS},
    "plan.confidence": planning.plan_confidence,
    "plan.revise": planning.plan_revised,
    "plan.change_anything": planning.plan_changed,
    "key_question": planning.key_question,
    "evoke.step_thought": planning.step_thought,
    "offer.after_plan": planning.offer_answer,
    "offer.human": planning.offer_answer,
    "focus.ask_topic": processes.topic_answer,
    "focus.agenda": processes.topic_answer,
    "focus.switch": processes.topic_answer,
    "evoke.values_ask": tools.values_answer,
    "advice.ask_idea": situations.advice_idea,
    "advice.permission": situations.advice_permission,
}
"""Who takes the answer to which question."""
BY_INTENT: Mapping[str, Handler] = {
    "discord": situations.discord,
    "ask_advice": situations.advice,
    "ask_information": situations.information,
    "dont_know": situations.dont_know,
    "no_topic": situations.dont_know,
    "swearing": situations.swearing,
    "gibberish": situations.not_understood,
    "decline_appointment": planning.no_appointment,
}
FIRST_OF_ALL = ("discord", "gibberish", "swearing", "decline_appointment")
"""Intents that come before a question that stands."""


@dataclass(frozen=True)
class Say:
    """One message: its words, the moves it makes ("act:move"), and what to show with it."""

    text: str
    moves: tuple[str, ...]
    ruler: str | None = None
    buttons: tuple[str, ...] = ()
    card: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Turn:
    """`wants` is "appointment" when the client said yes to seeing times, else ""."""

    state: MIState
    says: tuple[Say, ...]
    wants: str = ""


class MICore:
    """The counsellor. Pure: the same state, message and random seed give the same turn."""

    def __init__(self, content: Content, reflector: Reflector, parse: Parser) -> None:
        self.content = content
        self.reflector = reflector
        self._parse = parse

    def _draft(
        self, state: MIState, rng: random.Random, heard: Heard | None = None, gentle: bool = False, clinic: str = ""
    ) -> Draft:
        heard = heard or Heard("")
        return Draft(self.content, self.reflector, self._parse, state, heard, rng, gentle, clinic)

    def open(self, state: MIState, *, rng: random.Random, clinic: str = "the clinic") -> Turn:
        """The first question of a conversation."""
        draft = self._draft(state, rng, clinic=clinic)
        draft.ask("engage.open")
        return _finish(draft)

    def welcome_back(self, state: MIState, *, rng: random.Random, clinic: str = "the clinic") -> Turn:
        """After half a day or more away: where it stood (the first step, else what the client last said for the
        change, else the topic), and an open question."""
        draft = self._draft(replace(state, silent_turns=0), rng, clinic=clinic)
        first_step, quotes = state.plan.get("first_step"), state.change_quotes()
        asked = bool(first_step) and draft.ask("return.plan", quote=str(first_step))
        asked = asked or (bool(quotes) and draft.ask("return.quote", quote=quotes[-1].text))
        if not asked and not draft.ask("return.welcome"):
            draft.ask("engage.open")
        return _finish(draft)

    def resume(self, state: MIState, *, rng: random.Random) -> Turn:
        """The question that stood before a digression, asked again in its own words; nothing when none stood."""
        if not state.asked:
            return Turn(state, ())
        ruler = state.awaiting.split(".")[0] if state.awaiting.endswith(".ask") else None
        return Turn(state, (Say(state.asked, (f"open_question:{state.awaiting}",), ruler=ruler),))

    def set_aside(self, state: MIState, *, rng: random.Random) -> Turn:
        """The client does not want to talk about this: accepted, and the lead handed over."""
        draft = self._draft(replace(state, turns=state.turns + 1), rng)
        draft.tell("decline.accept")
        if draft.state.process not in ("engage", "focus"):
            draft.change(process=follow("evoke", "topic_changed"), plan={})
        draft.ask("focus.switch") or draft.ask("focus.ask_topic")
        return _finish(draft)

    def summarise(self, state: MIState, *, rng: random.Random) -> Turn:
        """A summary on request; says plainly when there is nothing to sum up yet."""
        draft = self._draft(state, rng)
        if not draft.summary(since=0):
            draft.tell("summary.nothing_yet")
        return _finish(draft)

    def show_plan(self, state: MIState, *, rng: random.Random) -> Turn:
        """The plan as it stands, or a word that there is none yet."""
        draft = self._draft(state, rng)
        if state.plan:
            draft.show_plan()
        else:
            draft.tell("plan.none_yet")
        return replace(_finish(draft), state=replace(draft.state, awaiting=state.awaiting, asked=state.asked))

    def take(
        self, state: MIState, heard: Heard, *, rng: random.Random, gentle: bool = False, clinic: str = "the clinic"
    ) -> Turn:
        """Answers one message of the client."""
        if self.content.hears("discord", heard.text):
            heard = replace(heard, intent="discord")
        if heard.intent == "ask_advice" and not self.content.hears("asks_advice", heard.text):
            heard = replace(heard, intent="share")
        draft = self._draft(replace(state, turns=state.turns + 1), rng, heard, gentle, clinic)
        draft.note()
        _handler(draft)(draft)
        if not draft.lines:
            situations.not_understood(draft)
        return _finish(draft)


def _handler(draft: Draft) -> Handler:
    state, intent = draft.state, draft.heard.intent
    if intent in FIRST_OF_ALL:
        return BY_INTENT[intent]
    if draft.gentle:
        return processes.listen
    if (
        state.process == "evoke"
        and not state.awaiting.endswith((".ask", ".reask"))
        and draft.state.awaiting.split(".")[0] != "plan"
        and tools.gives_a_number(draft)
    ):
        return tools.number_volunteered
    if state.awaiting in BY_QUESTION and intent not in ("ask_advice", "ask_information"):
        return BY_QUESTION[state.awaiting]
    if intent in BY_INTENT:
        return BY_INTENT[intent]
    if intent == "choose_topic" and state.process in ("evoke", "plan", "close") and processes.named_other(draft):
        return processes.switch
    return processes.go_on


def _finish(draft: Draft) -> Turn:
    """Counts what was said and makes messages of the lines."""
    state = draft.state
    acts = [line.act for line in draft.lines]
    reflections = sum("reflection" in act for act in acts) + ("summary" in acts)
    questions = sum(line.act in QUESTIONS and "?" in line.text for line in draft.lines)
    counted = state.process == "evoke"
    state = replace(
        state,
        reflections=state.reflections + (reflections if counted else 0),
        questions=state.questions + (questions if counted else 0),
        silent_turns=0 if questions else state.silent_turns + 1,
    )
    if not questions and not draft.ruler:
        state = replace(state, awaiting="", asked="")
    return Turn(state, _messages(draft), draft.wants)


def _messages(draft: Draft) -> tuple[Say, ...]:
    """The lines as one message, or two where one would be longer than MAX_WORDS."""
    if not draft.lines:
        return ()
    texts = [line.text for line in draft.lines]
    cut = len(texts)
    if sum(len(t.split()) for t in texts) > MAX_WORDS and len(texts) > 1:
        cut = len(texts) - 1
    groups = [draft.lines[:cut], draft.lines[cut:]]
    says = [
        Say(" ".join(line.text for line in group), tuple(f"{line.act}:{line.move}" for line in group))
        for group in groups
        if group
    ]
    says[-1] = replace(says[-1], ruler=draft.ruler, buttons=draft.buttons)
    if draft.card:
        says[0] = replace(says[0], card=draft.card)
    return tuple(says)
