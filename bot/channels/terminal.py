"""The terminal: the same conversation over the same web API, as plain text."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx

from bot.channels.views import plain_text

QUIET_SECONDS = 0.6
"""After an answer, how long to wait for another message before the prompt comes back."""
ANSWER_SECONDS = 60
PERSON_SECONDS = 3
"""While a person has taken over, the prompt comes back sooner: they may take their time."""


class Terminal:
    """Reads lines, sends them, prints what comes. Keeps its token in `memory`, so that it can go on tomorrow.

    Args:
        url: of a running Evoke.
        memory: a file for the conversation's id and token (mode 600).
    """

    def __init__(self, url: str, memory: Path) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30)
        self.memory = memory
        self.id, self.token, self.seen = "", "", 0
        self.with_person = False

    async def talk(self) -> None:
        """Until the end of input or Ctrl-C."""
        await self.begin()
        while True:
            line = await asyncio.to_thread(_read_line)
            if line is None:
                return
            if line.strip():
                await self.say(line)

    async def begin(self) -> None:
        """Goes on where it was, or begins a conversation; prints what was said."""
        if self.memory.exists():
            kept = json.loads(self.memory.read_text())
            self.id, self.token = kept["id"], kept["token"]
            answer = await self._get(0)
            if answer.status_code == 200:
                for message in answer.json()["messages"][-6:]:
                    self._show(message)
                self.seen = max((m["seq"] for m in answer.json()["messages"]), default=0)
                return
        made = await self.http.post("/api/v1/conversations", json={"channel": "terminal"})
        made.raise_for_status()
        body = made.json()
        self.id, self.token = body["conversation_id"], body["token"]
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        self.memory.touch(mode=0o600)
        self.memory.write_text(json.dumps({"id": self.id, "token": self.token}))
        for message in body["messages"]:
            self._show(message)

    async def say(self, line: str) -> None:
        """Sends a line and prints what comes in answer."""
        payload = {"client_message_id": uuid.uuid4().hex, "text": line}
        sent = await self.http.post(f"/api/v1/conversations/{self.id}/messages", json=payload, headers=self._headers())
        if sent.status_code >= 400:
            print(f"! {sent.json().get('detail', 'That did not work.')}")
            return
        number, waited, answered = sent.json()["message"]["id"], 0.0, False
        while waited < (PERSON_SECONDS if self.with_person else ANSWER_SECONDS):
            answer = await self._get(self.seen)
            if answer.status_code >= 400:  # what was sent is kept; what it says is for people
                print(f"! {answer.json().get('detail', 'That did not work.')}", flush=True)
                return
            messages = answer.json()["messages"]
            for message in messages:
                if message["from"] != "client":
                    self._show(message)
                    answered = answered or message["in_reply_to"] in (number, None)
                self.seen = max(self.seen, message["seq"])
            if answered and not messages:
                return
            pause = QUIET_SECONDS if answered else 0.1
            await asyncio.sleep(pause)
            waited += pause

    async def _get(self, after: int) -> httpx.Response:
        return await self.http.get(
            f"/api/v1/conversations/{self.id}/messages", params={"after": after}, headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _show(self, message: dict[str, Any]) -> None:
        self.seen = max(self.seen, message["seq"])
        self.with_person = bool(message.get("with", self.with_person))
        who = {"client": "you", "clinician": "Clinic"}.get(message["from"], "Evoke")
        print(f"{who}: {plain_text(message)}\n", flush=True)


def _read_line() -> str | None:
    if sys.stdin.isatty():
        try:
            return input("you: ")
        except EOFError:
            return None
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None
