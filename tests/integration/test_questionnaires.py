"""Questionnaires through the running application, with a stand-in for Rasa: stored, resumed, safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from bot.store.models import Client, Conversation, Message, Questionnaire
from tests.contract.clients import TelegramPerson, WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack


def consented(stack: Stack, conversation_id: str) -> None:
    """What the real dialogue does with a yes."""

    def write(session):
        conversation = session.get_one(Conversation, conversation_id)
        conversation.client.consent_version = stack.evoke.clinic.consent.version
        conversation.dialogue = {**conversation.dialogue, "slots": {"awaiting": "nothing"}}

    stack.evoke.db.write_now(write)


@pytest.fixture
def web() -> Iterator[Callable[[Stack], WebPerson]]:
    people = []

    def open_(stack: Stack) -> WebPerson:
        people.append(WebPerson(stack))
        people[-1].open()
        consented(stack, people[-1].conversation_id)
        return people[-1]

    yield open_
    for person in people:
        person.close()


def sheets(stack: Stack) -> dict[str, Questionnaire]:
    rows = stack.read(lambda session: list(session.scalars(select(Questionnaire))))
    return {row.instrument: row for row in rows}


def test_nothing_is_asked_before_consent(fake_dialogue_stack: Stack) -> None:
    person = WebPerson(fake_dialogue_stack)
    person.open()
    person.say("questionnaire")
    assert sheets(fake_dialogue_stack) == {}
    person.close()


def test_a_whole_questionnaire_is_stored_with_the_message_of_each_answer(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack
) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    for _ in range(8):
        person.press("Several days")
    assert "9 of 9" not in joined(person.press("Not at all")), "the ninth is answered with no"
    row = sheets(fake_dialogue_stack)["phq9"]
    assert [answer["value"] for answer in row.answers] == [1] * 8 + [0]
    said = {m.seq: m.text for m in fake_dialogue_stack.rows(person.conversation_id) if m.direction == "in"}
    assert {said[answer["seq"]] for answer in row.answers[:8]} == {"Several days"}
    assert fake_dialogue_stack.cases(person.conversation_id) == []
    assert "Answer" not in joined(person.press("Somewhat difficult")), "Rasa is not asked"


def test_it_goes_on_after_a_restart_where_it_was(
    web: Callable[[Stack], WebPerson], make_stack: Callable[..., Stack], dialogue: FakeDialogue
) -> None:
    first = make_stack(dialogue=dialogue)
    person = web(first)
    person.say("questionnaire")
    person.say("not at all")
    person.say("more than half the days")
    first.stop()
    second = make_stack(dialogue=dialogue)
    person.move_to(second)
    assert "4 of 9" in joined(person.say("2"))


def test_the_ninth_item_opens_a_case_and_gets_the_safety_words_at_once(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack
) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    for _ in range(8):
        person.say("not at all")
    replies = person.say("several days")
    assert "988" in joined(replies)
    (case,) = fake_dialogue_stack.cases(person.conversation_id)
    assert (case.tier, case.kinds) == ("moderate", ["suicide"])
    rows = fake_dialogue_stack.rows(person.conversation_id)
    assert [row.kind for row in rows if row.in_reply_to == case.message_id] == ["safety"] * len(replies)
    assert sheets(fake_dialogue_stack)["phq9"].status == "finished"
    assert sheets(fake_dialogue_stack)["gad7"].status == "later", "nothing more is asked now"


def test_risk_typed_at_any_item_is_met_first_and_the_questions_wait(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack
) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    person.say("not at all")
    replies = person.say("honestly i want to kill myself")
    assert "988" in joined(replies)
    assert "2 of 9" not in joined(replies)
    assert len(fake_dialogue_stack.cases(person.conversation_id)) == 1
    assert sheets(fake_dialogue_stack)["phq9"].status == "later"
    assert [answer["item"] for answer in sheets(fake_dialogue_stack)["phq9"].answers] == ["1"]


def test_questions_are_answered_by_the_dialogue_and_the_item_comes_again(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack, dialogue: FakeDialogue
) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    replies = person.say("who is going to read this?")
    assert dialogue.texts == ["who is going to read this?"]
    assert [reply.text.splitlines()[0] for reply in replies] == ["Answer 1. Tell me more.", "1 of 9"]
    assert "Not at all" in replies[-1].choices


def test_with_the_dialogue_down_the_questionnaire_goes_on(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack, dialogue: FakeDialogue
) -> None:
    person = web(fake_dialogue_stack)
    dialogue.down = True
    assert "1 of 9" in joined(person.say("questionnaire"))
    assert "2 of 9" in joined(person.say("nearly every day"))


def test_stopping_hands_back_to_the_conversation(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack, dialogue: FakeDialogue
) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    replies = person.press("Stop")
    assert len(replies) == 2
    assert "Answer 1" in joined(person.say("so, work was hard this week"))


def test_the_choices_of_sharing_are_kept_and_told(
    web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack
) -> None:
    person = web(fake_dialogue_stack)
    person.say("what can the clinic see?")
    for typed in ("yes", "yes", "no", "no", "yes"):
        person.say(typed)
    client = fake_dialogue_stack.read(lambda session: session.get_one(Conversation, person.conversation_id).client)
    assert client.shares == {
        "reasons": True,
        "rulers": True,
        "plan": False,
        "questionnaires": False,
        "conversation": True,
    }
    assert client.share_with_clinic
    person.say("sharing")
    for typed in ("no", "no", "no", "no", "no"):
        person.say(typed)
    client = fake_dialogue_stack.read(lambda session: session.get_one(Client, client.id))
    assert not any(client.shares.values())
    assert not client.share_with_clinic


def test_on_telegram_the_widget_is_named_as_the_private_way(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue, own_telegram_api
) -> None:
    stack = make_stack(
        dialogue=dialogue,
        telegram_token="4242:test-token",
        telegram_base_url=own_telegram_api.base_url,
        public_url="https://bot.clinic.example",
    )
    person = TelegramPerson(stack, own_telegram_api)
    person.open()
    consented(stack, person.conversation_id)
    assert "https://bot.clinic.example" in joined(person.say("questionnaire"))
    assert "1 of 9" in joined(person.press("Do it here"))
    assert "2 of 9" in joined(person.press("Not at all"))


def test_a_message_worked_twice_answers_once(web: Callable[[Stack], WebPerson], fake_dialogue_stack: Stack) -> None:
    person = web(fake_dialogue_stack)
    person.say("questionnaire")
    person.say("not at all")
    person.repeat()
    assert len(sheets(fake_dialogue_stack)["phq9"].answers) == 1
    rows = fake_dialogue_stack.read(lambda session: list(session.scalars(select(Message))))
    assert sum("2 of 9" in row.text for row in rows) == 1
