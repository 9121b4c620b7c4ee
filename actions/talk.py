"""What the MI core answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.speech import take, tell
from bot.clinic_talk import appointment_offer
from bot.mi.client_language import ClientLanguage, Span
from bot.mi.draft import Heard
from bot.turns import this_turn

LONG_AWAY_HOURS = 12.0
"""After this long a greeting gets a welcome back instead of the standing question."""


class ActionMITurn(Action):
    """One turn of motivational interviewing."""

    def name(self) -> str:
        return "action_mi_turn"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        if not turn.first("heard"):
            return []  # a gap in the rules must not become a flood: Rasa's fallback asks for this up to ten times
        parse = tracker.latest_message
        intent = parse.get("intent", {}).get("name") or "share"
        heard = Heard(turn.text, intent, client_language(parse))
        turn.heard = spoken(heard.language)
        result = turn.core.take(turn.mi, heard, rng=turn.rng, gentle=turn.gentle, clinic=turn.clinic.name)
        take(dispatcher, result)
        if not result.says and result.wants != "appointment":
            tell(dispatcher, "tell_more")  # every wording is used up: better said twice than silent
        return await appointment_offer(dispatcher, turn) if result.wants == "appointment" else []


def client_language(parse: Mapping[str, Any]) -> ClientLanguage | None:
    """What bot.nlu.client_language put into Rasa's parse result; None where it is missing."""
    found = parse.get("client_language")
    if not found:
        return None
    spans = tuple(Span(**span) for span in found["codes"])
    return ClientLanguage(**{**found, "codes": spans, "evidence": tuple(found["evidence"])})


def spoken(language: ClientLanguage | None) -> dict[str, Any]:
    """The message's talk and codes, without its words: what the clinic's charts are drawn from."""
    if language is None:
        return {}
    return {"talk": language.talk, "codes": [f"{span.sign}{span.code}" for span in language.codes]}


class ActionResume(Action):
    """Asks the question again that stood before a digression; after a day away, welcomes back instead."""

    def name(self) -> str:
        return "action_resume"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        standing = {
            "consent": "consent.ask_again",
            "delete_confirm": "control.ask_delete",
            "start_over_confirm": "control.ask_start_over",
            "share": "consent.share_ask",
        }.get(tracker.get_slot("awaiting") or "nothing")
        if standing:
            tell(dispatcher, standing, buttons=("Yes", "No"))
        elif turn.hours_away > LONG_AWAY_HOURS:
            take(dispatcher, turn.core.welcome_back(turn.mi, rng=turn.rng, clinic=turn.clinic.name))
        else:
            take(dispatcher, turn.core.resume(turn.mi, rng=turn.rng))
        return []


class ActionDeclineTopic(Action):
    """The client would rather not talk about this."""

    def name(self) -> str:
        return "action_decline_topic"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        take(dispatcher, turn.core.set_aside(turn.mi, rng=turn.rng))
        return []


class ActionSummary(Action):
    """Sums up what the client has said so far."""

    def name(self) -> str:
        return "action_summary"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        result = turn.core.summarise(turn.mi, rng=turn.rng)
        take(dispatcher, result)
        if any("summary:summary" in say.moves for say in result.says):
            card = {"type": "summary", "title": "What I have said", "lines": [], "file": "summary.txt"}
            dispatcher.utter_message(json_message={"card": card})
        return []


class ActionShowPlan(Action):
    """Shows the plan, or says that there is none yet."""

    def name(self) -> str:
        return "action_show_plan"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        take(dispatcher, turn.core.show_plan(turn.mi, rng=turn.rng))
        take(dispatcher, turn.core.resume(turn.mi, rng=turn.rng))
        return []


class ActionNotEnglish(ActionMITurn):
    """Answers shortly in the client's language where a sentence for it exists, with the crisis line.

    A word or two in plain letters ("Maria", "siesta") shows no language: that goes to the MI core.
    """

    def name(self) -> str:
        return "action_not_english"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        text = this_turn().text
        language = this_turn().core.content.language_of(text)
        if language is None and text.isascii() and len(text.split()) <= 2:
            return await super().run(dispatcher, tracker, domain)
        tell(dispatcher, f"language.{language}" if language else "language.unknown")
        return []
