"""The clinician's summary: what a client said and agreed to share, every line with the message that it comes from.

No diagnosis, no judgement and nothing that the client did not agree to, item by item (`bot.clinic.sharing`). What
concerns safety, and the appointments, are shown always; clients are told so. `bot.clinic.summary_pdf` and
`bot.clinic.fhir` write the same summary as a PDF and a FHIR bundle.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.intake import SHARING
from bot.clinic.screeners import Screener, ScreenerError, load
from bot.clinic.sharing import ITEMS, agreed
from bot.mi.plan import first_person
from bot.mi.state import MIState, Quote
from bot.mi.strategy import PLAN_LABELS
from bot.safety.state import SafetyState
from bot.store.models import Appointment, Case, Client, Conversation, Message, Questionnaire


@dataclass(frozen=True)
class Source:
    """The client's message that a line comes from: the n-th of theirs, on a channel. `words` are there only where
    the client shares the conversation."""

    conversation_id: str
    channel: str
    message_id: int
    turn: int
    at: datetime
    words: str | None = None

    @property
    def key(self) -> str:
        """Its mark on the page."""
        return f"turn-{self.channel}-{self.turn}"


@dataclass(frozen=True)
class Line:
    """One statement. `label` says what it is (the kind of talk, the step of the plan, the ruler, the item)."""

    text: str
    source: Source | None
    label: str = ""
    value: int | None = None


@dataclass(frozen=True)
class Result:
    """A finished questionnaire."""

    screener: Screener
    finished_at: datetime
    total: int | None
    band: str | None
    missing: tuple[str, ...]
    answers: tuple[Line, ...]
    id: str


@dataclass(frozen=True)
class Risk:
    """A case, and what was answered to the safety protocol's questions (the newest case of a conversation has them)."""

    case: Case
    source: Source | None
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Summary:
    """`shared` are the items of `bot.clinic.sharing.ITEMS` that the client agreed to; the rest is empty here."""

    client: Client
    clinic: str
    made_at: datetime
    shared: frozenset[str]
    topics: tuple[str, ...]
    reasons: tuple[Line, ...]
    against: tuple[Line, ...]
    rulers: tuple[Line, ...]
    plan: tuple[Line, ...]
    results: tuple[Result, ...]
    risks: tuple[Risk, ...]
    appointments: tuple[Appointment, ...]

    @property
    def not_shared(self) -> tuple[str, ...]:
        """What the client keeps to themselves."""
        return tuple(item for item in ITEMS if item not in self.shared)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every message that a line comes from, in order of time."""
        answers = [line for result in self.results for line in result.answers]
        lines = (*self.reasons, *self.against, *self.rulers, *self.plan, *answers)
        sources = [*(line.source for line in lines), *(risk.source for risk in self.risks)]
        found = {source.message_id: source for source in sources if source is not None}
        return tuple(sorted(found.values(), key=lambda source: (source.at, source.message_id)))


def summarise(session: Session, config: ClinicConfig, client: Client, now: datetime) -> Summary:
    """The summary of one client as of now."""
    shared = agreed(client)
    talks = [
        _Talk(session, row, words="conversation" in shared)
        for row in session.scalars(
            select(Conversation).where(Conversation.client_id == client.id).order_by(Conversation.created_at)
        )
    ]
    by_id = {message_id: source for talk in talks for message_id, source in talk.by_id.items()}
    reasons = "reasons" in shared
    return Summary(
        client=client,
        clinic=config.name,
        made_at=now,
        shared=shared,
        topics=tuple(dict.fromkeys(t.state.topic for t in talks if t.state.topic)) if reasons else (),
        reasons=tuple(line for talk in talks for line in talk.quotes("+")) if reasons else (),
        against=tuple(line for talk in talks for line in talk.quotes("-")) if reasons else (),
        rulers=tuple(line for talk in talks for line in talk.rulers()) if "rulers" in shared else (),
        plan=tuple(line for talk in talks for line in talk.plan(reasons)) if "plan" in shared else (),
        results=tuple(_results(session, config, client, talks)) if "questionnaires" in shared else (),
        risks=tuple(_risks(session, client, talks, by_id)),
        appointments=tuple(
            session.scalars(
                select(Appointment)
                .where(Appointment.client_id == client.id, Appointment.status.in_(("booked", "cancelled")))
                .order_by(Appointment.starts_at)
            )
        ),
    )


class _Talk:
    """One conversation: where it stands, and its messages by what the core calls them."""

    def __init__(self, session: Session, conversation: Conversation, words: bool) -> None:
        self.conversation, self.id = conversation, conversation.id
        self.state = MIState.from_dict(conversation.mi_state)
        query = select(Message).where(Message.conversation_id == self.id, Message.direction == "in")
        self._messages = list(session.scalars(query.order_by(Message.seq)))
        sources = [
            Source(self.id, conversation.channel, m.id, turn, m.created_at, m.text if words else None)
            for turn, m in enumerate(self._messages, 1)
        ]
        self._texts = {m.id: m.text for m in self._messages}
        self.by_id = {source.message_id: source for source in sources}
        self.by_seq = {m.seq: source for m, source in zip(self._messages, sources, strict=True)}
        self._by_turn = self._turns()

    def quotes(self, sign: str) -> Iterable[Line]:
        """What the client said for or against change, as they typed it."""
        for quote in self.state.quotes:
            if quote.sign == sign:
                source = self._by_turn.get(quote.turn)
                yield Line(self._said(quote), source, _words()["codes"].get(quote.code, ""))

    def rulers(self) -> Iterable[Line]:
        for answer in self.state.rulers:
            name = _words()["rulers"].get(answer.name, answer.name)
            yield Line(f"{name}: {answer.value}", self._by_turn.get(answer.turn), answer.name, answer.value)

    def plan(self, reasons: bool) -> Iterable[Line]:
        """The steps of the plan; why it matters only where the client shares their reasons."""
        labels = {**PLAN_LABELS, "easier": "To make it easier", "also": "Also"}
        for name, label in labels.items():
            words = str(self.state.plan.get(name) or "")
            if words and name != "why":
                yield Line(words, self._source_of(name, words), label)
            elif words and reasons:
                quotes = [q for q in self.state.change_quotes() if first_person(q.text, turned=True) in words]
                said = "; ".join(self._said(quote) for quote in quotes)
                yield Line(said or words, self._by_turn.get(quotes[-1].turn) if quotes else None, label)

    def _said(self, quote: Quote) -> str:
        source = self._by_turn.get(quote.turn)
        return own_words(quote, self._texts[source.message_id] if source else "")

    def _source_of(self, name: str, words: str) -> Source | None:
        """The message that a step of the plan was taken from."""
        if name == "confidence":
            rulers = [r for r in self.state.rulers if r.name == "confidence" and str(r.value) == words]
            return self._by_turn.get(rulers[-1].turn) if rulers else None
        same = [m for m in self._messages if first_person(m.text) == words]
        return self.by_id[same[-1].id] if same else None

    def _turns(self) -> dict[int, Source]:
        """The core's number of a turn -> the message that began it; numbers begin again when a client starts over."""
        found: dict[int, Source] = {}
        last = 0
        for message in self._messages:
            turn = int((message.heard or {}).get("turn") or 0)
            if turn < last and message.heard:
                found = {}
            if turn:
                found.setdefault(turn, self.by_id[message.id])
            last = turn or last
        return found


def _results(session: Session, config: ClinicConfig, client: Client, talks: Sequence[_Talk]) -> Iterable[Result]:
    query = select(Questionnaire).where(Questionnaire.client_id == client.id, Questionnaire.status == "finished")
    for row in session.scalars(query.order_by(Questionnaire.finished_at, Questionnaire.place)):
        if row.instrument in SHARING or row.finished_at is None:
            continue
        try:
            screener = load(row.instrument, config.intake.dast10_file if row.instrument == "dast10" else None)
        except ScreenerError:
            continue  # the clinic has taken the words away: the answers alone say nothing
        by_seq = next((talk.by_seq for talk in talks if talk.id == row.conversation_id), {})
        given = {answer["item"]: answer for answer in row.answers}
        score = screener.score({item: answer["value"] for item, answer in given.items()})
        yield Result(
            screener,
            row.finished_at,
            score.total,
            score.band,
            score.missing,
            tuple(_answer(screener, item_id, answer, by_seq) for item_id, answer in given.items()),
            row.id,
        )


def _answer(screener: Screener, item_id: str, answer: Mapping[str, Any], by_seq: Mapping[int, Source]) -> Line:
    item = screener.item(item_id)
    option = item.option(answer["value"]) if item else None
    said = option.text if option else _words()["rather_not"]
    return Line(said, by_seq.get(answer["seq"]), item.text if item else item_id, answer["value"])


def _risks(session: Session, client: Client, talks: Sequence[_Talk], by_id: Mapping[int, Source]) -> Iterable[Risk]:
    words = _words()
    answers = {
        talk.id: tuple(
            (words["questions"].get(question, question), words["answers"].get(answer, answer))
            for question, answer in SafetyState.from_dict(talk.conversation.safety_state).answers
        )
        for talk in talks
    }
    cases = session.scalars(select(Case).where(Case.client_id == client.id).order_by(Case.opened_at.desc()))
    for case in cases:
        asked = answers.pop(case.conversation_id, ()) if case.reason == "risk" else ()
        yield Risk(case, by_id.get(case.message_id or 0), asked)


def own_words(quote: Quote, message: str) -> str:
    """The part of a message that a quote was made of, as the client typed it.

    The core keeps quotes turned to the second person. Where no part of the message is like it (the message was of
    another version of Evoke), the quote is turned back.
    """
    wanted = _content_words(quote.text)
    parts = [part.strip() for part in _PARTS.split(message) if part.strip()]
    best = max(parts, key=lambda part: _likeness(_content_words(part), wanted), default="")
    if _likeness(_content_words(best), wanted) < ALIKE:
        return first_person(first_person(quote.text, turned=True))
    return best


ALIKE = 0.5
"""Share of words in common from which a part of a message is what a quote was made of."""
_PARTS = re.compile(r"[.!?;,\n]+\s*|\s+(?:but|because|cos|cuz|though|tho)\s+", re.I)
_PERSONS = frozenset(
    {"i", "me", "my", "mine", "myself", "you", "your", "yours", "yourself", "am", "are", "was", "were"}
    | {"im", "i'm", "you're", "ive", "i've", "you've"}
)


def _content_words(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower())) - _PERSONS


def _likeness(part: set[str], wanted: set[str]) -> float:
    return len(part & wanted) / max(1, len(part | wanted))


@functools.cache
def _words() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("summary.yml").read_text(encoding="utf-8")))


def words() -> Mapping[str, Any]:
    """`summary.yml`: headings, labels and notes of the summary."""
    return _words()
