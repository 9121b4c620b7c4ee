"""A person takes over from the bot and hands back: on every channel, over a restart, and never at safety's cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot.clinic.takeover import NotYours, hand_back, take_over
from bot.dialogue import DialogueAnswer
from bot.store.models import Client, Conversation, Staff
from tests.conftest import TOKEN
from tests.contract.clients import Person, TelegramPerson, TerminalPerson, WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, until
from tests.fakes.telegram_api import TelegramApi

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DESPAIR = "i want to kill myself"


def add_staff(stack: Stack, *names: str) -> None:
    def write(session: Session) -> None:
        for name in names:
            session.add(
                Staff(
                    id=name,
                    email=f"{name}@clinic.example",
                    name=f"Dr {name.title()}",
                    role="clinician",
                    password_hash="x",
                    created_at=NOW,
                )
            )

    stack.evoke.db.write_now(write)


def client_of(stack: Stack, person: Person) -> Client:
    return stack.read(
        lambda session: session.get_one(Client, session.get_one(Conversation, person.conversation_id).client_id)
    )


def change(stack: Stack, person: Person, deed: Callable[..., str | None], by: str = "rivera") -> str | None:
    """Takes over or hands back, as the console does: in one transaction, then the signal."""
    client = client_of(stack, person)
    news = stack.evoke.db.write_now(lambda session: deed(session, stack.evoke.clinic, client.id, by, datetime.now(UTC)))

    async def signal() -> None:
        if news is not None:
            stack.evoke.bus.signal(news)

    stack.call(signal())
    return news


def said(stack: Stack, person: Person) -> list[tuple[str, str]]:
    """(kind, text) of everything that was sent to the client."""
    return [(row.kind, row.text) for row in stack.rows(person.conversation_id) if row.direction == "out"]


@pytest.fixture
def people(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue, own_telegram_api: TelegramApi, tmp_path: Path
) -> Iterator[Callable[[str], tuple[Stack, Person]]]:
    made: list[Person] = []

    def someone(channel: str) -> tuple[Stack, Person]:
        telegram = (
            {"telegram_token": TOKEN, "telegram_base_url": own_telegram_api.base_url} if channel == "telegram" else {}
        )
        stack = make_stack(dialogue=dialogue, **telegram)
        add_staff(stack, "rivera", "okafor")
        people = {
            "web": lambda: WebPerson(stack),
            "telegram": lambda: TelegramPerson(stack, own_telegram_api),
            "terminal": lambda: TerminalPerson(stack, tmp_path / "terminal"),
        }
        made.append(people[channel]())
        made[-1].open()
        made[-1].say("yes")
        return stack, made[-1]

    yield someone
    for person in made:
        person.close()


@pytest.mark.parametrize("channel", ["web", "telegram", "terminal"])
def test_the_client_is_told_both_times_and_the_bot_is_silent_in_between(people, dialogue, channel):
    stack, person = people(channel)
    change(stack, person, take_over)
    until(lambda: stack.rows(person.conversation_id)[-1].kind == "notice")
    heard = len(dialogue.texts)
    if isinstance(person, TerminalPerson):  # it reads when its owner types
        person.process.stdin.write("is somebody there?\n")
        person.process.stdin.flush()
        until(lambda: "Dr Rivera from Demo clinic is here now" in person._printed)
        until(lambda: len(stack.inbound(person.conversation_id)) == 2)
        stack.settled(person.conversation_id)
    else:
        assert "Dr Rivera from Demo clinic is here now" in joined(person._new())
        assert person.say("is somebody there?") == []
    assert stack.inbound(person.conversation_id)[-1].text == "is somebody there?"
    assert stack.inbound(person.conversation_id)[-1].tier == "none"
    assert len(dialogue.texts) == heard
    change(stack, person, hand_back)
    replies = joined(person.say("hello again"))
    if isinstance(person, TerminalPerson):
        until(lambda: "Answer 2. Tell me more" in person._printed)
        replies = person._printed
    assert "Dr Rivera has left this chat" in replies
    assert "Tell me more" in replies


def test_a_risk_still_opens_a_case_and_still_gets_the_safety_reply(people):
    stack, person = people("web")
    change(stack, person, take_over)
    person._new()
    replies = person.say(DESPAIR)
    assert "988" in joined(replies)
    assert len(stack.cases(person.conversation_id)) == 1
    assert "Tell me more" not in joined(replies)


def test_safety_speaks_up_for_danger_and_leaves_the_rest_to_the_person(people):
    stack, person = people("web")
    person.say(DESPAIR)  # the protocol asks a question, and a person comes before it is answered
    change(stack, person, take_over)
    person._new()
    assert person.say("who are you?") == []  # no answer to the question, and it is not put again
    assert person.say("ok, good") == []
    assert "988" in joined(person.say("i have the pills here and i am going to kill myself tonight"))
    raised = stack.cases(person.conversation_id)[0].tier
    assert raised in ("high", "imminent")
    assert person.say("my name is kim") == []
    assert stack.cases(person.conversation_id)[0].tier == raised


def test_a_yes_to_what_safety_asked_still_raises_the_case(people):
    stack, person = people("web")
    person.say(DESPAIR)
    change(stack, person, take_over)
    person._new()
    before = stack.cases(person.conversation_id)[0].tier
    assert person.say("yes") != []
    assert stack.cases(person.conversation_id)[0].tier != before


def test_it_survives_a_restart(make_stack, dialogue):
    stack = make_stack(dialogue=dialogue)
    add_staff(stack, "rivera")
    person = WebPerson(stack)
    person.open()
    person.say("yes")
    change(stack, person, take_over)
    stack.stop()
    again = make_stack(dialogue=dialogue)
    person.move_to(again)
    person._new()
    assert person.say("still there?") == []
    assert client_of(again, person).taken_by == "rivera"
    person.close()


class TakenMeanwhile(FakeDialogue):
    """A person takes over while the bot is still thinking about its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Any] = lambda: None

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], loop: str | None, previous: str = ""
    ) -> DialogueAnswer:
        self.meanwhile()
        return await super().turn(turn_id, text, slots=slots, loop=loop, previous=previous)


def test_an_answer_that_was_under_way_is_not_said_any_more(make_stack):
    dialogue = TakenMeanwhile()
    stack = make_stack(dialogue=dialogue)
    add_staff(stack, "rivera")
    person = WebPerson(stack)
    person.open()
    client = client_of(stack, person)
    dialogue.meanwhile = lambda: stack.evoke.db.write_now(
        lambda session: take_over(session, stack.evoke.clinic, client.id, "rivera", datetime.now(UTC))
    )
    assert "Tell me more" not in joined(person.say("hello?"))
    assert said(stack, person)[-1][0] == "notice"
    person.close()


def test_rasa_being_down_is_no_matter_while_a_person_talks(people, dialogue):
    stack, person = people("web")
    change(stack, person, take_over)
    person._new()
    dialogue.down = True
    assert person.say("are you there?") == []


def test_only_one_person_takes_over_and_anybody_can_hand_back(people):
    stack, person = people("web")
    change(stack, person, take_over)
    assert change(stack, person, take_over) is None
    with pytest.raises(NotYours, match="Dr Rivera is talking with this client already"):
        change(stack, person, take_over, by="okafor")
    assert change(stack, person, hand_back, by="okafor") == person.conversation_id
    assert change(stack, person, hand_back) is None
    assert [kind for kind, _ in said(stack, person)].count("notice") == 2


def test_a_question_of_the_bot_s_from_before_is_forgotten(people):
    stack, person = people("web")

    def ask(session: Session) -> None:
        row = session.get_one(Conversation, person.conversation_id)
        row.mi_state = {**row.mi_state, "awaiting": "importance.ask", "asked": "How important is it?"}
        row.dialogue = {**row.dialogue, "slots": {"awaiting": "share"}, "loop": "booking_form"}

    stack.evoke.db.write_now(ask)
    change(stack, person, take_over)
    change(stack, person, hand_back)
    row = stack.read(lambda session: session.get_one(Conversation, person.conversation_id))
    assert (row.mi_state["awaiting"], row.dialogue["loop"], row.dialogue["slots"]["awaiting"]) == ("", None, "nothing")
