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
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from bot.mi import strategy
from bot.mi.client_language import ClientLanguage
from bot.mi.content import Content, Fact, Line, capitalised
from bot.mi.echo import SHORT_ANSWERS, echo, noun_answer, without_questions
from bot.mi.person import Parser
from bot.mi.plan import PLAN_WORDS_FOR_NONE, first_person
from bot.mi.process import follow
from bot.mi.reflections import Reflection, Scored
from bot.mi.rulers import higher_of, lower_of, read_number, volunteered
from bot.mi.state import MIState, Quote, RulerValue
from bot.mi.summaries import joined, quotes_for_summary

MAX_WORDS = 60
"""mi-spec: about 60 words a message."""
RECENT = 18
"""Things said in about five turns: so long an opening is not used again."""
FRESH_FRAMES = 5
SURE_ENOUGH_TO_QUOTE = 0.55
"""A quote comes back in links, summaries and the plan: what it speaks for has to be clear."""
TURNS_BETWEEN_LINKS = 4
LEAST_TOLD = 5
"""Words beside a question that are worth a reflection of their own."""
QUESTIONS = ("open_question", "closed_question", "seek_permission")
TALK_INTENTS = ("change_talk", "sustain_talk", "ambivalence", "share")


class Reflects(Protocol):
    """What this module needs of `bot.mi.reflections.Reflector`."""

    def reflect(
        self,
        text: str,
        *,
        language: ClientLanguage | None = None,
        topic: str | None = None,
        previous: str | None = None,
        said: Collection[str] = (),
        frames_used: Sequence[str] = (),
        allow: Collection[str] = (),
        prefer: Collection[str] = (),
        rng: random.Random,
    ) -> Reflection | None: ...

    def candidates(
        self,
        text: str,
        *,
        language: ClientLanguage | None = None,
        topic: str | None = None,
        previous: str | None = None,
        said: Collection[str] = (),
        frames_used: Sequence[str] = (),
        allow: Collection[str] = (),
    ) -> list[Scored]: ...

    def said_back(self, text: str) -> Reflection | None: ...

    def quote(self, text: str, language: ClientLanguage | None = None) -> str | None: ...


@dataclass(frozen=True)
class Heard:
    """What the NLU made of one message."""

    text: str
    intent: str = "share"
    language: ClientLanguage | None = None

    @property
    def talk(self) -> str:
        return self.language.talk if self.language else "neutral"

    @property
    def words(self) -> int:
        return len(self.text.split())


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


@dataclass
class Draft:
    """A turn in the making."""

    state: MIState
    heard: Heard
    rng: random.Random
    gentle: bool
    clinic: str
    lines: list[Line] = field(default_factory=list)
    ruler: str | None = None
    buttons: tuple[str, ...] = ()
    card: Mapping[str, str] | None = None
    wants: str = ""

    def change(self, **values: Any) -> None:
        self.state = replace(self.state, **values)

    def add(self, line: Line) -> None:
        said = (*self.state.said, line.variant or sentence_id(line.text))[-400:]
        self.lines.append(line)
        self.change(said=said)


def sentence_id(text: str) -> str:
    """How a composed sentence is remembered, so that it is not said again."""
    return f"{zlib.crc32(text.lower().encode()):08x}"


class MICore:
    """The counsellor. Pure: the same state, message and random seed give the same turn."""

    def __init__(self, content: Content, reflector: Reflects, parse: Parser) -> None:
        self.content = content
        self.reflector = reflector
        self._parse = parse
        self._by_question: dict[str, Callable[[Draft], None]] = {
            **{f"{r}.{step}": self._ruler for r in ("importance", "confidence", "readiness") for step in _RULER_STEPS},
            **{move: self._plan_answer for _, move in strategy.PLAN_STEPS},
            "plan.confidence": self._plan_confidence,
            "plan.revise": self._plan_revised,
            "plan.change_anything": self._plan_changed,
            "key_question": self._key_question,
            "focus.ask_topic": self._topic_answer,
            "focus.agenda": self._topic_answer,
            "focus.switch": self._topic_answer,
            "advice.ask_idea": self._advice_idea,
            "advice.permission": self._advice_permission,
            "offer.after_plan": self._offer_answer,
            "offer.human": self._offer_answer,
            "evoke.values_ask": self._values_answer,
            "evoke.step_thought": self._step_thought,
        }
        self._by_intent: dict[str, Callable[[Draft], None]] = {
            "discord": self._discord,
            "ask_advice": self._advice,
            "ask_information": self._information,
            "dont_know": self._dont_know,
            "no_topic": self._dont_know,
            "swearing": self._swearing,
            "gibberish": self._not_understood,
            "decline_appointment": self._no_appointment,
        }
        self._by_process: dict[str, Callable[[Draft], None]] = {
            "engage": self._engage,
            "focus": self._topic_answer,
            "evoke": self._evoke,
            "plan": self._evoke,
            "close": self._close,
        }

    # -- entries ---------------------------------------------------------------------------------------------------

    def open(self, state: MIState, *, rng: random.Random, clinic: str = "the clinic") -> Turn:
        """The first question of a conversation."""
        draft = Draft(state, Heard(""), rng, False, clinic)
        self._ask(draft, "engage.open")
        return self._finish(draft)

    def welcome_back(self, state: MIState, *, rng: random.Random, clinic: str = "the clinic") -> Turn:
        """After half a day or more away: where it stood (the first step, else what the client last said for the
        change, else the topic), and an open question."""
        draft = Draft(replace(state, silent_turns=0), Heard(""), rng, False, clinic)
        first_step, quotes = state.plan.get("first_step"), state.change_quotes()
        asked = bool(first_step) and self._ask(draft, "return.plan", quote=str(first_step))
        asked = asked or (bool(quotes) and self._ask(draft, "return.quote", quote=quotes[-1].text))
        if not asked and not self._ask(draft, "return.welcome"):
            self._ask(draft, "engage.open")
        return self._finish(draft)

    def resume(self, state: MIState, *, rng: random.Random) -> Turn:
        """The question that stood before a digression, asked again in its own words; nothing when none stood."""
        if not state.asked:
            return Turn(state, ())
        ruler = state.awaiting.split(".")[0] if state.awaiting.endswith(".ask") else None
        return Turn(state, (Say(state.asked, (f"open_question:{state.awaiting}",), ruler=ruler),))

    def set_aside(self, state: MIState, *, rng: random.Random) -> Turn:
        """The client does not want to talk about this: accepted, and the lead handed over."""
        draft = Draft(replace(state, turns=state.turns + 1), Heard(""), rng, False, "")
        self._tell(draft, "decline.accept")
        if draft.state.process not in ("engage", "focus"):
            draft.change(process=follow("evoke", "topic_changed"), plan={})
        self._ask(draft, "focus.switch") or self._ask(draft, "focus.ask_topic")
        return self._finish(draft)

    def summarise(self, state: MIState, *, rng: random.Random) -> Turn:
        """A summary on request; says plainly when there is nothing to sum up yet."""
        draft = Draft(state, Heard(""), rng, False, "")
        if not self._summary(draft, since=0):
            self._tell(draft, "summary.nothing_yet")
        return self._finish(draft)

    def show_plan(self, state: MIState, *, rng: random.Random) -> Turn:
        """The plan as it stands, or a word that there is none yet."""
        draft = Draft(state, Heard(""), rng, False, "")
        if state.plan:
            self._tell(draft, "plan.show")
            draft.card = {k: v for k, v in state.plan.items() if v}
        else:
            self._tell(draft, "plan.none_yet")
        return replace(self._finish(draft), state=replace(draft.state, awaiting=state.awaiting, asked=state.asked))

    def take(
        self, state: MIState, heard: Heard, *, rng: random.Random, gentle: bool = False, clinic: str = "the clinic"
    ) -> Turn:
        """Answers one message of the client."""
        if heard.intent == "ask_advice" and not _ASKS_ADVICE.search(heard.text):
            heard = replace(heard, intent="share")
        draft = Draft(replace(state, turns=state.turns + 1), heard, rng, gentle, clinic)
        self._note(draft)
        self._handler(draft)(draft)
        if not draft.lines:
            self._not_understood(draft)
        return self._finish(draft)

    def _handler(self, draft: Draft) -> Callable[[Draft], None]:
        state, intent = draft.state, draft.heard.intent
        if intent in ("discord", "gibberish", "swearing", "decline_appointment"):
            return self._by_intent[intent]
        if draft.gentle:
            return self._listen
        if (
            state.process == "evoke"
            and not state.awaiting.endswith((".ask", ".reask"))
            and draft.state.awaiting.split(".")[0] != "plan"
            and volunteered(draft.heard.text, intent == "ruler_answer") is not None
        ):
            return self._volunteered
        if state.awaiting in self._by_question and intent not in ("ask_advice", "ask_information"):
            return self._by_question[state.awaiting]
        if intent in self._by_intent:
            return self._by_intent[intent]
        if intent == "choose_topic" and state.process in ("evoke", "plan", "close") and self._named_other(draft):
            return self._switch
        return self._by_process[state.process]

    # -- noting what was said --------------------------------------------------------------------------------------

    def _note(self, draft: Draft) -> None:
        state, heard = draft.state, draft.heard
        named = [t for t in self.content.topics_in(heard.text) if t not in state.topics]
        quotes = list(state.quotes)
        sure = heard.language is not None and heard.language.confidence >= SURE_ENOUGH_TO_QUOTE
        sure = sure and (heard.intent in TALK_INTENTS or heard.words >= 8)
        for span in heard.language.codes[:3] if heard.language and sure else ():
            clause = clause_around(heard.text, span.start, span.end)
            if span.code == "other" or len(clause.split()) < 3:
                continue
            quote = self.reflector.quote(clause)
            if quote and 4 <= len(quote.split()) <= 22 and quote not in {q.text for q in quotes}:
                quotes.append(Quote(quote, span.sign, span.code, state.turns))
        draft.change(topics=(*state.topics, *named), quotes=tuple(quotes[-60:]), since_summary=state.since_summary + 1)

    def _named_other(self, draft: Draft) -> bool:
        named = self.content.topics_in(draft.heard.text)
        return bool(named) and draft.state.topic not in named

    # -- the processes ---------------------------------------------------------------------------------------------

    def _engage(self, draft: Draft) -> None:
        state = draft.state
        self._reflect(draft)
        if state.topic:  # back here after discord
            draft.change(process=follow("engage", "topic_named"))
            self._evoke_question(draft)
        elif len(state.topics) >= 2 and "focus.agenda" not in state.done:
            draft.change(process=follow("engage", "topic_open"))
            self._ask(draft, "focus.agenda")
            draft.buttons = tuple(capitalised(self.content.topics[t].label) for t in state.topics[:4])
        elif state.topics:
            draft.change(topic=state.topics[0], process=follow("engage", "topic_named"))
            self._evoke_question(draft)
        elif state.turns <= 2 and draft.heard.words >= 3:
            self._ask(draft, "engage.more")
        else:
            draft.change(process=follow("engage", "topic_open"))
            self._ask_topic(draft)

    def _topic_answer(self, draft: Draft) -> None:
        named = self.content.topics_in(draft.heard.text)
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
            self._tell(draft, "dont_know.meet")
            self._ask_topic(draft)
            return
        if draft.state.process == "focus":
            draft.change(process=follow("focus", "topic_named"))
        draft.change(topic=topic, topic_words=words, idk=0)
        self._reflect(draft)
        self._evoke_question(draft)

    def _switch(self, draft: Draft) -> None:
        draft.change(process=follow(draft.state.process, "topic_changed"), plan={}, awaiting="")
        self._topic_answer(draft)

    def _evoke(self, draft: Draft) -> None:
        if draft.state.process == "plan":
            draft.change(process=follow("plan", "not_ready"))
        ready = strategy.ready_for_key_question(draft.state)
        if not ready and strategy.summary_due(draft.state) and self._summary(draft, since=draft.state.summarised):
            return
        self._reflect(draft)
        self._affirm(draft)
        if draft.heard.talk == "sustain" and draft.state.turns % 3 == 0:
            self._tell(draft, "autonomy")
        self._link(draft)
        self._evoke_question(draft)

    def _close(self, draft: Draft) -> None:
        self._reflect(draft)
        if draft.heard.intent in TALK_INTENTS and draft.heard.words >= 4:
            draft.change(process=follow("close", "more_to_say"))
            self._evoke_question(draft)
        elif not draft.lines:
            self._tell(draft, "close.session")

    def _listen(self, draft: Draft) -> None:
        """With an open case: a reflection, or a word that it was heard, and room to say more. Nothing is evoked."""
        if not self._reflect(draft, allow=("simple", "complex")):
            self._tell(draft, "short_answer.meet" if draft.heard.words <= 5 else "listen.heard")
        if draft.state.turns % 2 == 0 and draft.heard.words > 5:
            self._tell(draft, "tell_more")
        draft.change(awaiting="", asked="")

    # -- questions of evoking --------------------------------------------------------------------------------------

    def _evoke_question(self, draft: Draft) -> None:
        reflections_now = sum("reflection" in line.act or line.act == "summary" for line in draft.lines)
        waiting = draft.heard.words <= 3 and not reflections_now  # little was said, and little can be said back
        if not waiting and draft.lines and not strategy.may_ask(draft.state, reflections_now):
            draft.change(awaiting="", asked="")
            return
        topic = self.content.topics[draft.state.topic or "other"]
        for _ in range(4):  # a tool whose wordings are used up is passed over
            later = () if reflections_now and draft.heard.talk != "neutral" else strategy.FOLLOW_UPS
            tool = strategy.next_question(draft.state, topic.kind, later)
            if tool == "key_question":
                self._recapitulate(draft)
                return
            if self._ask(draft, tool):
                return
            draft.change(done=(*draft.state.done, tool))

    def _recapitulate(self, draft: Draft) -> None:
        """The transitional summary and the key question; the question alone where a summary has just been given."""
        if draft.state.since_summary > 2:
            draft.lines.clear()
            self._summary(draft, since=0, opener="transition.open", closing=False)
        self._ask(draft, "key_question")
        draft.change(done=(*draft.state.done, f"key_question@{draft.state.turns}"))

    def _key_question(self, draft: Draft) -> None:
        """Change talk begins the plan; an answer without direction is asked for a first step; else it is theirs."""
        talk, intent = draft.heard.talk, draft.heard.intent
        if intent in ("deny", "dont_know", "sustain_talk") or talk == "sustain":
            self._reflect(draft)
            self._tell(draft, "autonomy")
            self._evoke_question(draft)
        elif talk == "change" or intent in ("change_talk", "affirm"):
            self._begin_plan(draft)
        else:
            self._reflect(draft)
            if not self._ask(draft, "evoke.step_thought"):
                self._evoke_question(draft)

    def _step_thought(self, draft: Draft) -> None:
        """A first idea of what to do: the plan begins with it."""
        refused = draft.heard.intent in ("deny", "dont_know", "sustain_talk")
        if refused or draft.heard.talk == "sustain" or draft.heard.words < 3:
            self._by_process[draft.state.process](draft)
        else:
            self._begin_plan(draft)

    def _begin_plan(self, draft: Draft) -> None:
        self._reflect(draft)
        self._tell(draft, "plan.intro")
        if draft.state.process != "plan":
            draft.change(process=follow(draft.state.process, "ready"))
        self._next_plan_step(draft)

    def _values_answer(self, draft: Draft) -> None:
        if draft.heard.intent in ("dont_know", "deny"):
            self._dont_know(draft)
            return
        value = noun_answer(draft.heard.text, self._parse)
        if value and not _SPEAKS_OF_TIME.search(draft.heard.text):
            draft.change(values=(*draft.state.values, value))
            self._reflect(draft)
            if self._ask(draft, "evoke.values_fit", value=value):
                return
        self._evoke(draft)

    # -- rulers ----------------------------------------------------------------------------------------------------

    def _ruler(self, draft: Draft) -> None:
        name, step = draft.state.awaiting.split(".", 1)
        if step in ("ask", "reask"):
            self._ruler_number(draft, name, step)
        elif step == "why_not_lower" and (draft.state.ruler(name) or 0) < 10:
            n = draft.state.ruler(name) or 0
            if draft.heard.intent == "dont_know":
                self._tell(draft, "dont_know.meet")
            self._reflect(draft)
            self._affirm(draft)
            if not self._ask(draft, f"{name}.what_up", n=str(n), higher=str(higher_of(n))):
                self._evoke_question(draft)
        else:
            self._evoke(draft)

    def _volunteered(self, draft: Draft) -> None:
        asked = next((r for r in ("importance", "confidence") if f"{r}.ask" not in draft.state.done), "confidence")
        name = volunteered(draft.heard.text) or asked
        draft.change(done=(*draft.state.done, f"{name}.ask"))
        self._ruler_number(draft, name, "ask")

    def _ruler_number(self, draft: Draft, name: str, step: str) -> None:
        n = read_number(draft.heard.text)
        if n is None and draft.heard.words > 4 and draft.heard.intent not in ("dont_know", "deny"):
            self._evoke(draft)  # the client had something else to say, and that comes first
            return
        if n is None:
            if step == "ask" and draft.heard.intent != "deny":
                self._ask(draft, f"{name}.reask", ruler=name)
            else:
                self._tell(draft, f"{name}.no_number")
                draft.change(rulers=(*draft.state.rulers, RulerValue(name, 5, -1)))
                self._evoke_question(draft)
            return
        draft.change(rulers=(*draft.state.rulers, RulerValue(name, n, draft.state.turns)))
        if draft.heard.words <= 6 or not self._reflect(draft):
            self._tell(draft, "ruler.number", n=str(n))
        if n == 0:
            self._tell(draft, f"{name}.at_zero")
            self._ask(draft, f"{name}.at_zero_ask")
        elif n == 10:
            self._tell(draft, f"{name}.at_ten")
            self._evoke_question(draft)
        else:
            self._ask(draft, f"{name}.why_not_lower", n=str(n), lower=str(lower_of(n)))

    # -- the plan --------------------------------------------------------------------------------------------------

    def _next_plan_step(self, draft: Draft) -> None:
        for name, move in strategy.PLAN_STEPS:
            skip = name == "if_then" and draft.state.plan.get("obstacle", "") == ""
            if name in draft.state.plan or (skip and "obstacle" in draft.state.plan):
                continue
            quote = draft.state.plan.get("obstacle", "")
            if self._ask(draft, move, **({"quote": quote} if quote else {})):
                return
        if self._ask(draft, "plan.confidence", ruler="confidence"):
            return
        self._show_plan(draft)

    def _plan_answer(self, draft: Draft) -> None:
        name = next(name for name, move in strategy.PLAN_STEPS if move == draft.state.awaiting)
        heard = draft.heard
        if heard.talk == "sustain" and heard.intent == "sustain_talk" and name in ("change", "first_step"):
            draft.change(process=follow("plan", "not_ready"), awaiting="")
            self._reflect(draft)
            self._tell(draft, "autonomy")
            self._evoke_question(draft)
            return
        empty = heard.intent in ("dont_know", "deny") or heard.text.lower().strip(" .!") in PLAN_WORDS_FOR_NONE
        if empty and name in ("change", "first_step") and f"again:{name}" not in draft.state.done:
            draft.change(done=(*draft.state.done, f"again:{name}"))
            self._tell(draft, "dont_know.meet")
            self._ask(draft, "evoke.step_thought")
            draft.change(awaiting=strategy.PLAN_STEPS[0 if name == "change" else 1][1])
            return
        if empty:
            self._tell(draft, "plan.skip")
        draft.change(plan={**draft.state.plan, name: "" if empty else first_person(heard.text)})
        if name in ("change", "obstacle") and not empty:
            self._reflect(draft, allow=("simple", "complex"))
        self._next_plan_step(draft)

    def _plan_confidence(self, draft: Draft) -> None:
        n = read_number(draft.heard.text)
        if n is None:
            self._show_plan(draft)
            return
        draft.change(
            rulers=(*draft.state.rulers, RulerValue("confidence", n, draft.state.turns)),
            plan={**draft.state.plan, "confidence": str(n)},
        )
        if n < 7 and self._ask(draft, "plan.revise", n=str(n)):
            return
        self._show_plan(draft)

    def _plan_revised(self, draft: Draft) -> None:
        if draft.heard.intent not in ("dont_know", "deny", "affirm") and draft.heard.words >= 2:
            step = first_person(draft.heard.text)
            draft.change(plan={**draft.state.plan, "easier": step})
        self._show_plan(draft)

    def _show_plan(self, draft: Draft) -> None:
        why = [q.text for q in draft.state.change_quotes() if q.code in ("reason", "desire", "need")][-2:]
        draft.change(plan={**draft.state.plan, "why": joined([first_person(w, turned=True) for w in why])})
        self._tell(draft, "plan.show")
        draft.card = {k: v for k, v in draft.state.plan.items() if v}
        self._ask(draft, "plan.change_anything")

    def _plan_changed(self, draft: Draft) -> None:
        if draft.heard.intent not in ("deny", "thanks", "affirm", "dont_know") and draft.heard.words >= 3:
            draft.change(plan={**draft.state.plan, "also": first_person(draft.heard.text)})
        if draft.state.process == "plan":
            draft.change(process=follow("plan", "planned"))
        self._tell(draft, "plan.keep")
        self._affirm(draft, force="affirm.thought_through")
        self._ask(draft, "offer.after_plan")

    def _offer_answer(self, draft: Draft) -> None:
        intent, short = draft.heard.intent, draft.heard.words <= LEAST_TOLD
        if intent in ("affirm", "book_appointment", "ask_human", "choose_time") or (intent == "change_talk" and short):
            draft.wants = "appointment"
            draft.change(awaiting="", asked="")
            self._tell(draft, "offer.accepted")
        elif intent in TALK_INTENTS and not short:  # the client goes on with their story
            self._by_process[draft.state.process](draft)
        else:
            self._tell(draft, "offer.declined")
            if draft.state.process == "close":
                self._tell(draft, "close.session")

    def _no_appointment(self, draft: Draft) -> None:
        """No appointment: accepted at once, and the question that stood still stands."""
        awaiting, asked = draft.state.awaiting, draft.state.asked
        self._tell(draft, "offer.declined")
        if awaiting.startswith("offer.") or not asked:
            if draft.state.process == "close":
                self._tell(draft, "close.session")
            return
        draft.add(Line(asked, "open_question", awaiting))

    # -- situations ------------------------------------------------------------------------------------------------

    def _discord(self, draft: Draft) -> None:
        draft.change(discord=draft.state.discord + 1, process=follow(draft.state.process, "discord"))
        self._tell(draft, "discord.repair")
        if draft.state.discord <= 2:
            self._ask(draft, "discord.after")
        else:
            self._ask(draft, "offer.human", clinic=draft.clinic)

    def _swearing(self, draft: Draft) -> None:
        self._tell(draft, "swearing.meet")
        draft.change(awaiting="", asked="")

    def _dont_know(self, draft: Draft) -> None:
        draft.change(idk=draft.state.idk + 1)
        self._tell(draft, "dont_know.meet")
        if draft.state.idk % 3 == 2:
            draft.change(awaiting="", asked="")
            self._tell(draft, "autonomy")
        elif draft.state.process in ("engage", "focus"):
            self._ask_topic(draft)
        else:
            self._ask(draft, "dont_know.angle")

    def _advice(self, draft: Draft) -> None:
        """The client's own ideas come first; who asks a second time gets what is known."""
        again = "advice.ask_idea" in draft.state.done
        query = f"{draft.state.query} {draft.heard.text}" if again else draft.heard.text
        draft.change(query=query[-300:], topic=_topic_of(draft.state))
        whole, told = draft.heard, without_questions(draft.heard.text)
        if len(told.split()) >= LEAST_TOLD and told != whole.text:  # more than the question was said
            draft.heard = Heard(told, "share")
            self._reflect(draft, allow=("simple", "complex"))
            draft.heard = whole
        if again or not self._ask(draft, "advice.ask_idea"):
            self._information(draft)

    def _advice_idea(self, draft: Draft) -> None:
        if draft.heard.intent == "affirm":  # "yes, you can tell me": permission already
            self._information(draft)
            return
        reflected = draft.heard.intent not in ("dont_know", "deny") and self._reflect(draft)
        draft.change(query=f"{draft.state.query} {draft.heard.text}")
        wanted = reflected or draft.heard.intent in ("dont_know", "deny", "no_topic")
        if not wanted or self._fact(draft) is None or not self._ask(draft, "advice.permission"):
            self._evoke_question(draft)

    def _advice_permission(self, draft: Draft) -> None:
        if draft.heard.intent in ("affirm", "ask_information", "ask_advice", "thanks", "ask_repeat"):
            self._information(draft)
        elif draft.heard.intent in ("deny", "decline_topic"):
            self._tell(draft, "autonomy")
            self._evoke_question(draft)
        else:
            self._by_process[draft.state.process](draft)

    def _information(self, draft: Draft) -> None:
        """Elicit-provide-elicit: one neutral fact with its source, then what the client makes of it."""
        if not draft.state.awaiting.startswith("advice.") and draft.heard.intent != "ask_advice":
            draft.change(query=draft.heard.text, topic=_topic_of(draft.state))
        fact = self._fact(draft)
        if fact is None:
            if self._tell(draft, "advice.no_fact") and self._ask(draft, "advice.know"):
                return
            self._evoke_question(draft)
            return
        draft.change(facts=(*draft.state.facts, fact.id))
        draft.add(Line(f"{fact.text} ({fact.source})", "give_information", f"fact.{fact.id}"))
        self._ask(draft, "advice.after")

    def _fact(self, draft: Draft) -> Fact | None:
        """A fact about what the client wanted to know, or else one of the topic they came with."""
        state = draft.state
        topic = self.content.topics[state.topic or "other"]
        asked = self.content.fact_about(state.query, state.topic, state.facts)
        of_topic = self.content.fact_about(f"{topic.label} {topic.behaviour}", state.topic, state.facts)
        if asked or (of_topic and state.topic in of_topic.topics):
            return asked or of_topic
        untold = (fact for fact in self.content.facts if state.topic in fact.topics and fact.id not in state.facts)
        return next(untold, None) if state.topic else None

    def _not_understood(self, draft: Draft) -> None:
        if draft.heard.words <= 3 and draft.heard.intent != "gibberish":
            self._tell(draft, "short_answer.meet")
            self._ask(draft, "engage.what_else") or self._ask(draft, "dont_know.angle")
        else:
            self._tell(draft, "not_understood")

    # -- pieces ----------------------------------------------------------------------------------------------------

    def _tell(self, draft: Draft, move: str, **slots: str) -> bool:
        line = self.content.say(
            move,
            said=draft.state.said,
            rng=draft.rng,
            topic=_topic_of(draft.state),
            slots={"clinic": draft.clinic, **slots},
        )
        if line is not None:
            draft.add(line)
        return line is not None

    def _ask(self, draft: Draft, move: str, *, ruler: str | None = None, **slots: str) -> bool:
        """Adds the question `move`, which then stands; False when no wording of it is left."""
        if not self._tell(draft, move, **slots):
            return False
        line = draft.lines[-1]
        draft.ruler = ruler or (move.split(".")[0] if move.endswith(".ask") else None)
        draft.change(awaiting=move, asked=line.text, done=(*draft.state.done, move))
        return True

    def _ask_topic(self, draft: Draft) -> None:
        self._ask(draft, "focus.ask_topic")
        labels = [self.content.topics[t].label for t in ("drinking", "smoking", "mood", "sleep", "movement")]
        draft.buttons = (*(capitalised(label) for label in labels), "Something else")

    def _reflect(self, draft: Draft, allow: Sequence[str] = ("simple", "complex", "double_sided", "amplified")) -> bool:
        """Adds the best reflection of the message; False where there is none."""
        state, heard = draft.state, draft.heard
        if heard.intent in ("affirm", "deny", "ruler_answer", "dont_know", "thanks", "greet") and heard.words <= 4:
            return False
        amplify = heard.talk == "sustain" and state.discord == 0 and state.turns % 5 == 0
        kinds = tuple(k for k in allow if k != "amplified" or amplify)
        ambivalent = heard.language is not None and heard.language.ambivalent
        reflection = self._made(draft, kinds, prefer=("double_sided",) if ambivalent else ())
        if reflection is None:
            return self._short_answer(draft) or self._echo(draft) or self._plainly(draft)
        self._say_reflection(draft, reflection)
        return True

    def _plainly(self, draft: Draft) -> bool:
        """What the client stated, said back and no more, where nothing better can be said to it."""
        plain = self.reflector.said_back(draft.heard.text)
        if plain is None or sentence_id(plain.text) in draft.state.said:
            return False
        self._say_reflection(draft, plain)
        return True

    @staticmethod
    def _say_reflection(draft: Draft, reflection: Reflection) -> None:
        kind = "simple" if reflection.kind == "simple" else "complex"
        draft.add(Line(reflection.text, f"{kind}_reflection", f"reflection.{reflection.kind}", reflection.frame))
        said = (*draft.state.said, sentence_id(reflection.text), reflection.text)[-400:]
        draft.change(frames=(*draft.state.frames, reflection.frame)[-12:], said=said)

    def _made(self, draft: Draft, kinds: Sequence[str], prefer: Sequence[str]) -> Reflection | None:
        """A reflection whose opening and frame are fresh for some turns, and whose words are for good."""
        made = self.reflector.reflect(
            draft.heard.text,
            language=draft.heard.language,
            topic=draft.state.topic,
            said=draft.state.said[-RECENT:],
            frames_used=draft.state.frames[-FRESH_FRAMES:],
            allow=kinds,
            prefer=prefer,
            rng=draft.rng,
        )
        return None if made is None or sentence_id(made.text) in draft.state.said else made

    def _short_answer(self, draft: Draft) -> bool:
        """A noun as an answer, reflected with what it answers ("my kids" after "why?": it comes down to them)."""
        move = SHORT_ANSWERS.get(draft.state.awaiting)
        answer = noun_answer(draft.heard.text, self._parse) if move else None
        return answer is not None and self._tell(draft, str(move), answer=answer)

    def _echo(self, draft: Draft) -> bool:
        """A short answer said back: the simplest reflection there is; not twice in three turns."""
        if any(f"echo@{draft.state.turns - back}" in draft.state.done for back in (1,)):
            return False
        echoed = echo(draft.heard.text, self._parse)
        if echoed is None or sentence_id(echoed) in draft.state.said:
            return False
        draft.add(Line(echoed, "simple_reflection", "reflection.simple"))
        draft.change(done=(*draft.state.done, f"echo@{draft.state.turns}"))
        return True

    def _affirm(self, draft: Draft, force: str | None = None) -> None:
        state, language = draft.state, draft.heard.language
        if force is None:
            too_soon = state.turns - state.last_affirm < strategy.TURNS_BETWEEN_AFFIRMATIONS
            unsure = language is None or language.confidence < SURE_ENOUGH_TO_QUOTE
            if too_soon or language is None or unsure or language.talk == "sustain" or not draft.lines:
                return
            heard = {"mixed"} if language.ambivalent else {f"{s.code}{s.sign}" for s in language.codes}
            force = next((move for what, move in strategy.AFFIRMATIONS if what in heard), None)
        if force and self._tell(draft, force):
            draft.change(last_affirm=state.turns)

    def _link(self, draft: Draft) -> None:
        """Sets a quote from earlier beside what was just said; not often, and only when both speak of the change."""
        state = draft.state
        lately = any(f"link@{state.turns - back}" in state.done for back in range(1, TURNS_BETWEEN_LINKS))
        if len(draft.lines) != 1 or "reflection" not in draft.lines[0].act or lately or draft.heard.talk == "neutral":
            return
        linked = {d[5:] for d in state.done if d.startswith("said:")}
        sign = "-" if draft.heard.talk == "sustain" else "+"
        earlier = [q for q in state.change_quotes() if q.turn < state.turns and sentence_id(q.text) not in linked]
        if not earlier:
            return
        move = "link.other_side" if sign == "-" else "link.same_side"
        if self._tell(draft, move, quote=earlier[-1].text):
            marks = (f"link@{state.turns}", f"said:{sentence_id(earlier[-1].text)}")
            draft.change(done=(*draft.state.done, *marks))

    def _summary(self, draft: Draft, *, since: int, opener: str = "summary.open", closing: bool = True) -> bool:
        against, forwards = quotes_for_summary(draft.state, since)
        if len(forwards) < 2:
            return False
        self._tell(draft, opener)
        if against and self._tell(draft, "summary.sustain_lead"):
            lead = draft.lines.pop()
            draft.add(Line(f"{lead.text} {against[0]}.", "summary", "summary", lead.variant))
            if self._tell(draft, "summary.change_lead"):
                lead = draft.lines.pop()
                draft.add(Line(f"{lead.text} {joined(forwards)}.", "summary", "summary", lead.variant))
        else:
            draft.add(Line(capitalised(joined(forwards)) + ".", "summary", "summary"))
        draft.change(since_summary=0, summarised=len(draft.state.change_quotes()))
        if closing:
            self._ask(draft, "summary.close")
        return True

    def _finish(self, draft: Draft) -> Turn:
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


def clause_around(text: str, start: int, end: int) -> str:
    """The part of `text` between marks or "but" that holds the characters from `start` to `end`."""
    lefts = [m.end() for m in _CUT.finditer(text, 0, start)]
    right = _CUT.search(text, end)
    return text[lefts[-1] if lefts else 0 : right.start() if right else len(text)].strip()


_CUT = re.compile(r"[.!?;,\n]+\s*|\s+(?:but|because|cos|cuz|though|tho)\s+", re.I)


def _topic_of(state: MIState) -> str | None:
    """The topic in hand, or else the first one the client named."""
    return state.topic or (state.topics[0] if state.topics else None)


_ASKS_ADVICE = re.compile(
    r"\?|\b(?:what|how|which|when) (?:do|should|can|could|would|am|is|are|shall|to|actually|works?|helps?|else)\b"
    r"|\b(?:advice|advise|suggest|recommend|tips?|ideas?|tell me|should i|help me|best way|guide me|what'?s)\b",
    re.I,
)
"""What a message that asks for advice holds; without it, a guess at that intent is not believed."""
_SPEAKS_OF_TIME = re.compile(r"\d|\b(to)?(day|night|morrow|morning|week|month)s?\b|day\b", re.I)
_RULER_STEPS = ("ask", "reask", "why_not_lower", "what_up", "at_zero_ask")


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
