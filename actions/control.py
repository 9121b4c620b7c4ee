"""Stopping, starting over, deleting, exporting, and the crisis line."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.appointments import emptied, over
from actions.speech import take, tell, utter
from bot.clinic.notices import words
from bot.mi.state import MIState
from bot.mi.turn import Say
from bot.turns import this_turn


class ActionStop(Action):
    """The client wants to stop: accepted at once."""

    def name(self) -> str:
        return "action_stop"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        tell(dispatcher, "stop.ok")
        return [] if tracker.get_slot("awaiting") == "consent" else over()


class ActionCrisisLine(Action):
    """The numbers of the clinic's country."""

    def name(self) -> str:
        return "action_crisis_line"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        utter(dispatcher, [Say(this_turn().lines, ("give_information:crisis_line",))])
        tell(dispatcher, "control.crisis_after")
        return []


class ActionAskDelete(Action):
    """Says what deletion means and asks for a yes."""

    def name(self) -> str:
        return "action_ask_delete"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        tell(dispatcher, "control.ask_delete", buttons=("Yes, delete it", "No, keep it"))
        return [SlotSet("awaiting", "delete_confirm"), *emptied()]


class ActionDeleteConfirmed(Action):
    """Deletes everything about the client when this turn is stored."""

    def name(self) -> str:
        return "action_delete_confirmed"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        turn.erases = True
        tell(dispatcher, "control.deleted")
        return [SlotSet("awaiting", "consent")]


class ActionConfirmKept(Action):
    """Anything but a yes keeps everything as it is, and the standing question comes again."""

    def name(self) -> str:
        return "action_confirm_kept"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        tell(dispatcher, "control.kept")
        take(dispatcher, turn.core.resume(turn.mi, rng=turn.rng))
        return [SlotSet("awaiting", "nothing")]


class ActionAskStartOver(Action):
    """Says what starting over means and asks for a yes."""

    def name(self) -> str:
        return "action_ask_start_over"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        if tracker.get_slot("awaiting") == "consent":
            tell(dispatcher, "consent.ask_again", buttons=("Yes", "No"))
            return []
        tell(dispatcher, "control.ask_start_over", buttons=("Yes", "No"))
        return [SlotSet("awaiting", "start_over_confirm"), *emptied()]


class ActionStartOverConfirmed(Action):
    """Begins again: the MI state is new, and wordings already said stay said. An open case stays open."""

    def name(self) -> str:
        return "action_start_over_confirmed"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        turn = this_turn()
        turn.mi = MIState(said=turn.mi.said, frames=turn.mi.frames)
        tell(dispatcher, "control.started_over")
        take(dispatcher, turn.core.open(turn.mi, rng=turn.rng, clinic=turn.clinic.name))
        return [SlotSet("awaiting", "nothing")]


class ActionExport(Action):
    """Offers a copy of everything that is kept: a page to read, and a file for programs."""

    def name(self) -> str:
        return "action_export"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        tell(dispatcher, "control.export")
        card = {"type": "summary", "title": "Everything kept about you", "lines": []}
        dispatcher.utter_message(json_message={"card": {**card, "file": "export.html"}})
        moves = ["give_information:control.export_file"]
        dispatcher.utter_message(text=words("export_file"), json_message={"moves": moves})
        dispatcher.utter_message(json_message={"card": {**card, "file": "export.json"}})
        return []
