"""What one message is answered with: safety first, then what the client asks for, then the conversation.

Theory of operation. `Answering.answer` starts from its `Work` and stores nothing: it gives back a `Result`, which the
caller stores whole or not at all. In order: the screen reads the raw text and the safety protocol may answer;
a client in a person's hands (`bot.clinic.takeover`) gets safety's words only; attachments, commands and consent have
words of their own; a questionnaire takes its answers; all else goes to the dialogue. When the screen or the protocol
fails, the fixed safety reply goes out and a case is opened: it fails closed.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy.orm import Session

from bot import crisis, requests
from bot.clinic import notices
from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.intake import Step as SheetStep
from bot.clinic.proactive import pause
from bot.clinic.schedule import SlotTaken, free_slots, hold, label, upcoming
from bot.dialogue import DialogueAnswer, DialogueDown
from bot.errors import place_of
from bot.metrics import SCREEN_FAILED
from bot.mi.draft import sentence_id
from bot.mi.state import MIState
from bot.mi.turn import MICore
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
from bot.store.database import Database
from bot.store.messages import Outbound
from bot.turns import TurnContext, Turns
from bot.work import Result, Work

log = structlog.get_logger()
SCREENS = 2
"""Messages that are screened at the same time."""
REMEMBERED = 80
"""Marks of the last sentences said, for Rasa's responses."""
OURS = ("said", "clinic", "crisis", "channel")
"""Slots that each turn is given anew and that are not kept with the dialogue."""
Waits = Callable[[Awaitable[DialogueAnswer]], Awaitable[DialogueAnswer]]
"""Awaits the dialogue's answer, and may give it up by raising."""


class Dialogue(Protocol):
    """What answering needs of Rasa (`bot.dialogue.RasaDialogue`); tests have a fake."""

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer: ...


class Screens(Protocol):
    """What answering needs of `bot.safety.screen.Screener`."""

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict: ...


class Answering:
    """One per process. `screen_works` turns false when the screen has failed, and true when it works again."""

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
        screen_timeout: float = 2.0,
        chat_page: str = "",
    ) -> None:
        self.db, self.clinic, self.place = db, clinic, place
        self.screener, self.protocol, self.core = screener, protocol, core
        self.dialogue, self.turns = dialogue, turns
        self.screen_timeout = screen_timeout
        self.questionnaires = Questionnaires(clinic, core, chat_page)
        self.screen_works = True
        self.has_telegram = False
        self._screening = ThreadPoolExecutor(SCREENS, "screen")
        self._screens = asyncio.Semaphore(SCREENS)

    def close(self) -> None:
        self._screening.shutdown(wait=False, cancel_futures=True)

    def words(self, move: str, seed: int = 0) -> str:
        """A fixed wording that needs neither Rasa nor the database."""
        slots = {"clinic": self.clinic.name, "crisis": crisis.short(self.place)}
        line = self.core.content.say(move, said=(), rng=random.Random(seed), slots=slots)
        assert line is not None, move
        return line.text

    def greeting(self, channel: str = "web") -> list[Outbound]:
        """The welcome with the crisis line, and the question for consent."""
        moves = ["welcome", "welcome.crisis", *(["welcome.telegram"] if channel == "telegram" else [])]
        welcome = " ".join(self.words(move) for move in moves)
        return [Outbound(welcome, moves=("structure:welcome",)), *self.consent()]

    def consent(self) -> list[Outbound]:
        """The clinic's own words about what is kept, where it has some, and the question."""
        own = self.clinic.consent.text
        return [
            *([Outbound(own, moves=("give_information:consent.text",))] if own else []),
            Outbound(
                self.words("consent.ask"),
                payload={"buttons": requests.yes_or_no()},
                moves=("closed_question:consent.ask",),
            ),
        ]

    async def answer(self, work: Work, now: datetime, waits: Waits) -> Result:
        """What one message is answered with.

        Raises:
            DialogueDown: Rasa has no answer now; safety's words never need it.
            whatever `waits` raises.
        """
        inbound = work.inbound
        rng = random.Random(zlib.crc32(f"{inbound.conversation_id}.{inbound.seq}".encode()))
        safety = SafetyState.from_dict(work.conversation.safety_state)
        try:
            verdict = await self.screen(inbound.text, work.history)
            place = await self._place_with_slot(work, verdict, safety, now)
            step = self.protocol.step(safety, verdict, inbound.text, place=place, rng=rng)
        except Exception as error:
            return self._fail_closed(work, safety, error, now)
        self.screen_works = True
        taken = work.client.taken_by is not None
        if step.replies and (not taken or verdict.tier > Tier.NONE or step.opens_case or step.raises_tier):
            return self._safety_result(work, verdict, step, now)
        if taken:  # a person asks now: what safety asked is read once more, in this message, and then is over
            state = replace(step.state, awaiting=None, tries=0, paused=())
            return Result([], verdict, state, effects=self._case_effects(work, step, now))
        if inbound.kind == "attachment":
            text = requests.about_attachment(str(inbound.payload.get("what", "")), self.place.emergency)
            return Result([Outbound(text, moves=("structure:unsupported",))], verdict, step.state)
        asked = requests.answer(self._request(work, now))
        if asked is not None:
            return self._asked_result(work, verdict, step, asked, now)
        inbound.text = requests.phrase(inbound.text)  # for this turn; what is kept is what was typed
        if self._consent_is_old(work):
            return self._ask_consent_anew(work, verdict, step)
        sheet = self.questionnaires.take(work.sheets, inbound, work.conversation, work.client, work.hours_away(now))
        if sheet is None or sheet.talk:
            return await self._talk(work, verdict, step, rng, sheet, now, waits)
        return await self._sheet_result(work, verdict, step, sheet, rng, now)

    def _request(self, work: Work, now: datetime) -> requests.Request:
        return requests.Request(
            inbound=work.inbound,
            conversation=work.conversation,
            client=work.client,
            clinic=self.clinic,
            place=self.place,
            now=now,
            has_telegram=self.has_telegram,
            waiting=work.waiting,
        )

    def _asked_result(self, work: Work, verdict: Verdict, step: Step, asked: requests.Answer, now: datetime) -> Result:
        kept = {name: value for name, value in work.conversation.dialogue.items() if name != "asked"}
        return Result(
            list(asked.replies),
            verdict,
            step.state,
            dialogue={**kept, "asked": asked.asked} if asked.asked else kept,
            effects=self._case_effects(work, step, now),
            turn_effects=[asked.effect] if asked.effect else [],
        )

    def _consent_is_old(self, work: Work) -> bool:
        """Whether the client agreed to an earlier version and has not been asked about this one."""
        return (
            work.client.consent_version not in (None, self.clinic.consent.version)
            and awaiting(work.conversation.dialogue) != "consent"
        )

    def _ask_consent_anew(self, work: Work, verdict: Verdict, step: Step) -> Result:
        """The new words and the question, before anything else: a yes to something else is no consent."""
        changed = notices.words("consent_changed").format(clinic=self.clinic.name)
        replies = [Outbound(changed, moves=("structure:consent.changed",)), *self.consent()]
        dialogue = work.conversation.dialogue
        slots = {**dialogue.get("slots", {}), "awaiting": "consent"}
        return Result(replies, verdict, step.state, dialogue={**dialogue, "slots": slots, "loop": None})

    async def _sheet_result(
        self, work: Work, verdict: Verdict, step: Step, sheet: SheetStep, rng: random.Random, now: datetime
    ) -> Result:
        """The next question of a questionnaire; an answer that is a safety matter gets the safety protocol's words."""
        effects = self.questionnaires.effects(sheet, work.inbound, work.client, now)
        if sheet.risk is not None:
            verdict = risk_verdict(sheet, work.inbound.text)
            place = await self._place_with_slot(work, verdict, step.state, now)
            step = self.protocol.step(step.state, verdict, work.inbound.text, place=place, rng=rng)
            result = self._safety_result(replace(work, sheets=Open()), verdict, step, now)
        else:
            result = Result(self.questionnaires.replies(sheet, work.conversation), verdict, step.state)
            if not is_idle(work.conversation.dialogue):  # the question about sharing is answered with this
                slots = {**work.conversation.dialogue.get("slots", {}), "awaiting": "nothing"}
                result.dialogue = {**work.conversation.dialogue, "slots": slots}
        result.turn_effects = effects
        return result

    async def screen(self, text: str, history: Sequence[str]) -> Verdict:
        if not text:
            return NOTHING
        loop = asyncio.get_running_loop()
        async with self._screens:  # waiting for one's turn in a crowd is no failure of the screen
            verdict = await asyncio.wait_for(
                loop.run_in_executor(self._screening, self.screener.screen, text, history), self.screen_timeout
            )
        bare = without_payload(text)
        if bare != text:  # what stands in quotation marks there is no quotation
            verdict = max(verdict, await self.screen(bare, history), key=lambda one: one.tier)
        return verdict

    async def _place_with_slot(self, work: Work, verdict: Verdict, safety: SafetyState, now: datetime) -> Place:
        """What the client may be told: the lines, and their time with the clinic, else its next free one."""
        if verdict.tier < Tier.CHECK_IN and not safety.open and not safety.awaiting:
            return self.place
        tier = max(verdict.tier, safety.tier).label
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

    def _safety_result(self, work: Work, verdict: Verdict, step: Step, now: datetime) -> Result:
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
            work.sheets, work.inbound, work.client, case=step.state.open, over=not step.state.awaiting, now=now
        )
        effects = [*effects, *self._case_effects(work, step, now)]
        return Result([*replies, *asked_again], verdict, step.state, effects=effects)

    def _case_effects(self, work: Work, step: Step, now: datetime) -> list[Callable[[Session], None]]:
        if not (step.opens_case or step.raises_tier):
            return []
        inbound = work.inbound

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

    def _fail_closed(self, work: Work, safety: SafetyState, error: Exception, now: datetime) -> Result:
        """The screen or the protocol failed: the static safety reply, a case, and readiness turns red."""
        SCREEN_FAILED.inc()
        self.screen_works = False
        log.error("screen_failed", why=type(error).__name__, at=place_of(error))
        reply = self.protocol.static_reply(self.place)

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
        return Result([outbound], NOTHING, safety, effects=[effect])

    async def _talk(
        self,
        work: Work,
        verdict: Verdict,
        step: Step,
        rng: random.Random,
        sheet: SheetStep | None,
        now: datetime,
        waits: Waits,
    ) -> Result:
        inbound, dialogue = work.inbound, work.conversation.dialogue
        text = inbound.text
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
            answer = await waits(
                self.dialogue.turn(turn.turn_id, text, slots=slots, loop=dialogue.get("loop"), previous=turn.mi.asked)
            )
        finally:
            self.turns.end(turn)
        replies = merged(answer.replies)
        said = [*dialogue.get("said", []), *(sentence_id(reply.text) for reply in replies)][-REMEMBERED:]
        kept = {name: value for name, value in answer.slots.items() if name not in OURS}
        state = {"slots": kept, "loop": answer.loop, "said": said}
        more, effects = self.questionnaires.behind_talk(
            work.sheets, sheet, inbound, work.conversation, work.client, idle=is_idle(state), now=now
        )
        return Result(
            [*replies, *more],
            verdict,
            step.state,
            mi=(turn.mi if sheet is None else with_question_of(turn.mi, before)).to_dict(),
            dialogue=state,
            heard={"turn": turn.mi.turns, "process": turn.mi.process, **turn.heard},
            effects=self._case_effects(work, step, now),
            turn_effects=[*turn.effects, *effects, *self._paused(work, answer, now)],
            erases=turn.erases,
        )

    def _paused(self, work: Work, answer: DialogueAnswer, now: datetime) -> list[Callable[[Session], None]]:
        client_id = work.client.id
        return [lambda session: pause(session, client_id, now)] if requests.pauses(answer.parse) else []


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
