"""In Rasa's place, inside the process: for tests of everything around the dialogue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.dialogue import DialogueAnswer, DialogueDown


class FakeDialogue:
    """Answers every turn with one sentence that names its number, or with `say`; fails while `down` is set."""

    def __init__(self) -> None:
        self.down = False
        self.late = 0.0
        self.say = ""
        self.texts: list[str] = []

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer:
        if self.down:
            raise DialogueDown("switched off by the test")
        await asyncio.sleep(self.late)
        self.texts.append(text)
        reply = {"text": self.say or f"Answer {len(self.texts)}. Tell me more."}
        return DialogueAnswer((reply,), {**slots, "awaiting": "nothing"}, loop)
