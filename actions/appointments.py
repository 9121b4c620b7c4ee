"""Booking: Rasa's form asks for a time, a name and a way to reach the client."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import ActionExecutionRejected, ActiveLoop, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict
from sqlalchemy.orm import Session

from actions.speech import tell
from actions.talk import ActionMITurn
from bot.clinic.cases import open_case
from bot.clinic.notices import cancelled_card, words
from bot.clinic.schedule import SlotTaken, book, cancel, hold, label, upcoming
from bot.clinic.waiting_list import standing, turn_down
from bot.clinic_talk import LATER, as_offer, chosen, slots_on_offer
from bot.requests import waiting_list_question
from bot.store.models import Client, Conversation
from bot.turns import TurnContext, this_turn

FORM_SLOTS = ("appointment_choice", "client_name", "client_contact", "offered")
CONTROL = ("stop", "goodbye", "delete_data", "withdraw_consent", "start_over", "cancel_appointment")
ASIDE = (*CONTROL, "ask_bot", "ask_privacy", "ask_capabilities", "ask_crisis_line")
LEAVING = ("decline_topic", "decline_appointment", "no_topic", "swearing")
NO_ANSWER = {
    # slot asked for -> intents that do not answer it, and that data/rules/clinic.yml has rules for
    "appointment_choice": (*ASIDE, "thanks", "not_english", "deny", *LEAVING),
    "client_name": (*ASIDE, "decline_appointment"),
    "client_contact": ASIDE,
}
SURE = 0.8
"""From this confidence on; a name or a number is like no training sentence, and Rasa's guess at it is a weak one."""
GOES_ON = (
    *("change_talk", "sustain_talk", "ambivalence", "share", "discord", "dont_know"),
    *("ask_information", "ask_advice", "choose_topic"),
)
LONGEST_NAME = 5
"""Words; an answer that is longer is no name, and the question is asked again."""
REACHABLE = re.compile(r"\d{4}|@|\d[\d ()+.-]{5,}")
NO_CONTACT = ("skip", "no", "none", "nope", "nah", "pass", "rather not", "no thanks", "n/a")


class ActionAskAppointmentChoice(Action):
    """Offers the next free times; says so honestly when there are none, or when the client was mistaken."""

    def name(self) -> str:
        return "action_ask_appointment_choice"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        already = tracker.get_slot("offered") or []
        after = datetime.fromisoformat(already[-1]["starts_at"]) if already and LATER.search(turn.text) else None
        slots = await slots_on_offer(turn, after) or await slots_on_offer(turn)
        wish(turn)
        if not slots and already and await _has_hold(turn):  # what was offered is held for this client alone
            tell(dispatcher, "offer.times_again")
            dispatcher.utter_message(json_message={"slots": already})
            return [SlotSet("offered", already), SlotSet("awaiting", "booking")]
        if not slots:
            tell(dispatcher, "offer.none_free")
            await _offer_waiting_list(dispatcher, turn)
            return [SlotSet("offered", []), SlotSet("awaiting", "nothing"), SlotSet("requested_slot", None)]
        offered = as_offer(turn, slots)
        tell(dispatcher, "offer.times_again" if already else "offer.times")
        dispatcher.utter_message(json_message={"slots": offered})
        return [SlotSet("offered", offered), SlotSet("awaiting", "booking")]


class ValidateBookingForm(FormValidationAction):
    """Takes an answer for what it says; an answer that says nothing has the question asked again."""

    def name(self) -> str:
        return "validate_booking_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        asked, intent = tracker.get_slot("requested_slot"), tracker.latest_message.get("intent", {})
        aside = intent.get("confidence", 0) >= SURE and intent.get("name") in NO_ANSWER.get(asked, ())
        # Behind an aside Rasa calls the form, and with it this, once more: then it only asks its question again.
        if aside and not self._chooses(tracker, asked) and this_turn().first("aside"):
            return [SlotSet(asked, None), ActionExecutionRejected("booking_form")]
        events: list[dict[str, Any]] = await super().run(dispatcher, tracker, domain)
        return events

    def _chooses(self, tracker: Tracker, asked: str) -> bool:
        turn = this_turn()
        offered = tracker.get_slot("offered") or []
        return asked == "appointment_choice" and chosen(turn.text, turn.payload, offered) is not None

    async def validate_appointment_choice(
        self, value: str, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        turn = this_turn()
        slot_id = chosen(turn.text, turn.payload, tracker.get_slot("offered") or [])
        if slot_id is None:
            return {"appointment_choice": None, **({"requested_slot": None} if speaks_of_else(tracker) else {})}
        try:
            await turn.db.write(lambda session: _hold(session, turn, slot_id))
        except SlotTaken:
            tell(dispatcher, "offer.taken")
            return {"appointment_choice": None}
        return {"appointment_choice": slot_id}

    async def validate_client_name(
        self, value: str, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if speaks_of_else(tracker):
            return {"client_name": None, "appointment_choice": None, "requested_slot": None}
        name = " ".join(this_turn().text.split()).strip(" .,!")
        for opening in ("my name is ", "my name's ", "i'm ", "im ", "i am ", "it's ", "its ", "call me "):
            if name.lower().startswith(opening):
                name = name[len(opening) :]
        return {"client_name": name if name and len(name.split()) <= LONGEST_NAME and len(name) <= 80 else None}

    async def validate_client_contact(
        self, value: str, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        contact = " ".join(this_turn().text.split())
        if contact.lower().strip(" .!") in NO_CONTACT:
            return {"client_contact": "none"}
        return {"client_contact": contact[:200] if REACHABLE.search(contact) else None}


class ActionBook(Action):
    """Books the chosen time; when it has gone in the meantime, says so and offers others."""

    def name(self) -> str:
        return "action_book"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        slot_id = tracker.get_slot("appointment_choice")
        if tracker.get_slot("offered") == []:  # there was no free time, and the client has been told so
            return over()
        if slot_id is None:  # the client went on with their story: the form is over, and the story is heard
            return [*over(), *await ActionMITurn().run(dispatcher, tracker, domain)]
        name, contact = tracker.get_slot("client_name"), tracker.get_slot("client_contact")
        try:
            when = await turn.db.write(lambda session: _book(session, turn, slot_id, name, contact))
        except SlotTaken:
            tell(dispatcher, "offer.taken")
            return [
                *(SlotSet(slot, None) for slot in FORM_SLOTS),
                ActiveLoop("booking_form"),
                FollowupAction("booking_form"),
            ]
        tell(dispatcher, "offer.booked", when=when)
        lines = [{"label": "When", "text": when}, {"label": "Where", "text": turn.clinic.address or turn.clinic.name}]
        card = {"type": "appointment", "title": "Your appointment", "lines": lines, "file": "appointment.ics"}
        dispatcher.utter_message(json_message={"card": card})
        tell(dispatcher, "consent.share_ask", buttons=("Yes", "Let me choose", "No"))
        return [*over(), SlotSet("awaiting", "share")]


class ActionBookingLeft(Action):
    """No appointment for now."""

    def name(self) -> str:
        return "action_booking_left"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        tell(dispatcher, "offer.declined")
        turn.later(lambda session: turn_down(session, turn.client_id, turn.now))
        if (await turn.db.read(lambda session: standing(session, turn.client_id, turn.now))).place is not None:
            dispatcher.utter_message(text=words("waiting_kept"))
        return over()


class ActionViewAppointment(Action):
    """Says when the next appointment is."""

    def name(self) -> str:
        return "action_view_appointment"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        booked = await turn.db.read(lambda session: upcoming(session, turn.client_id, turn.now))
        if booked is None:
            tell(dispatcher, "offer.no_appointment")
        else:
            tell(dispatcher, "offer.your_appointment", when=label(booked, turn.zone))
        return []


class ActionCancelAppointment(Action):
    """Cancels the next appointment."""

    def name(self) -> str:
        return "action_cancel_appointment"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        booked = await turn.db.read(lambda session: upcoming(session, turn.client_id, turn.now))
        if booked is None:
            tell(dispatcher, "offer.no_appointment")
            return []
        turn.later(lambda session: _cancel(session, booked.id, turn.now))
        tell(dispatcher, "offer.cancelled", when=label(booked, turn.zone))
        if booked.status == "booked":
            dispatcher.utter_message(json_message={"card": cancelled_card(turn.clinic, booked, turn.zone)})
        return []


async def _has_hold(turn: TurnContext) -> bool:
    kept = await turn.db.read(lambda session: upcoming(session, turn.client_id, turn.now))
    return kept is not None and kept.status == "held"


async def _offer_waiting_list(dispatcher: CollectingDispatcher, turn: TurnContext) -> None:
    """The question whether to be on the waiting list, unless the client is on it; `bot.requests` takes the answer."""
    if (await turn.db.read(lambda session: standing(session, turn.client_id, turn.now))).place is not None:
        dispatcher.utter_message(text=words("waiting_kept"))
        return
    question, buttons = waiting_list_question()
    dispatcher.utter_message(text=question.format(clinic=turn.clinic.name), buttons=buttons)

    def asked(session: Session) -> None:
        conversation = session.get_one(Conversation, turn.conversation_id)
        conversation.dialogue = {**conversation.dialogue, "asked": "waitlist"}

    turn.later(asked)


def speaks_of_else(tracker: Tracker) -> bool:
    """Whether a client who was offered times, or asked for a name, talks about the change instead."""
    intent = (tracker.latest_message.get("intent") or {}).get("name")
    least = 4 if tracker.get_slot("requested_slot") == "appointment_choice" else LONGEST_NAME + 1
    return intent in GOES_ON and len(this_turn().text.split()) >= least


def over() -> list[dict[str, Any]]:
    """No booking stands, and the form's slots are empty again."""
    return [SlotSet("awaiting", "nothing"), *emptied()]


def emptied() -> list[dict[str, Any]]:
    """The form's slots, empty."""
    return [SlotSet(slot, None) for slot in FORM_SLOTS]


def wish(turn: TurnContext) -> None:
    """A wish for a human is a case for the clinic, without risk."""
    turn.later(lambda session: _open_wish(session, turn))


def _open_wish(session: Session, turn: TurnContext) -> None:
    open_case(
        session,
        turn.clinic,
        client_id=turn.client_id,
        conversation_id=turn.conversation_id,
        message_id=turn.inbound_id,
        reason="wish",
        tier="none",
        now=turn.now,
    )


def _hold(session: Session, turn: TurnContext, slot_id: str) -> None:
    hold(
        session,
        turn.clinic,
        slot_id,
        client_id=turn.client_id,
        conversation_id=turn.conversation_id,
        now=turn.now,
        key=f"hold-{turn.inbound_id}",
    )


def _book(session: Session, turn: TurnContext, slot_id: str, name: str, contact: str) -> str:
    booked = book(
        session,
        turn.clinic,
        slot_id,
        client_id=turn.client_id,
        conversation_id=turn.conversation_id,
        now=turn.now,
        key=f"book-{turn.inbound_id}",
    )
    client = session.get_one(Client, turn.client_id)
    client.name = name
    client.contact = None if contact == "none" else contact
    return label(booked, turn.zone)


def _cancel(session: Session, appointment_id: str, now: datetime) -> None:
    cancel(session, appointment_id, now=now)
