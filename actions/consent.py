"""Consent, asked before anything is kept."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict
from sqlalchemy.orm import Session

from actions.speech import take, tell
from bot.clinic.rights import forget
from bot.clinic.sharing import ITEMS, TALK, choose
from bot.mi.state import MIState
from bot.store.models import Client
from bot.turns import this_turn


class ActionConsentGiven(Action):
    """Notes the consent and opens the conversation."""

    def name(self) -> str:
        return "action_consent_given"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()

        def consent(session: Session) -> None:
            client = session.get_one(Client, turn.client_id)
            client.consent_version, client.consented_at = turn.clinic.consent.version, turn.now

        turn.later(consent)
        tell(dispatcher, "consent.thanks")
        go_on = turn.core.resume(turn.mi, rng=turn.rng) if turn.mi.turns else None
        take(dispatcher, go_on or turn.core.open(turn.mi, rng=turn.rng, clinic=turn.clinic.name))
        return [SlotSet("awaiting", "nothing")]


class ActionConsentDeclined(Action):
    """Accepts a no; what was typed so far is forgotten."""

    def name(self) -> str:
        return "action_consent_declined"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        turn.mi = MIState()
        turn.later(lambda session: forget(session, turn.client_id))
        tell(dispatcher, "consent.declined")
        return []


class ActionConsentUnclear(Action):
    """Neither yes nor no: takes note of it kindly and asks once more."""

    def name(self) -> str:
        return "action_consent_unclear"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        tell(dispatcher, "consent.unclear", "consent.ask_again", buttons=("Yes", "No"))
        return []


class ActionShareGiven(Action):
    """The client lets the clinic's staff read the conversation, and what comes of it."""

    def name(self) -> str:
        return "action_share_given"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        _share(True)
        tell(dispatcher, "consent.shared")
        return [SlotSet("awaiting", "nothing")]


class ActionShareDeclined(Action):
    """Anything but a yes leaves the conversation with the client alone."""

    def name(self) -> str:
        return "action_share_declined"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        _share(False)
        tell(dispatcher, "consent.not_shared")
        return [SlotSet("awaiting", "nothing")]


def _share(shared: bool) -> None:
    turn = this_turn()

    def effect(session: Session) -> None:
        choose(session.get_one(Client, turn.client_id), dict.fromkeys(TALK if shared else ITEMS, shared))

    turn.later(effect)
