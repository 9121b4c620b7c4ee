"""A turn in the making: the lines so far, the state they lead to, and the pieces that handlers put together.

The pieces: `tell` and `ask` say a move in words that this conversation has not heard yet; `reflect` says back what the
client means; `affirm`, `link` and `summary` bring back what they said before. Every line remembers its wording, so that
nothing is said twice.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.mi import strategy
from bot.mi.client_language import ClientLanguage, Span
from bot.mi.content import Content, Fact, Line, capitalised
from bot.mi.echo import SHORT_ANSWERS, echo, noun_answer
from bot.mi.person import Parser
from bot.mi.reflections import Reflection, Reflector
from bot.mi.state import MIState, Quote, RulerValue
from bot.mi.summaries import joined, quotes_for_summary

RECENT = 18
"""Things said in about five turns: so long an opening is not used again."""
FRESH_FRAMES, MOST_FRAMES = 5, 80
ONCE = ("tone ", "code ")
"""Forms whose words go with any clause: each is heard once in a conversation."""
SURE_ENOUGH_TO_QUOTE = 0.55
"""A quote comes back in links, summaries and the plan: what it speaks for has to be clear."""
SURE_WITHOUT_WORDS = 0.8
MOST_CODED = 30
"""Words; in a longer message which clause a code belongs to is a guess."""
MOBILISING = ("commitment", "activation", "taking_steps", "ability")
MOST_COMPARED = 4
ALIKE = 0.28
"""Two statements that are linked have to be about the same, at least so much."""
TURNS_BETWEEN_LINKS = 4
SHORT = 3
"""Words of an answer that is met with a word about short answers."""
LEAST_TOLD = 5
"""Words beside a question that are worth a reflection of their own."""
TALK_INTENTS = ("change_talk", "sustain_talk", "ambivalence", "share")


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


def sentence_id(text: str) -> str:
    """How a composed sentence is remembered, so that it is not said again."""
    return f"{zlib.crc32(text.lower().encode()):08x}"


@dataclass
class Draft:
    """One message of the client and what is being said to it.

    `wants` is "appointment" when the client said yes to seeing times, else "".
    """

    content: Content
    reflector: Reflector
    parse: Parser
    state: MIState
    heard: Heard
    rng: random.Random
    gentle: bool = False
    clinic: str = ""
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

    @property
    def topic(self) -> str | None:
        """The topic in hand, or else the first one the client named."""
        return self.state.topic or (self.state.topics[0] if self.state.topics else None)

    def note(self) -> None:
        """Keeps the topics that the message names, and what it says for and against a change."""
        state, heard = self.state, self.heard
        named = [t for t in self.content.topics_in(heard.text) if t not in state.topics]
        quotes = list(state.quotes)
        sure = heard.language is not None and heard.language.confidence >= SURE_ENOUGH_TO_QUOTE
        sure = sure and (heard.intent in TALK_INTENTS or heard.words >= 8)
        for span in heard.language.codes[:3] if heard.language and sure else ():
            clause = clause_around(heard.text, span.start, span.end)
            if span.code == "other" or len(clause.split()) < 3:
                continue
            quote = self.reflector.quote(clause)
            if quote and not self._telling(clause, quote, span, heard.language):
                continue
            if quote and 4 <= len(quote.split()) <= 22 and quote not in {q.text for q in quotes}:
                quotes.append(Quote(quote, span.sign, span.code, state.turns))
        self.change(topics=(*state.topics, *named), quotes=tuple(quotes[-60:]), since_summary=state.since_summary + 1)

    def _telling(self, clause: str, quote: str, span: Span, language: ClientLanguage | None) -> bool:
        """Whether a clause may come back later as one for (+) or against (-) the change: its words must say so by
        themselves, or else the coding be sure and the words carry weight."""
        own = "change" if span.sign == "+" else "sustain"
        lean = self.reflector.leaning(clause)
        if lean != "none" or language is None:
            return lean in (own, "none")
        if language.confidence < SURE_WITHOUT_WORDS or self.heard.words > MOST_CODED:
            return False
        return span.code in MOBILISING or self.reflector.weighs(quote)

    def tell(self, move: str, **slots: str) -> bool:
        line = self.content.say(
            move,
            said=self.state.said,
            rng=self.rng,
            topic=self.topic,
            slots={"clinic": self.clinic, **slots},
        )
        if line is not None:
            self.add(line)
        return line is not None

    def ask(self, move: str, *, ruler: str | None = None, **slots: str) -> bool:
        """Adds the question `move`, which then stands; False when no wording of it is left."""
        if not self.tell(move, **slots):
            return False
        line = self.lines[-1]
        self.ruler = ruler or (move.split(".")[0] if move.endswith(".ask") else None)
        self.change(awaiting=move, asked=line.text, done=(*self.state.done, move))
        return True

    def ask_again(self) -> None:
        """The question that stands, in its own words."""
        self.add(Line(self.state.asked, "open_question", self.state.awaiting))

    def rate(self, ruler: str, number: int) -> None:
        """Keeps what the client puts themselves at on a ruler."""
        self.change(rulers=(*self.state.rulers, RulerValue(ruler, number, self.state.turns)))

    def show_plan(self) -> None:
        """The plan as it stands, as a card; the parts that were left empty are not on it."""
        self.tell("plan.show")
        self.card = {k: v for k, v in self.state.plan.items() if v}

    def reflect(self, allow: Sequence[str] = ("simple", "complex", "double_sided", "amplified")) -> bool:
        """Adds the best reflection of the message; False where there is none."""
        state, heard = self.state, self.heard
        if heard.intent in ("affirm", "deny", "ruler_answer", "dont_know", "thanks", "greet") and heard.words <= 4:
            return False
        amplify = heard.talk == "sustain" and state.discord == 0 and state.turns % 5 == 0
        kinds = tuple(k for k in allow if k != "amplified" or amplify)
        ambivalent = heard.language is not None and heard.language.ambivalent
        reflection = self._made(kinds, prefer=("double_sided",) if ambivalent else ("complex", "double_sided"))
        if reflection is None:
            return self._short_answer() or self._echo() or self._plainly()
        self._say_reflection(reflection)
        return True

    def acknowledge(self) -> None:
        """A word that it was heard, where nothing can be reflected; what must not be reflected is met as hard."""
        if self.reflector.is_grave(self.heard.text):
            self.tell("warmth.hard")
        else:
            self.tell("short_answer.meet" if self.heard.words <= SHORT else "heard.ack")

    def _plainly(self) -> bool:
        """What the client stated, said back and no more, where nothing better can be said to it."""
        plain = self.reflector.said_back(self.heard.text)
        if plain is None or sentence_id(plain.text) in self.state.said:
            return False
        self._say_reflection(plain)
        return True

    def _say_reflection(self, reflection: Reflection) -> None:
        kind = "simple" if reflection.kind == "simple" else "complex"
        self.add(Line(reflection.text, f"{kind}_reflection", f"reflection.{reflection.kind}", reflection.frame))
        said = (*self.state.said, sentence_id(reflection.text), reflection.text)[-400:]
        self.change(frames=(*self.state.frames, reflection.frame)[-MOST_FRAMES:], said=said)

    def _made(self, kinds: Sequence[str], prefer: Sequence[str]) -> Reflection | None:
        """A reflection whose opening and frame are fresh for some turns, and whose words are for good."""
        made = self.reflector.reflect(
            self.heard.text,
            language=self.heard.language,
            topic=self.state.topic,
            said=self.state.said[-RECENT:],
            frames_used=(*(f for f in self.state.frames if f.startswith(ONCE)), *self.state.frames[-FRESH_FRAMES:]),
            allow=kinds,
            prefer=prefer,
            rng=self.rng,
        )
        return None if made is None or sentence_id(made.text) in self.state.said else made

    def _short_answer(self) -> bool:
        """A noun as an answer, reflected with what it answers ("my kids" after "why?": it comes down to them)."""
        move = SHORT_ANSWERS.get(self.state.awaiting)
        answer = noun_answer(self.heard.text, self.parse) if move else None
        return answer is not None and self.tell(str(move), answer=answer)

    def _echo(self) -> bool:
        """A short answer said back: the simplest reflection there is; not two turns running."""
        if f"echo@{self.state.turns - 1}" in self.state.done:
            return False
        echoed = echo(self.heard.text, self.parse)
        if echoed is None or sentence_id(echoed) in self.state.said:
            return False
        self.add(Line(echoed, "simple_reflection", "reflection.simple"))
        self.change(done=(*self.state.done, f"echo@{self.state.turns}"))
        return True

    def affirm(self, force: str | None = None) -> None:
        state, language = self.state, self.heard.language
        if force is None:
            too_soon = state.turns - state.last_affirm < strategy.TURNS_BETWEEN_AFFIRMATIONS
            if too_soon or not self.lines:
                return
            text = self.reflector.tidy(self.heard.text).lower()
            talk = "change" if language is not None and language.ambivalent else self.heard.talk
            force = next((a.move for a in self.content.affirmations if a.fits(text, talk)), None)
        if force and self.tell(force):
            self.change(last_affirm=state.turns)

    def link(self) -> None:
        """Sets a quote from earlier beside what was just said; not often, and only when both speak of the change."""
        state = self.state
        lately = any(f"link@{state.turns - back}" in state.done for back in range(1, TURNS_BETWEEN_LINKS))
        if len(self.lines) != 1 or "reflection" not in self.lines[0].act or lately or self.heard.talk == "neutral":
            return
        linked = {d[5:] for d in state.done if d.startswith("said:")}
        sign = "-" if self.heard.talk == "sustain" else "+"
        earlier = [q for q in state.change_quotes() if q.turn < state.turns and sentence_id(q.text) not in linked]
        here = self.heard.text
        near = (
            q for q in earlier[: -MOST_COMPARED - 1 : -1] if sign == "-" or self.reflector.alike(here, q.text) >= ALIKE
        )
        quote = next(near, None)
        if quote is None:
            return
        move = "link.other_side" if sign == "-" else "link.same_side"
        if self.tell(move, quote=quote.text):
            marks = (f"link@{state.turns}", f"said:{sentence_id(quote.text)}")
            self.change(done=(*self.state.done, *marks))

    def summary(self, *, since: int, opener: str = "summary.open", closing: bool = True) -> bool:
        against, forwards = quotes_for_summary(self.state, since)
        if len(forwards) < 2:
            return False
        self.tell(opener)
        if against and self.tell("summary.sustain_lead"):
            lead = self.lines.pop()
            self.add(Line(f"{lead.text} {against[0]}.", "summary", "summary", lead.variant))
            if self.tell("summary.change_lead"):
                lead = self.lines.pop()
                self.add(Line(f"{lead.text} {joined(forwards)}.", "summary", "summary", lead.variant))
        else:
            self.add(Line(capitalised(joined(forwards)) + ".", "summary", "summary"))
        self.change(since_summary=0, summarised=len(self.state.change_quotes()))
        if closing:
            self.ask("summary.close")
        return True

    def fact(self) -> Fact | None:
        """A fact about what the client wanted to know, or else one of the topic they came with."""
        state = self.state
        topic = self.content.topics[state.topic or "other"]
        asked = self.content.fact_about(state.query, state.topic, state.facts)
        of_topic = self.content.fact_about(f"{topic.label} {topic.behaviour}", state.topic, state.facts)
        if asked or (of_topic and state.topic in of_topic.topics):
            return asked or of_topic
        untold = (fact for fact in self.content.facts if state.topic in fact.topics and fact.id not in state.facts)
        return next(untold, None) if state.topic else None


def clause_around(text: str, start: int, end: int) -> str:
    """The part of `text` between marks or "but" that holds the characters from `start` to `end`."""
    lefts = [m.end() for m in _CUT.finditer(text, 0, start)]
    right = _CUT.search(text, end)
    return text[lefts[-1] if lefts else 0 : right.start() if right else len(text)].strip()


_CUT = re.compile(r"[.!?;,\n]+\s*|\s+(?:but|because|cos|cuz|though|tho)\s+", re.I)
