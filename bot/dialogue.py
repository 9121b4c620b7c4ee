"""The client of the Rasa server: one turn, or one parse, in one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx


class DialogueDown(Exception):
    """Rasa gave no usable answer: not running, too slow, an error, or rubbish."""


@dataclass(frozen=True)
class DialogueAnswer:
    """What a turn came to. `slots` and `loop` are where the next turn starts; `parse` is Rasa's parse result."""

    replies: tuple[Mapping[str, Any], ...]
    slots: Mapping[str, Any]
    loop: str | None
    parse: Mapping[str, Any] = field(default_factory=dict)


def plain(text: str) -> str:
    """Text that Rasa cannot take for a command: it reads a leading "/" as an intent with entities."""
    return text.lstrip("/ \t\r\n") or "."


class RasaDialogue:
    """Talks to `bot.nlu.turn_channel` over loopback.

    Args:
        url: http://127.0.0.1:PORT
        token: the bearer token the channel was started with.
        timeout: seconds until an answer counts as missing.
    """

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer:
        """One message through NLU, rules and actions.

        Args:
            turn_id: names the turn to the actions; holds nothing about the client.
            previous: the bot's question that the client answers.

        Raises:
            DialogueDown: there was no answer, or one that holds no reply.
        """
        body = {
            "turn_id": turn_id,
            "text": plain(text),
            "metadata": {"previous": previous},
            "slots": dict(slots),
            "loop": loop,
        }
        answer = await self._post("/webhooks/turn/", body)
        try:
            replies = tuple(answer["replies"])
            if not replies:
                raise DialogueDown("an empty answer")
            return DialogueAnswer(replies, answer["slots"], answer["loop"], answer["parse"])
        except (KeyError, TypeError) as error:
            raise DialogueDown(f"an answer without {error}") from error

    async def parse(self, text: str, previous: str = "") -> Mapping[str, Any]:
        """Rasa's parse result alone.

        Raises:
            DialogueDown: there was no answer.
        """
        return await self._post("/webhooks/turn/parse", {"text": plain(text), "metadata": {"previous": previous}})

    async def is_ready(self) -> bool:
        """Whether Rasa answers with a loaded model."""
        try:
            return "intent" in await self.parse("hello")
        except DialogueDown:
            return False

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.post(path, json=body)
            answer.raise_for_status()
            parsed = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DialogueDown(type(error).__name__) from error
        if not isinstance(parsed, dict):
            raise DialogueDown("an answer that is no object")
        return parsed
