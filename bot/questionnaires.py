"""Questionnaires beside the dialogue: what `bot.clinic.intake` makes of a message, as replies and effects of a turn.

They run in this process, behind the safety screen and before Rasa, and need no Rasa: a table of sheets (one row each)
is all their state. They take a message only from a client who has consented to the present version, and only while
no question of the dialogue stands (a booking, a deletion to confirm).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot.clinic import sheets
from bot.clinic.config import ClinicConfig
from bot.clinic.intake import Say, Sheet, Step
from bot.clinic.sharing import agreed
from bot.mi.state import MIState
from bot.mi.turn import MICore
from bot.safety.tiers import Evidence, Tier, Verdict
from bot.store.messages import Outbound
from bot.store.models import Client, Conversation, Message

Effect = Callable[[Session], None]


@dataclass(frozen=True)
class Open:
    """A client's open sheets at the beginning of a turn, and whether the clinic's offer is due."""

    sheets: tuple[Sheet, ...] = ()
    offer: bool = False


class Questionnaires:
    """The clinic's questionnaires in conversation.

    Args:
        link: address of the chat page, for clients on Telegram.

    Raises:
        ScreenerError: a questionnaire of the clinic's cannot be used.
    """

    def __init__(self, clinic: ClinicConfig, core: MICore, link: str = "") -> None:
        self.clinic, self.core, self.form = clinic, core, sheets.form(clinic, link)

    def load(self, session: Session, client: Client, now: datetime) -> Open:
        """What stands open for a client."""
        return Open(sheets.open_sheets(session, client.id), sheets.offer_is_due(session, self.clinic, client.id, now))

    def take(
        self, standing: Open, inbound: Message, conversation: Conversation, client: Client, hours_away: float
    ) -> Step | None:
        """What a message means for the questionnaires; None when it is the conversation's alone."""
        if client.consent_version != self.clinic.consent.version:
            return None
        asked = awaiting(conversation.dialogue)
        chooses = asked == "share" and self.form.words.means("sharing", inbound.text)
        if not (is_idle(conversation.dialogue) or chooses):
            return None
        return self.form.take(
            standing.sheets,
            inbound.text,
            str((inbound.payload or {}).get("payload", "")),
            channel=conversation.channel,
            hours_away=hours_away,
            shared=agreed(client),
            turn=inbound.seq,
        )

    def effects(self, step: Step, inbound: Message, client: Client, now: datetime) -> list[Effect]:
        """Stores the sheets and what is shared."""
        return [*self._kept(step.sheets, inbound, client, now), *self._shared(step, client)]

    def replies(self, step: Step, conversation: Conversation) -> list[Outbound]:
        """What is said; when the questions are over, the conversation's own question comes again."""
        says = [outbound(say) for say in step.says]
        return [*says, *self._standing(conversation)] if step.back else says

    def behind_safety(
        self, standing: Open, inbound: Message, client: Client, *, case: bool, over: bool, now: datetime
    ) -> tuple[list[Outbound], list[Effect]]:
        """(replies, effects) behind the safety protocol's words: with a case, the questions are left for later;
        after a false alarm that is over, the one that stands comes again."""
        if self.form.again(standing.sheets) is None:
            return [], []
        if case:
            return [], self._kept(self.form.left(standing.sheets), inbound, client, now)
        return self.again(standing.sheets) if over else [], []

    def again(self, standing: Iterable[Sheet]) -> list[Outbound]:
        """The question that stands, once more."""
        say = self.form.again(tuple(standing))
        return [outbound(say)] if say is not None else []

    def behind_talk(
        self,
        standing: Open,
        step: Step | None,
        inbound: Message,
        conversation: Conversation,
        client: Client,
        *,
        idle: bool,
        now: datetime,
    ) -> tuple[list[Outbound], list[Effect]]:
        """(replies, effects) behind an answer of the conversation: the item that was asked, or the clinic's offer
        where it is due. While a question of the dialogue stands (not `idle`), nothing is said."""
        if step is not None:
            says = [outbound(say) for say in step.says] or self.again(step.sheets)
            return says if idle else [], self.effects(step, inbound, client, now)
        if not idle:
            return [], []
        if self.form.again(standing.sheets) is not None:
            return self.again(standing.sheets), []
        if standing.offer:
            offer = self.form.offer(conversation.channel)
            return [outbound(say) for say in offer.says], self._kept(offer.sheets, inbound, client, now)
        return [], []

    def _kept(self, changed: tuple[Sheet, ...], inbound: Message, client: Client, now: datetime) -> list[Effect]:
        def effect(session: Session) -> None:
            sheets.keep(
                session,
                changed,
                client_id=client.id,
                conversation_id=inbound.conversation_id,
                seq=inbound.seq,
                now=now,
            )

        return [effect] if changed else []

    def _shared(self, step: Step, client: Client) -> list[Effect]:
        choices = dict(step.shares)
        return [lambda session: sheets.share(session, client.id, choices)] if choices else []

    def _standing(self, conversation: Conversation) -> list[Outbound]:
        """The MI core's question once more, or an open one."""
        again = self.core.resume(MIState.from_dict(conversation.mi_state), rng=random.Random(0)).says
        if not again:
            return [Outbound(self.form.words.say("back"), moves=("open_question:intake.back",))]
        return [
            Outbound(say.text, payload={"ruler": {"name": say.ruler}} if say.ruler else {}, moves=say.moves)
            for say in again
        ]


def outbound(say: Say) -> Outbound:
    """A message of the questionnaires as it is stored."""
    payload: dict[str, Any] = {}
    if say.buttons:
        payload["buttons"] = [{"title": title, "payload": pressed} for title, pressed in say.buttons]
    if say.card:
        payload["card"] = dict(say.card)
    return Outbound(say.text, payload=payload, moves=(say.move,))


def risk_verdict(step: Step, text: str) -> Verdict:
    """The verdict on an answer that is a safety matter: thoughts without a plan, until the protocol has asked more."""
    assert step.risk is not None
    kind = str(step.risk.risk_kind)
    return Verdict(Tier.MODERATE, (kind,), (Evidence(kind, Tier.MODERATE, text, f"item_{step.risk.id}"),))


def awaiting(dialogue: Mapping[str, Any]) -> str:
    """Which question of the dialogue stands."""
    return str(dialogue.get("slots", {}).get("awaiting") or "nothing")


def is_idle(dialogue: Mapping[str, Any]) -> bool:
    """Whether no form and no question of the dialogue stands."""
    return dialogue.get("loop") is None and awaiting(dialogue) == "nothing"


def without_question(mi: MIState) -> MIState:
    """For an aside in a questionnaire: the conversation's own question does not come again behind it."""
    return replace(mi, asked="", awaiting="")


def with_question_of(mi: MIState, before: MIState) -> MIState:
    """After the aside: the question that stood before stands again, unless a new one was asked."""
    return mi if mi.asked else replace(mi, asked=before.asked, awaiting=before.awaiting)
