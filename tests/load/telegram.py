"""Many chats on Telegram at once: `python -m tests.load.telegram` is 1,000 chats with 10 messages each.

Nobody waits for an answer. The messages of all chats come mixed, some updates come twice, Telegram refuses some calls
(429, 502), and Evoke is restarted in the middle of it. In the end every chat must hold one answer to each message, in
order. Telegram's server and the dialogue are stand-ins (tests/fakes); the channel, the real python-telegram-bot, the
database and the screen's rules are real.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bot.app
from bot.dialogue import DialogueAnswer
from bot.logs import configure
from tests.conftest import TOKEN
from tests.fakes import stack as stacks
from tests.fakes.stack import Stack, settings_for, until
from tests.fakes.telegram_api import Fault, TelegramApi

FIRST_CHAT = 100_000
SECRET = "a-made-up-secret-of-the-load"
FAULTS = (
    ("sendMessage", 0.01, Fault(502)),
    ("sendMessage", 0.0005, Fault(429, retry_after=1)),
    ("getUpdates", 0.02, Fault(502)),
)


class Echo:
    """In the dialogue's place: the answer names the message that it answers."""

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer:
        return DialogueAnswer(({"text": f"Answer to {text}"},), {**slots, "awaiting": "nothing"}, loop)


@dataclass
class Outcome:
    """What came of it. The last three have to be nought."""

    chats: int
    messages: int
    mode: str
    restarts: int = 0
    repeated: int = 0
    faults: int = 0
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order)

    def line(self) -> str:
        return " ".join(f"{name}={round(v, 1) if isinstance(v, float) else v}" for name, v in vars(self).items())


def run(
    home: Path,
    *,
    chats: int,
    messages: int,
    mode: str = "polling",
    restarts: int = 2,
    seed: int = 1,
    trouble: bool = True,
) -> Outcome:
    """Writes everything, restarts on the way, waits until all is answered, and counts."""
    rng, outcome = random.Random(seed), Outcome(chats, messages, mode, restarts)
    sys.setswitchinterval(0.0005)  # Telegram's stand-in shares this process, and must not wait long for its turn
    stacks.core()  # read beforehand, so that a busy machine has time for it
    stacks.screener()
    api = TelegramApi().start()
    stack = _start(home, api, mode)

    def meets(method: str) -> Fault | None:
        for name, how_often, fault in FAULTS:
            if method == name and rng.random() < how_often:
                outcome.faults += 1
                return fault
        return None

    api.trouble = meets if trouble else None
    began = time.monotonic()
    waves = [[(FIRST_CHAT + chat, number) for chat in range(chats)] for number in range(messages)]
    stops = {messages * (place + 1) // (restarts + 1) for place in range(restarts)}
    try:
        for number, wave in enumerate(waves):
            if number in stops:
                time.sleep(chats / 100)
                stack.stop()
                stack = _start(home, api, mode)
            rng.shuffle(wave)
            updates = [api.update(chat, str(number)) for chat, number in wave]
            again = [update for update in updates if rng.random() < 0.05]
            outcome.repeated += len(again)
            api.deliver(*updates)
            if again:
                api.deliver(*again)
        last = stack
        until(lambda: _answers(api) >= chats * messages and not _due(last), 1800, pause=0.2)
        time.sleep(1)  # time for an answer too many
    finally:
        stack.stop()
        api.stop()
    outcome.seconds = time.monotonic() - began
    count(outcome, api)
    return outcome


def count(outcome: Outcome, api: TelegramApi) -> None:
    """Compares what each chat got with what it should have got."""
    got: dict[int, list[str]] = defaultdict(list)
    for sent in api.sent:
        if sent.text.startswith("Answer to "):
            got[sent.chat].append(sent.text.removeprefix("Answer to "))
    for chat in range(FIRST_CHAT, FIRST_CHAT + outcome.chats):
        answers = got[chat]
        wanted = [str(number) for number in range(outcome.messages)]
        outcome.lost += len(set(wanted) - set(answers))
        outcome.doubled += len(answers) - len(set(answers))
        outcome.out_of_order += answers != sorted(answers, key=int)


def _start(home: Path, api: TelegramApi, mode: str) -> Stack:
    hook = {"telegram_webhook_secret": SECRET, "public_url": "https://bot.clinic.example"} if mode == "webhook" else {}
    settings = settings_for(
        home,
        telegram_token=TOKEN,
        telegram_base_url=api.base_url,
        telegram_messages_per_second=100_000,
        screen_timeout=60,
        **hook,
    )
    stack = Stack(settings, dialogue=Echo()).start()
    api.bot_url = stack.url
    return stack


def _due(stack: Stack) -> int:
    query = "SELECT count(*) FROM message WHERE direction = 'out' AND delivered_at IS NULL"
    return int(stack.read(lambda session: session.connection().exec_driver_sql(query).scalar_one()))


def _answers(api: TelegramApi) -> int:
    return sum(message.text.startswith("Answer to ") for message in api.sent)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--chats", type=int, default=1000)
    arguments.add_argument("--messages", type=int, default=10)
    arguments.add_argument("--mode", choices=["polling", "webhook"], default="polling")
    arguments.add_argument("--restarts", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--calm", action="store_true", help="without faults of Telegram's")
    given = arguments.parse_args()
    os.environ.setdefault("EVOKE_LOG_LEVEL", "ERROR")
    configure("ERROR")
    with tempfile.TemporaryDirectory(prefix="evoke-telegram-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.app, "load_core", stacks.core)
        outcome = run(
            Path(folder),
            chats=given.chats,
            messages=given.messages,
            mode=given.mode,
            restarts=given.restarts,
            seed=given.seed,
            trouble=not given.calm,
        )
    print(outcome.line(), "GOOD" if outcome.is_good else "BAD")
    raise SystemExit(0 if outcome.is_good else 1)


if __name__ == "__main__":
    main()
