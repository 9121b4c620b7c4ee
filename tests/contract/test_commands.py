"""Every command does real work on every channel, with the real Rasa behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import requests
from bot.store.models import CheckIn, Client, Conversation
from tests.contract.clients import Person, TelegramPerson, TerminalPerson, WebPerson, joined
from tests.fakes.stack import Stack
from tests.fakes.telegram_api import TelegramApi

STORY = "I want to drink less because my daughter has seen me drunk"


@pytest.fixture(params=["web", "terminal", "telegram"])
def talking(
    request: pytest.FixtureRequest, stack: Stack, telegram_api: TelegramApi, tmp_path: Path
) -> Iterator[Person]:
    made: Person
    if request.param == "web":
        made = WebPerson(stack)
    elif request.param == "terminal":
        made = TerminalPerson(stack, tmp_path)
    else:
        made = TelegramPerson(stack, telegram_api)
    made.open()
    made.say("yes")
    yield made
    made.close()


def client_of(stack: Stack, person: Person) -> Client:
    return stack.read(
        lambda session: session.get_one(Client, session.get_one(Conversation, person.conversation_id).client_id)
    )


def test_each_of_the_twelve_commands_does_what_its_line_in_the_menu_says(stack: Stack, talking: Person) -> None:
    talking.say(STORY)
    done = {"start"}
    assert "/human" in joined(talking.say("/help"))
    assert "988" in joined(talking.say("/crisis"))
    assert "Demo clinic" in joined(talking.say("/privacy"))
    assert talking.say("/plan")
    done |= {"help", "crisis", "privacy", "plan"}
    assert "/pause stops it" in joined([*talking.say("/checkin"), *talking.press("Every day")])
    assert stack.read(lambda session: session.get(CheckIn, client_of(stack, talking).id)) is not None
    talking.say("/pause")
    assert client_of(stack, talking).reminders_paused_at is not None
    done |= {"checkin", "pause"}
    assert talking.say("/start")
    assert 1 <= len(talking.say("/human")[-1].choices) <= 3
    assert len(stack.cases(talking.conversation_id, "wish")) == 1
    assert "waiting list at Demo clinic" in joined(talking.say("/waitlist"))
    assert "You're on the waiting list" in joined(talking.press("Yes, please"))
    assert "You are number" in joined(talking.say("waiting list"))
    assert "off the waiting list" in joined(talking.press("Leave the list"))
    talking.say("/stop")
    assert stack.last_moves(talking.conversation_id) == ["autonomy:stop.ok"]
    talking.say("/export")
    assert any(
        (row.payload.get("card") or {}).get("file") == "export.json" for row in stack.rows(talking.conversation_id)
    )
    if isinstance(talking, TelegramPerson):
        name, content = next(sent.file for sent in reversed(talking.api.sent_to(talking.chat)) if sent.file)
        assert name == "export.json"
        assert STORY in json.dumps(json.loads(content), ensure_ascii=False)
    assert "Yes, delete it" in talking.say("/delete")[-1].choices
    talking.press("Yes, delete it")
    assert stack.inbound(talking.conversation_id) == []
    done |= {"human", "stop", "export", "delete", "waitlist"}
    assert done == set(requests.commands())


def test_no_reminders_in_plain_words_pauses_them(stack: Stack, talking: Person) -> None:
    talking.say("please don't send me any reminders")
    assert client_of(stack, talking).reminders_paused_at is not None


def test_a_command_is_kept_as_it_was_typed(stack: Stack, talking: Person) -> None:
    talking.say("/plan")
    assert stack.inbound(talking.conversation_id)[-1].text == "/plan"
