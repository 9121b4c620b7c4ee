"""A client who leaves and comes back the next day finds the conversation where it stopped, also after a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bot.mi.state import MIState
from bot.store.models import Conversation
from tests.contract.clients import WebPerson, joined
from tests.fakes.stack import Stack

MakeStack = Callable[..., Stack]


def remembered(stack: Stack, person: WebPerson) -> MIState:
    def read(session: object) -> MIState:
        row = session.get(Conversation, person.conversation_id)  # type: ignore[attr-defined]
        return MIState.from_dict(row.mi_state)

    return stack.read(read)


def a_day_later(stack: Stack, person: WebPerson, make_stack: MakeStack, model: Path) -> Stack:
    """The same home, started anew, with a clock 22 hours on; the person's browser still holds the token."""
    stack.stop()
    again = make_stack(model=model)
    clock = again.evoke.conversations.clock

    def tomorrow() -> datetime:
        return clock() + timedelta(hours=22)

    again.evoke.conversations.clock = tomorrow
    person.move_to(again)
    return again


def test_the_next_day_goes_on_from_what_the_client_said(make_stack: MakeStack, model: Path) -> None:
    stack = make_stack(model=model)
    person = WebPerson(stack)
    person.open()
    for text in ("yes", "i want to drink less because my daughter has seen me drunk", "i shout at her when i drink"):
        person.say(text)
    before = remembered(stack, person)
    assert before.topic == "drinking"
    assert before.change_quotes()

    again = a_day_later(stack, person, make_stack, model)
    welcome = joined(person.say("hi"))
    assert "open_question:return.quote" in again.last_moves(person.conversation_id)
    assert before.change_quotes()[-1].text in welcome

    person.say("not so good, i had six last night and she cried")
    after = remembered(again, person)
    assert (after.topic, after.process) == (before.topic, before.process)
    assert after.quotes[: len(before.quotes)] == before.quotes
    person.close()


def test_within_the_hour_the_question_that_stood_is_asked_again(make_stack: MakeStack, model: Path) -> None:
    person = WebPerson(make_stack(model=model))
    person.open()
    asked = person.say("yes")[-1].text
    assert asked in joined(person.say("hi"))
    person.close()
