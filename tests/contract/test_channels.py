"""What every channel does alike: one suite, run for the web, the terminal and Telegram, on one real stack with Rasa."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.clients import Person, TelegramPerson, TerminalPerson, WebPerson, joined
from tests.fakes.stack import Stack
from tests.fakes.telegram_api import TelegramApi

MOST = 4
"""Messages that may answer one message: a welcome or a safety reply has the most."""
STORY = "I want to drink less because my daughter has seen me drunk"
DESPAIR = "i want to kill myself"


@pytest.fixture(params=["web", "terminal", "telegram"])
def person(request: pytest.FixtureRequest, stack: Stack, telegram_api: TelegramApi, tmp_path: Path) -> Iterator[Person]:
    """Someone who has not written anything yet."""
    made: Person
    if request.param == "web":
        made = WebPerson(stack)
    elif request.param == "terminal":
        made = TerminalPerson(stack, tmp_path)
    else:
        made = TelegramPerson(stack, telegram_api)
    yield made
    made.close()


@pytest.fixture
def talking(person: Person) -> Person:
    """Someone who has agreed, and has been asked the first question."""
    person.open()
    person.say("yes")
    return person


def is_safety_reply(stack: Stack, person: Person, text: str) -> bool:
    """Whether what followed is a safety reply with a line to call, a case, and a time that is held."""
    safe = "support:safety" in stack.last_moves(person.conversation_id) and "988" in text
    held = [a for a in stack.appointments(person.conversation_id) if a.status == "held"]
    return safe and len(stack.cases(person.conversation_id)) == 1 and len(held) == 1


def test_the_welcome_says_what_this_is_and_asks_for_consent(person: Person) -> None:
    welcome = person.open()
    words = joined(welcome)
    assert "not a person" in words
    assert "988" in words
    assert "911" in words
    assert {"Yes", "No"} <= set(welcome[-1].choices)


def test_a_yes_brings_the_first_open_question(person: Person, stack: Stack) -> None:
    person.open()
    replies = person.press("Yes")
    assert replies[-1].text.endswith("?")
    assert "open_question:engage.open" in stack.last_moves(person.conversation_id)


def test_a_no_is_taken_and_a_later_yes_still_begins(person: Person, stack: Stack) -> None:
    person.open()
    person.press("No")
    assert "autonomy:consent.declined" in stack.last_moves(person.conversation_id)
    person.say("yes")
    assert "open_question:engage.open" in stack.last_moves(person.conversation_id)


def test_what_was_said_comes_back_as_a_reflection(talking: Person, stack: Stack) -> None:
    replies = talking.say(STORY)
    assert any("reflection" in move for move in stack.last_moves(talking.conversation_id))
    assert "you" in joined(replies).lower()


def test_a_ruler_is_shown_and_answered(talking: Person, stack: Stack) -> None:
    for text in (STORY, "it is drinking", "I feel ashamed the next morning", "I sleep badly and I'm always tired"):
        replies = talking.say(text)
        if "10" in replies[-1].choices:
            break
    for _ in range(6):
        if "10" in replies[-1].choices:
            break
        replies = talking.say("I really want to be there for her")
    assert set(replies[-1].choices) >= {str(number) for number in range(11)}
    talking.press("6")
    assert any("why_not_lower" in move for move in stack.last_moves(talking.conversation_id))


def test_a_repeat_of_a_message_is_one_turn(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    before = [row.id for row in stack.rows(talking.conversation_id)]
    assert talking.repeat() == []
    assert [row.id for row in stack.rows(talking.conversation_id)] == before


def test_messages_sent_at_once_are_answered_one_by_one_in_order(talking: Person, stack: Stack) -> None:
    texts = ["I drink most evenings", "are you a bot?", "my wife is worried", "thanks"]
    talking.say_at_once(texts)
    rows = stack.rows(talking.conversation_id)
    asked = [row.id for row in rows if row.direction == "in"][-4:]
    answers = [row.in_reply_to for row in rows if row.in_reply_to in asked]
    assert [row.text for row in rows if row.id in asked] == texts
    assert answers == sorted(answers)
    assert set(answers) == set(asked)


def test_four_thousand_characters_are_heard(talking: Person, stack: Stack) -> None:
    text = ("I keep going back and forth about my drinking. " * 90)[:4000]
    assert talking.say(text)
    assert len(stack.inbound(talking.conversation_id)[-1].text) >= 3999


def test_four_thousand_characters_with_the_risk_at_the_end_are_caught(talking: Person, stack: Stack) -> None:
    text = ("I keep going back and forth about my drinking. " * 90)[:3950] + f" and {DESPAIR}"
    assert is_safety_reply(stack, talking, joined(talking.say(text)))


def test_an_empty_message_does_no_harm(talking: Person, stack: Stack) -> None:
    talking.say("")
    assert talking.say(STORY)
    assert "open_question:engage.open" not in stack.last_moves(talking.conversation_id)


def test_short_words_and_emoji_get_an_answer(talking: Person) -> None:
    for text in ("\U0001f622\U0001f622", "ok", "hm", "drinking", "thanks", "?", "fuck this"):
        replies = talking.say(text)
        assert 1 <= len(replies) <= MOST, text
        assert all(reply.text.strip() for reply in replies)


def test_another_language_gets_words_in_it_and_the_crisis_line(talking: Person) -> None:
    words = joined(talking.say("no hablo inglés, necesito ayuda con el alcohol por favor"))
    assert "inglés" in words
    assert "988" in words


@pytest.mark.parametrize(
    "text", [f'/greet{{"x":"1"}} {DESPAIR}', f"/stop {DESPAIR}", f"/restart {DESPAIR}", f"/start {DESPAIR}"]
)
def test_risk_behind_a_slash_is_caught(talking: Person, stack: Stack, text: str) -> None:
    assert is_safety_reply(stack, talking, joined(talking.say(text)))


def test_a_slash_is_no_command(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    talking.say("/restart")
    assert "closed_question:control.ask_start_over" in stack.last_moves(talking.conversation_id)
    talking.say("no")
    talking.say('/action_delete_confirmed{"a":1}')
    assert STORY in [row.text for row in stack.inbound(talking.conversation_id)]


def test_a_risk_gets_the_safety_reply_a_case_and_a_held_time(talking: Person, stack: Stack) -> None:
    assert is_safety_reply(stack, talking, joined(talking.say(DESPAIR)))
    assert len(stack.alerts(talking.conversation_id)) >= 1


def test_a_risk_before_any_consent_gets_the_safety_reply(person: Person, stack: Stack) -> None:
    person.open()
    assert is_safety_reply(stack, person, joined(person.say(DESPAIR)))


def test_a_question_about_evoke_is_answered_and_the_standing_one_comes_again(talking: Person, stack: Stack) -> None:
    for text, words in {
        "are you a bot?": ("program", "bot"),
        "who reads this?": ("Demo clinic",),
        "what can you do?": ("plan",),
    }.items():
        replies = talking.say(text)
        assert any(word in replies[0].text for word in words)
        assert "open_question:engage.open" in stack.last_moves(talking.conversation_id)


def test_a_subject_can_be_left(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    talking.say("I don't want to talk about it")
    assert "autonomy:decline.accept" in stack.last_moves(talking.conversation_id)


def test_a_person_is_offered_as_real_times_within_one_turn(talking: Person, stack: Stack) -> None:
    replies = talking.say("can I talk to a person?")
    assert 1 <= len(replies[-1].choices) <= 3
    assert len(stack.cases(talking.conversation_id, "wish")) == 1


def test_a_time_is_booked_to_the_end(talking: Person, stack: Stack) -> None:
    offered = talking.say("can I talk to a person?")[-1].choices
    assert "name" in joined(talking.press(offered[0]))
    assert "reach you" in joined(talking.say("Will"))
    words = joined(talking.say("will@example.org"))
    assert [a.status for a in stack.appointments(talking.conversation_id)] == ["booked"]
    if not isinstance(talking, WebPerson):  # there it is a card
        assert offered[0] in words


def test_booking_can_be_left_at_any_time(talking: Person, stack: Stack) -> None:
    for text in ("stop", "no", "bye", "delete everything", "start over"):
        assert talking.say("can I talk to a person?")[-1].choices, text
        assert len(talking.say(text)) == 1
        assert not any("offer.times" in move for move in stack.last_moves(talking.conversation_id)), text
        if text in ("delete everything", "start over"):
            talking.say("no")


def test_a_question_in_the_middle_of_booking_is_answered_and_booking_goes_on(talking: Person, stack: Stack) -> None:
    offered = talking.say("can I talk to a person?")[-1].choices
    for text in ("are you a bot?", "who reads this?", "thanks", "which number can i call in a crisis"):
        replies = talking.say(text)
        assert 2 <= len(replies) <= MOST, text
        assert replies[-1].choices == offered


def test_stop_is_accepted_at_once(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    replies = talking.say("stop")
    assert stack.last_moves(talking.conversation_id) == ["autonomy:stop.ok"]
    assert "?" not in replies[-1].text


def test_everything_is_deleted_after_a_yes(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    assert "Yes, delete it" in talking.say("delete everything")[-1].choices
    replies = talking.press("Yes, delete it")
    assert len(replies) == 1
    assert "deleted" in replies[0].text
    assert stack.inbound(talking.conversation_id) == []
    talking.say("yes")
    assert "open_question:engage.open" in stack.last_moves(talking.conversation_id)


def test_nothing_is_deleted_after_a_no(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    talking.say("delete everything")
    talking.press("No, keep it")
    assert STORY in [row.text for row in stack.inbound(talking.conversation_id)]


def test_starting_over_asks_first_and_then_begins_again(talking: Person, stack: Stack) -> None:
    talking.say(STORY)
    talking.say("start over")
    replies = talking.say("yes")
    assert len(replies) <= MOST
    assert "open_question:engage.open" in stack.last_moves(talking.conversation_id)
