"""Rasa's `responses:` without repeating one: a variation already said in this conversation is left aside."""

from __future__ import annotations

import copy
import zlib
from typing import Any

from rasa.core.nlg.generator import ResponseVariationFilter
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig


class FreshResponses(TemplatedNaturalLanguageGenerator):
    """Chooses the variation that was said longest ago, or never.

    The slot `said` holds the CRC-32 (eight hexadecimal digits) of each message the client got, oldest first. Ties are
    broken by the turn's own name, so that the same turn worked twice (after a kill) says the same.
    """

    def __init__(self, endpoint_config: EndpointConfig | None, domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        slots = tracker.current_slot_values()
        fitting = ResponseVariationFilter(self.responses).responses_for_utter_action(
            utter_action, output_channel, slots
        )
        last_said = {mark: place for place, mark in enumerate(slots.get("said") or [])}
        turn = tracker.sender_id.rpartition(".")[0]

        def staleness(variation: dict[str, Any]) -> Any:
            mark = f"{zlib.crc32(variation['text'].lower().encode()):08x}"
            return last_said.get(mark, -1), zlib.crc32(f"{turn}{mark}".encode())

        filled = [self._fill_response(copy.deepcopy(variation), slots, **kwargs) for variation in fitting]
        return min(filled, key=staleness, default=None)
