"""One inbound message becomes replies: stored, screened, worked on in order, answered once.

Theory of operation. `receive` stores a message before the channel acknowledges it and wakes the conversation's worker.
A worker takes a conversation's open messages one by one: screen the raw text; let the safety protocol answer, or else
the dialogue; then, in ONE transaction, store the replies, the new state, cases, holds and alerts, and mark the message
answered. A process killed anywhere in between has changed nothing, and `recover` begins the same turn again: turns are
seeded by their message, so it comes out the same. When Rasa is down the message stays open, the client is told once,
and the worker tries again. When the screen itself fails, the static safety reply goes out: it fails closed. While a
client is in a person's hands (`bot.clinic.takeover`) messages are stored and screened as ever, and only safety answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import re
import secrets
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy.orm import Session

from bot import crisis, requests
from bot.bus import Bus
from bot.clinic import notices
from bot.clinic.cases import open_case, open_risk_case
from bot.clinic.config import ClinicConfig
from bot.clinic.intake import Step as SheetStep
from bot.clinic.proactive import pause
from bot.clinic.rights import erase_client
from bot.clinic.schedule import SlotTaken, free_slots, hold, label, upcoming
from bot.dialogue import DialogueAnswer, DialogueDown
from bot.errors import place_of
from bot.metrics import ANSWERED, SCREEN_FAILED, SECONDS
from bot.mi.state import MIState
from bot.mi.turn import MICore, sentence_id
from bot.questionnaires import (
    Open,
    Questionnaires,
    awaiting,
    is_idle,
    risk_verdict,
    with_question_of,
    without_question,
)
from bot.safety.protocol import Protocol as SafetyProtocol
from bot.safety.state import Place, SafetyState, Step
from bot.safety.tiers import NOTHING, Tier, Verdict
from bot.store import messages as store
from bot.store import places
from bot.store.database import Database
from bot.store.messages import Outbound
from bot.store.models import Client, Conversation, Endpoint, Message
from bot.turns import TurnContext, Turns

log = structlog.get_logger()
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses before an unanswered message is tried again; the last one repeats."""
REMEMBERED = 80
"""Marks of the last sentences said, for Rasa's responses."""
OURS = ("said", "clinic", "crisis", "channel")
"""Slots that each turn is given anew and that are not kept with the dialogue."""


class Overtaken(Exception):
    """A later message with risk in it has to be answered first."""


class Dialogue(Protocol):
    """What the conversation needs of Rasa (`bot.dialogue.RasaDialogue`); tests have a fake."""

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer: ...


class Screens(Protocol):
    """What the conversation needs of `bot.safety.screen.Screener`."""

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict: ...


@dataclass
class _Work:
    """What one turn starts from, read in one go."""

    inbound: Message
    conversation: Conversation
    client: Client
    history: list[str]
    previous_at: datetime | None
    open_tier: str | None
    sheets: Open

    def hours_away(self, now: datetime) -> float:
        """Since the client's message before."""
        return (now - self.previous_at).total_seconds() / 3600 if self.previous_at else 0.0


@dataclass
class _Result:
    """What one turn comes to, stored in one go."""

    replies: list[Outbound]
    verdict: Verdict
    safety: SafetyState
    mi: dict[str, Any] | None = None
    dialogue: dict[str, Any] | None = None
    heard: dict[str, Any] = field(default_factory=dict)
    effects: list[Callable[[Session], None]] = field(default_factory=list)
    turn_effects: Sequence[Callable[[Session], object]] = ()
    erases: bool = False

    def silenced(self) -> _Result:
        """What is left of it when a person has taken over: safety's words and case, nothing of the bot's."""
        said = [reply for reply in self.replies if reply.kind == "safety"]
        return _Result(said, self.verdict, self.safety, effects=self.effects)


class Conversations:
    """Receives, works and answers. One per process; all its state is in the database."""

    def __init__(
        self,
        *,
        db: Database,
        clinic: ClinicConfig,
        place: Place,
        screener: Screens,
        protocol: SafetyProtocol,
        core: MICore,
        dialogue: Dialogue,
        turns: Turns,
        bus: Bus,
        clock: Callable[[], datetime],
        screen_timeout: float = 2.0,
        chat_page: str = "",
    ) -> None:
        self.db, self.clinic, self.place = db, clinic, place
        self.screener, self.protocol, self.core = screener, protocol, core
        self.dialogue, self.turns, self.bus, self.clock = dialogue, turns, bus, clock
        self.screen_timeout = screen_timeout
        self.questionnaires = Questionnaires(clinic, core, chat_page)
        self.screen_works = True
        self.has_telegram = False
        self._screening = ThreadPoolExecutor(2, "screen")
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._news: dict[str, asyncio.Event] = {}

    # -- what channels call ----------------------------------------------------------------------------------------

    async def start(
        self, channel: str, address: str, *, language: str = "en", time_zone: str | None = None
    ) -> tuple[Conversation, list[Message]]:
        """A new conversation, opened by the welcome and the question for consent. Needs no Rasa."""
        now = self.clock()
        greeting = self.greeting(channel)
        dialogue = {"slots": {"awaiting": "consent"}, "loop": None, "said": [sentence_id(g.text) for g in greeting]}

        def write(session: Session) -> tuple[Conversation, list[Message]]:
            row = store.new_conversation(
                session,
                channel=channel,
                address=address,
                language=language,
                time_zone=time_zone,
                greeting=greeting,
                dialogue=dialogue,
                now=now,
            )
            return row, store.after(session, row.id, 0)

        conversation, messages = await self.db.write(write)
        self.bus.signal(conversation.id)
        return conversation, messages

    def greeting(self, channel: str = "web") -> list[Outbound]:
        """The welcome with the crisis line, and the question for consent."""
        moves = ["welcome", "welcome.crisis", *(["welcome.telegram"] if channel == "telegram" else [])]
        welcome = " ".join(self.static_words(move) for move in moves)
        return [Outbound(welcome, moves=("structure:welcome",)), *self._consent()]

    def _consent(self) -> list[Outbound]:
        """The clinic's own words about what is kept, where it has some, and the question."""
        own = self.clinic.consent.text
        buttons = [{"title": title, "payload": title} for title in ("Yes", "No")]
        return [
            *([Outbound(own, moves=("give_information:consent.text",))] if own else []),
            Outbound(
                self.static_words("consent.ask"), payload={"buttons": buttons}, moves=("closed_question:consent.ask",)
            ),
        ]

    async def receive(
        self,
        conversation_id: str,
        *,
        external_id: str | None,
        text: str,
        kind: str = "text",
        payload: dict[str, Any] | None = None,
        place: tuple[str, str] | None = None,
    ) -> tuple[Message, bool]:
        """Stores a message and has it worked on. A repeat of `external_id` gives the first row and False.

        Args:
            place: channel and address that it came from, when that may be another one than the last time.

        Raises:
            NoSuchConversation: there is none with this id.
            OperationalError: the database is down; nothing was stored, and the channel must say so.
        """
        now = self.clock()

        def write(session: Session) -> tuple[Message, bool]:
            if place is not None and (conversation := session.get(Conversation, conversation_id)) is not None:
                places.use(session, conversation, *place, now)
            return store.add_inbound(
                session, conversation_id, external_id=external_id, kind=kind, text=text, payload=payload or {}, now=now
            )

        row, is_new = await self.db.write(write)
        if is_new:
            self.bus.signal(conversation_id)
        self.wake(conversation_id)
        return row, is_new

    def announce(self, conversation_id: str) -> None:
        """A channel has stored something by itself: channels deliver what is due, and a worker looks."""
        self.bus.signal(conversation_id)
        self.wake(conversation_id)

    def wake(self, conversation_id: str) -> None:
        """Makes sure that a worker looks at this conversation from now on."""
        worker = self._workers.get(conversation_id)
        if worker is None or worker.done():
            task = asyncio.create_task(self._work(conversation_id), name=f"work-{conversation_id}")
            self._workers[conversation_id] = task
        else:
            self._again.add(conversation_id)
            self._news.setdefault(conversation_id, asyncio.Event()).set()

    async def recover(self) -> int:
        """Takes up every message that a stopped process left open; how many conversations that were."""
        waiting = await self.db.read(store.conversations_with_open_messages)
        for conversation_id in waiting:
            self.wake(conversation_id)
        return len(waiting)

    async def idle(self) -> None:
        """Returns when no worker has anything left to do."""
        while busy := [task for task in self._workers.values() if not task.done()]:
            await asyncio.wait(busy)

    async def close(self) -> None:
        for task in self._workers.values():
            task.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        self._screening.shutdown(wait=False, cancel_futures=True)

    def static_words(self, move: str, seed: int = 0) -> str:
        """A fixed wording that needs neither Rasa nor the database."""
        slots = {"clinic": self.clinic.name, "crisis": crisis.short(self.place)}
        line = self.core.content.say(move, said=(), rng=random.Random(seed), slots=slots)
        assert line is not None, move
        return line.text

    # -- working ---------------------------------------------------------------------------------------------------

    async def _work(self, conversation_id: str) -> None:
        tries, news = 0, self._news.setdefault(conversation_id, asyncio.Event())
        while True:
            self._again.discard(conversation_id)
            news.clear()
            try:
                first = await self._risk_ahead(conversation_id, with_first=not tries)
                work = await self.db.read(functools.partial(self._load, conversation_id=conversation_id, first=first))
                if work is None:
                    if conversation_id in self._again:
                        continue
                    break
                self.bus.typing(conversation_id, work.client.taken_by is None)
                with SECONDS.time():
                    answered = await self._answer(work)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Whatever went wrong, the message stays open and is tried again; the log names no words of it.
                log.error("turn_failed", conversation=conversation_id, why=type(error).__name__, at=place_of(error))
                answered = False
            finally:
                self.bus.typing(conversation_id, False)
            tries = 0 if answered else tries + 1
            if not answered and not news.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1])
        self._workers.pop(conversation_id, None)
        self._news.pop(conversation_id, None)

    async def _risk_ahead(self, conversation_id: str, *, with_first: bool = False) -> int | None:
        """The first open message with risk in it; it must not be kept waiting by one before it.

        Args:
            with_first: the one that is next has not been tried; with risk in it, it stays the next.
        """
        waiting = await self.db.read(lambda session: store.open_messages(session, conversation_id))
        if len(waiting) < 2:
            return None
        for id_, text, history in waiting if with_first else waiting[1:]:
            try:
                risky = (await self.screen(text, history)).tier >= Tier.CHECK_IN
            except Exception:
                risky = True  # its turn fails closed, and at once
            if risky:
                return id_
        return None

    async def _unless_risk_waits(self, conversation_id: str, turn: Awaitable[DialogueAnswer]) -> DialogueAnswer:
        """The dialogue's answer, unless a message with risk comes in while it is awaited.

        Raises:
            Overtaken: one did.
        """
        call = asyncio.ensure_future(turn)
        news = self._news.setdefault(conversation_id, asyncio.Event())
        try:
            while not call.done():
                heard = asyncio.ensure_future(news.wait())
                await asyncio.wait({call, heard}, return_when=asyncio.FIRST_COMPLETED)
                heard.cancel()
                if news.is_set() and not call.done():
                    news.clear()
                    if await self._risk_ahead(conversation_id) is not None:
                        raise Overtaken
            return call.result()
        finally:
            call.cancel()

    def _load(self, session: Session, conversation_id: str, first: int | None = None) -> _Work | None:
        inbound = store.next_open(session, conversation_id)
        if inbound is not None and first is not None:
            inbound = session.get_one(Message, first)
        if inbound is None or inbound.answered_at is not None:
            return None
        conversation = session.get_one(Conversation, conversation_id)
        client = session.get_one(Client, conversation.client_id)
        case = open_risk_case(session, client.id)
        return _Work(
            inbound,
            conversation,
            client,
            store.earlier_texts(session, inbound),
            store.previous_inbound_at(session, inbound),
            case.tier if case else None,
            self.questionnaires.load(session, client, self.clock()),
        )

    async def _answer(self, work: _Work) -> bool:
        """Answers one message; False when it stays open."""
        inbound = work.inbound
        rng = random.Random(zlib.crc32(f"{inbound.conversation_id}.{inbound.seq}".encode()))
        safety = SafetyState.from_dict(work.conversation.safety_state)
        try:
            verdict = await self.screen(inbound.text, work.history)
            place = await self._place_with_slot(work, verdict, safety)
            step = self.protocol.step(safety, verdict, inbound.text, place=place, rng=rng)
        except Exception as error:
            await self._fail_closed(work, safety, error)
            return True
        self.screen_works = True
        taken = work.client.taken_by is not None
        if step.replies and (not taken or verdict.tier > Tier.NONE or step.opens_case or step.raises_tier):
            await self._store(work, self._safety_result(work, verdict, step))
            return True
        if taken:  # a person asks now: what safety asked is read once more, in this message, and then is over
            state = replace(step.state, awaiting=None, tries=0, paused=())
            await self._store(work, _Result([], verdict, state, effects=self._case_effects(work, step)))
            return True
        if inbound.kind == "attachment":
            text = requests.about_attachment(str(inbound.payload.get("what", "")), self.place.emergency)
            words = Outbound(text, moves=("structure:unsupported",))
            await self._store(work, _Result([words], verdict, step.state))
            return True
        asked = requests.answer(self._request(work))
        if asked is not None:
            await self._store(work, self._asked_result(work, verdict, step, asked))
            return True
        inbound.text = requests.phrase(inbound.text)  # for this turn; what is kept is what was typed
        if self._consent_is_old(work):
            await self._store(work, self._ask_consent_anew(work, verdict, step))
            return True
        sheet = self.questionnaires.take(
            work.sheets, inbound, work.conversation, work.client, work.hours_away(self.clock())
        )
        if sheet is None or sheet.talk:
            return await self._talk(work, verdict, step, rng, sheet)
        await self._store(work, await self._sheet_result(work, verdict, step, sheet, rng))
        return True

    def _request(self, work: _Work) -> requests.Request:
        return requests.Request(
            inbound=work.inbound,
            conversation=work.conversation,
            client=work.client,
            clinic=self.clinic,
            place=self.place,
            now=self.clock(),
            has_telegram=self.has_telegram,
        )

    def _asked_result(self, work: _Work, verdict: Verdict, step: Step, asked: requests.Answer) -> _Result:
        kept = {name: value for name, value in work.conversation.dialogue.items() if name != "asked"}
        return _Result(
            list(asked.replies),
            verdict,
            step.state,
            dialogue={**kept, "asked": asked.asked} if asked.asked else kept,
            effects=self._case_effects(work, step),
            turn_effects=[asked.effect] if asked.effect else [],
        )

    def _consent_is_old(self, work: _Work) -> bool:
        """Whether the client agreed to an earlier version and has not been asked about this one."""
        return (
            work.client.consent_version not in (None, self.clinic.consent.version)
            and awaiting(work.conversation.dialogue) != "consent"
        )

    def _ask_consent_anew(self, work: _Work, verdict: Verdict, step: Step) -> _Result:
        """The new words and the question, before anything else: a yes to something else is no consent."""
        changed = notices.words("consent_changed").format(clinic=self.clinic.name)
        replies = [Outbound(changed, moves=("structure:consent.changed",)), *self._consent()]
        dialogue = work.conversation.dialogue
        slots = {**dialogue.get("slots", {}), "awaiting": "consent"}
        return _Result(replies, verdict, step.state, dialogue={**dialogue, "slots": slots, "loop": None})

    async def _sheet_result(
        self, work: _Work, verdict: Verdict, step: Step, sheet: SheetStep, rng: random.Random
    ) -> _Result:
        """The next question of a questionnaire; an answer that is a safety matter gets the safety protocol's words."""
        effects = self.questionnaires.effects(sheet, work.inbound, work.client, self.clock())
        if sheet.risk is not None:
            verdict = risk_verdict(sheet, work.inbound.text)
            place = await self._place_with_slot(work, verdict, step.state)
            step = self.protocol.step(step.state, verdict, work.inbound.text, place=place, rng=rng)
            result = self._safety_result(replace(work, sheets=Open()), verdict, step)
        else:
            result = _Result(self.questionnaires.replies(sheet, work.conversation), verdict, step.state)
            if not is_idle(work.conversation.dialogue):  # the question about sharing is answered with this
                slots = {**work.conversation.dialogue.get("slots", {}), "awaiting": "nothing"}
                result.dialogue = {**work.conversation.dialogue, "slots": slots}
        result.turn_effects = effects
        return result

    async def screen(self, text: str, history: Sequence[str]) -> Verdict:
        if not text:
            return NOTHING
        loop = asyncio.get_running_loop()
        verdict = await asyncio.wait_for(
            loop.run_in_executor(self._screening, self.screener.screen, text, history), self.screen_timeout
        )
        bare = without_payload(text)
        if bare != text:  # what stands in quotation marks there is no quotation
            verdict = max(verdict, await self.screen(bare, history), key=lambda one: one.tier)
        return verdict

    async def _place_with_slot(self, work: _Work, verdict: Verdict, safety: SafetyState) -> Place:
        """What the client may be told: the lines, and their time with the clinic, else its next free one."""
        if verdict.tier < Tier.CHECK_IN and not safety.open and not safety.awaiting:
            return self.place
        tier, now = max(verdict.tier, safety.tier).label, self.clock()
        zone = work.client.time_zone or self.clinic.time_zone

        def next_time(session: Session) -> str | None:
            kept = upcoming(session, work.client.id, now) if safety.open else None
            if kept is not None:
                return label(kept, zone)
            slots = free_slots(session, self.clinic, now=now, tier=tier, limit=1)
            return label(slots[0], zone) if slots else None

        paged = any(route.kind != "console" for route in self.clinic.routes_for(tier))
        return replace(
            self.place,
            next_slot=await self.db.read(next_time),
            clinic_told=paged,
            human_live=work.client.taken_by is not None,
        )

    def _safety_result(self, work: _Work, verdict: Verdict, step: Step) -> _Result:
        replies = [
            Outbound(
                reply.text,
                kind="safety",
                payload={"buttons": [asdict(button) for button in reply.buttons]} if reply.buttons else {},
                moves=("support:safety",),
            )
            for reply in step.replies
        ]
        if step.opens_case:
            replies[0] = replace(replies[0], payload={**replies[0].payload, "card": crisis.card(self.place)})
        asked_again, effects = self.questionnaires.behind_safety(
            work.sheets, work.inbound, work.client, case=step.state.open, over=not step.state.awaiting, now=self.clock()
        )
        effects = [*effects, *self._case_effects(work, step)]
        return _Result([*replies, *asked_again], verdict, step.state, effects=effects)

    def _case_effects(self, work: _Work, step: Step) -> list[Callable[[Session], None]]:
        if not (step.opens_case or step.raises_tier):
            return []
        now, inbound = self.clock(), work.inbound

        def effect(session: Session) -> None:
            case = open_case(
                session,
                self.clinic,
                client_id=work.client.id,
                conversation_id=inbound.conversation_id,
                message_id=inbound.id,
                reason="risk",
                tier=step.state.tier.label,
                kinds=step.state.kinds,
                now=now,
            )
            if not step.wants_slot or (step.raises_tier and upcoming(session, work.client.id, now) is not None):
                return  # a time that the client was told stays theirs
            for slot in free_slots(session, self.clinic, now=now, tier=case.tier, limit=3):
                try:
                    with session.begin_nested():
                        hold(
                            session,
                            self.clinic,
                            slot.id,
                            client_id=work.client.id,
                            conversation_id=inbound.conversation_id,
                            case_id=case.id,
                            now=now,
                            key=f"case-{inbound.id}",
                        )
                    return
                except SlotTaken:
                    continue

        return [effect]

    async def _fail_closed(self, work: _Work, safety: SafetyState, error: Exception) -> None:
        """The screen or the protocol failed: the static safety reply, a case, and readiness turns red."""
        SCREEN_FAILED.inc()
        self.screen_works = False
        log.error("screen_failed", why=type(error).__name__, at=place_of(error))
        reply = self.protocol.static_reply(self.place)
        now = self.clock()

        def effect(session: Session) -> None:
            open_case(
                session,
                self.clinic,
                client_id=work.client.id,
                conversation_id=work.inbound.conversation_id,
                message_id=work.inbound.id,
                reason="risk",
                tier="moderate",
                kinds=("unscreened",),
                now=now,
            )

        outbound = Outbound(reply.text, kind="safety", moves=("support:safety.static",))
        await self._store(work, _Result([outbound], NOTHING, safety, effects=[effect]))

    async def _talk(
        self, work: _Work, verdict: Verdict, step: Step, rng: random.Random, sheet: SheetStep | None = None
    ) -> bool:
        inbound, dialogue = work.inbound, work.conversation.dialogue
        now, text = self.clock(), inbound.text
        before = MIState.from_dict(work.conversation.mi_state)
        turn = TurnContext(
            turn_id=f"{inbound.conversation_id}.{inbound.seq}.{secrets.token_hex(4)}",
            conversation_id=inbound.conversation_id,
            client_id=work.client.id,
            inbound_id=inbound.id,
            text=text,
            payload=str(inbound.payload.get("payload", "")),
            now=now,
            hours_away=work.hours_away(now),
            zone=work.client.time_zone or self.clinic.time_zone,
            gentle=work.open_tier is not None or step.state.open,
            mi=before if sheet is None or sheet.says else without_question(before),
            core=self.core,
            clinic=self.clinic,
            crisis=crisis.short(self.place),
            lines=crisis.spoken(self.place),
            db=self.db,
            rng=rng,
        )
        slots = {
            **dialogue.get("slots", {}),
            "channel": work.conversation.channel,
            "said": dialogue.get("said", []),
            "clinic": self.clinic.name,
            "crisis": crisis.short(self.place),
        }
        self.turns.begin(turn)
        try:
            answer = await self._unless_risk_waits(
                inbound.conversation_id,
                self.dialogue.turn(turn.turn_id, text, slots=slots, loop=dialogue.get("loop"), previous=turn.mi.asked),
            )
        except Overtaken:
            return False
        except DialogueDown as error:
            log.warning("dialogue_down", why=str(error))
            await self._hold_on(work)
            return False
        finally:
            self.turns.end(turn)
        replies = merged(answer.replies)
        said = [*dialogue.get("said", []), *(sentence_id(reply.text) for reply in replies)][-REMEMBERED:]
        kept = {name: value for name, value in answer.slots.items() if name not in OURS}
        state = {"slots": kept, "loop": answer.loop, "said": said}
        more, effects = self.questionnaires.behind_talk(
            work.sheets, sheet, inbound, work.conversation, work.client, idle=is_idle(state), now=now
        )
        result = _Result(
            [*replies, *more],
            verdict,
            step.state,
            mi=(turn.mi if sheet is None else with_question_of(turn.mi, before)).to_dict(),
            dialogue=state,
            heard={"turn": turn.mi.turns, "process": turn.mi.process, **turn.heard},
            effects=self._case_effects(work, step),
            turn_effects=[*turn.effects, *effects, *self._paused(work, answer)],
            erases=turn.erases,
        )
        await self._store(work, result)
        return True

    def _paused(self, work: _Work, answer: DialogueAnswer) -> list[Callable[[Session], None]]:
        now, client_id = self.clock(), work.client.id
        return [lambda session: pause(session, client_id, now)] if requests.pauses(answer.parse) else []

    async def _hold_on(self, work: _Work) -> None:
        """Tells the client once, honestly, that the answer is late. The message stays open."""
        now = self.clock()
        words = Outbound(self.static_words("holding", work.inbound.seq), kind="holding", moves=("structure:holding",))

        def write(session: Session) -> bool:
            row = session.get(Message, work.inbound.id)
            if row is None or store.has_holding_reply(session, row):
                return False
            conversation = session.get_one(Conversation, row.conversation_id)
            if session.get_one(Client, conversation.client_id).taken_by is not None:
                return False
            store.add_outbound(session, conversation, [words], row.id, now)
            return True

        if await self.db.write(write):
            self.bus.signal(work.inbound.conversation_id)

    async def _store(self, work: _Work, result: _Result) -> None:
        now = self.clock()
        await self.db.write(lambda session: self._commit(session, work, result, now))
        if result.erases:
            await asyncio.to_thread(self.db.forget_old_pages)
        ANSWERED.labels(tier=result.verdict.tier.label).inc()
        self.bus.signal(work.inbound.conversation_id)

    def _commit(self, session: Session, work: _Work, result: _Result, now: datetime) -> None:
        inbound = session.get(Message, work.inbound.id)
        if inbound is None or inbound.answered_at is not None:
            return  # answered already (another worker, or erased): nothing may be said twice
        conversation = session.get_one(Conversation, inbound.conversation_id)
        if result.erases:
            conversation = _erase_and_begin_anew(session, conversation, now)
            store.add_outbound(session, conversation, result.replies, None, now)
            return
        client = session.get_one(Client, conversation.client_id, with_for_update=True)
        if client.taken_by is not None:  # perhaps while this turn was under way
            result = result.silenced()
        inbound.tier, inbound.answered_at, inbound.heard = result.verdict.tier.label, now, result.heard
        conversation.safety_state, conversation.updated_at = result.safety.to_dict(), now
        if result.mi is not None:
            conversation.mi_state = result.mi
        if result.dialogue is not None:
            conversation.dialogue = result.dialogue
        for effect in (*result.effects, *result.turn_effects):
            effect(session)
        if any(reply.kind == "safety" for reply in result.replies):
            store.close_overtaken(session, inbound, now)
        store.add_outbound(session, conversation, result.replies, inbound.id, now)


def _erase_and_begin_anew(session: Session, conversation: Conversation, now: datetime) -> Conversation:
    """Erases the client everywhere and leaves an empty conversation, so that the last word can reach them."""
    kept = {name: getattr(conversation, name) for name in ("id", "channel", "address", "last_seq")}
    client_id, language = conversation.client_id, conversation.client.language
    session.expunge_all()
    erase_client(session, client_id, now)
    session.flush()
    fresh = Conversation(
        **kept,
        client=Client(id=client_id, language=language, created_at=now),
        mi_state={},
        safety_state={},
        dialogue={"slots": {"awaiting": "consent"}, "loop": None, "said": []},
        created_at=now,
        updated_at=now,
    )
    session.add(fresh)
    session.flush()
    here = {name: kept[name] for name in ("channel", "address")}  # other places have to be linked anew
    session.add(Endpoint(**here, conversation_id=fresh.id, used_at=now))
    session.flush()
    return fresh


def without_payload(text: str) -> str:
    """The words of "/inform{"name": "Sam"}", which Rasa's buttons and some clients send; other text as it is."""
    named, brace, values = text.strip().partition("{")
    if not (named.startswith("/") and brace):
        return text
    return " ".join(re.sub(r'"[^"]*"\s*:|[{}\[\]",]', " ", values).split())


def merged(replies: Sequence[Mapping[str, Any]]) -> list[Outbound]:
    """Rasa's replies as messages: what comes without words (moves, ruler, slots, a card) goes with the words before."""
    messages: list[Outbound] = []
    for reply in replies:
        if reply.get("text"):
            payload = {"buttons": reply["buttons"]} if reply.get("buttons") else {}
            messages.append(Outbound(str(reply["text"]), payload=payload, moves=("structure:response",)))
        elif isinstance(reply.get("custom"), dict) and messages:
            custom = dict(reply["custom"])
            moves = tuple(custom.pop("moves", messages[-1].moves))
            messages[-1] = replace(messages[-1], payload={**messages[-1].payload, **custom}, moves=moves)
    if not messages:
        raise DialogueDown("no words in the answer")
    return messages
