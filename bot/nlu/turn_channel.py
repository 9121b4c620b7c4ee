"""Rasa's only door: one request holds where the dialogue stands and what was said; the answer holds what follows.

Rasa keeps nothing between turns. The application sends the slots and the active form that the turn starts from, this
channel builds a tracker from them, lets Rasa understand the message and run its prediction loop, and gives back the
replies and the slots and form that hold now; the application stores them in one transaction. So a killed Rasa, a lost
answer or a repeated request can neither lose nor double anything, no tracker store is needed, and trackers stay short
(Rasa slows down with a tracker's length). The price is one rule for writers of rules and stories: whatever a later
turn depends on has to be a slot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import ActionExecuted, ActiveLoop, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse


class TurnChannel(InputChannel):
    """`POST /webhooks/turn/` and `/webhooks/turn/parse`, for the application only: loopback and a token."""

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def name(cls) -> str:
        return "turn"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> TurnChannel:
        if not credentials or not credentials.get("token"):
            cls.raise_missing_credentials_exception()
        return cls(credentials["token"])

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        blueprint = Blueprint("turn_channel", __name__)

        def refusal(request: Request) -> HTTPResponse | None:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return response.json({"error": "not authorised"}, status=401)
            agent = request.app.ctx.agent
            if not (agent and agent.is_ready()):
                return response.json({"error": "no model is loaded"}, status=503)
            return None

        @blueprint.route("/", methods=["POST"])
        async def turn(request: Request) -> HTTPResponse:
            """{turn_id, text, metadata, slots, loop} -> {replies, slots, loop, parse}."""
            return refusal(request) or response.json(
                await one_turn(request.app.ctx.agent.processor, request.json, self.name())
            )

        @blueprint.route("/parse", methods=["POST"])
        async def parse(request: Request) -> HTTPResponse:
            """{text, metadata} -> the parse result alone."""
            refused = refusal(request)
            if refused:
                return refused
            message = UserMessage(request.json["text"], sender_id="parse", metadata=request.json.get("metadata"))
            return response.json(await request.app.ctx.agent.processor.parse_message(message))

        return blueprint


async def one_turn(processor: MessageProcessor, body: dict[str, Any], channel: str) -> dict[str, Any]:
    """Rasa's own `MessageProcessor.handle_message`, with the tracker handed in and given back instead of stored."""
    tracker = tracker_from(processor, body["turn_id"], body["slots"], body.get("loop"))
    output = CollectingOutputChannel()
    message = UserMessage(body["text"], output, body["turn_id"], input_channel=channel, metadata=body.get("metadata"))
    await processor._handle_message_with_tracker(message, tracker)
    tracker = await processor.run_action_extract_slots(output, tracker)
    await processor._run_prediction_loop(output, tracker)
    return {
        "replies": [{k: v for k, v in reply.items() if k != "recipient_id"} for reply in output.messages],
        "slots": {name: value for name, value in tracker.current_slot_values().items() if value is not None},
        "loop": tracker.active_loop_name,
        "parse": tracker.latest_message.parse_data if tracker.latest_message else {},
    }


def tracker_from(
    processor: MessageProcessor, turn_id: str, slots: dict[str, Any], loop: str | None
) -> DialogueStateTracker:
    """A tracker that waits for the client's message with these slots set and this form active.

    Slots that the domain no longer has (after an update of Evoke) are left out.
    """
    known = {slot.name for slot in processor.domain.slots}
    events = [ActionExecuted("action_session_start"), SessionStarted()]
    events += [SlotSet(name, value) for name, value in slots.items() if name in known]
    if loop in processor.domain.form_names:
        events += [ActionExecuted(loop), ActiveLoop(loop)]
    events += [ActionExecuted("action_listen")]
    return DialogueStateTracker.from_events(turn_id, events, processor.domain.slots, domain=processor.domain)
