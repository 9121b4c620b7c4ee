"""Telegram with the real python-telegram-bot, polling and by webhook, against a stand-in of Telegram over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

import bot.app
from bot import requests
from bot.channels.telegram.order import InOrder
from bot.store.models import Endpoint, TakenUpdate
from tests.conftest import TOKEN
from tests.contract.clients import TelegramPerson, joined
from tests.fakes import stack as stacks
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, settings_for, until
from tests.fakes.telegram_api import Fault, TelegramApi

SECRET = "a-made-up-secret-of-the-tests"
PUBLIC = "https://bot.clinic.example"
HOOK = "/telegram/webhook"
DESPAIR = "i want to kill myself"


class World:
    """Telegram's server, and Evokes that are started on the same home one after the other."""

    def __init__(self, home: Path) -> None:
        self.home, self.api, self.dialogue = home, TelegramApi().start(), FakeDialogue()
        self.mode = ""
        self._stacks: list[Stack] = []

    @property
    def stack(self) -> Stack:
        return self._stacks[-1]

    def start(self, mode: str, **settings: object) -> Stack:
        for stack in self._stacks:
            stack.stop()
        self.mode = mode
        hook = {"telegram_webhook_secret": SECRET, "public_url": PUBLIC} if mode == "webhook" else {}
        given: dict[str, object] = {"telegram_token": TOKEN, "telegram_base_url": self.api.base_url}
        self._stacks.append(Stack(settings_for(self.home, **(given | hook | settings)), dialogue=self.dialogue).start())
        self.api.bot_url = self.stack.url
        until(lambda: bool(self.api.webhook) == (mode == "webhook") and self.api.commands)
        return self.stack

    def close(self) -> None:
        for stack in self._stacks:
            stack.stop()
        self.api.stop()


@pytest.fixture(scope="module", autouse=True)
def _one_core() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.app, "load_core", stacks.core)
        yield


@pytest.fixture(scope="module", params=["polling", "webhook"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that leave it running and in order."""
    world = World(tmp_path_factory.mktemp("telegram"))
    world.start(request.param)
    yield world
    world.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """For tests that stop and start."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mode(shared: World) -> str:
    return shared.mode


@pytest.fixture
def api(shared: World) -> TelegramApi:
    return shared.api


@pytest.fixture
def stack(shared: World) -> Stack:
    shared.dialogue.down, shared.dialogue.say = False, ""
    return shared.stack


@pytest.fixture
def dialogue(shared: World) -> FakeDialogue:
    return shared.dialogue


@pytest.fixture
def phone(stack: Stack, api: TelegramApi) -> TelegramPerson:
    person = TelegramPerson(stack, api)
    person.open()
    return person


def only(mode: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shared", [mode], indirect=True)


def hook(stack: Stack, update: object, secret: str | None = SECRET) -> httpx.Response:
    """One call of Telegram's, by hand."""
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    if isinstance(update, bytes):
        return httpx.post(stack.url + HOOK, content=update, headers=headers)
    return httpx.post(stack.url + HOOK, json=update, headers=headers)


def said(stack: Stack, phone: TelegramPerson) -> list[str]:
    return [row.text for row in stack.inbound(phone.conversation_id)]


# -- the two modes -------------------------------------------------------------------------------------------------


def test_only_what_is_needed_is_asked_of_telegram(phone: TelegramPerson, api: TelegramApi, mode: str) -> None:
    asked = api.webhook if mode == "webhook" else next(call for method, call in api.calls if method == "getUpdates")
    assert asked["allowed_updates"] == '["message", "edited_message", "callback_query", "my_chat_member"]'


def test_the_commands_stand_in_the_menu(phone: TelegramPerson, api: TelegramApi) -> None:
    all_of_them = [
        "start",
        "help",
        "crisis",
        "human",
        "plan",
        "waitlist",
        "checkin",
        "pause",
        "stop",
        "export",
        "delete",
        "privacy",
    ]
    assert api.commands == all_of_them
    assert all(words["menu"] for words in requests.commands().values())


@only("webhook")
@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x"])
def test_a_call_without_the_secret_is_refused_and_changes_nothing(
    stack: Stack, api: TelegramApi, secret: str | None
) -> None:
    answer = hook(stack, api.update(5, "hello"), secret)
    assert answer.status_code == 403
    assert stack.read(lambda session: session.get(Endpoint, ("telegram", "5"))) is None


@only("webhook")
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"{}", b'{"update_id": "x"}', b"\xff" * 10])
def test_a_call_that_is_no_update_is_refused(stack: Stack, body: bytes) -> None:
    assert hook(stack, body).status_code == 400


@only("webhook")
def test_a_call_that_is_too_long_is_refused(stack: Stack) -> None:
    assert hook(stack, b'{"update_id": 1, "x": "' + b"y" * 1_000_001 + b'"}').status_code == 413


@only("polling")
def test_there_is_no_webhook_while_we_poll(stack: Stack, api: TelegramApi) -> None:
    assert hook(stack, api.update(5, "hello"), "").status_code in (404, 405)


# -- once, and in order --------------------------------------------------------------------------------------------


def test_the_same_update_twice_is_one_turn(stack: Stack, phone: TelegramPerson) -> None:
    assert len(phone.say("I drink too much")) == 1
    assert phone.repeat() == []
    assert said(stack, phone) == ["I drink too much"]


@pytest.mark.parametrize(("first", "then"), [("polling", "webhook"), ("webhook", "polling")])
def test_the_same_update_is_one_turn_over_a_restart_and_in_the_other_mode(world: World, first: str, then: str) -> None:
    phone = TelegramPerson(world.start(first), world.api)
    phone.open()
    phone.say("I drink too much")
    phone.stack = world.start(then)
    world.api.forget_what_was_taken()
    assert phone.repeat() == []
    assert len(phone.say("every day")) == 1
    assert said(phone.stack, phone) == ["I drink too much", "every day"]


def test_the_same_start_twice_is_one_welcome(stack: Stack, api: TelegramApi) -> None:
    phone = TelegramPerson(stack, api)
    phone.last = api.update(phone.chat, "/start")
    api.deliver(phone.last, phone.last)
    until(lambda: phone._found() is not None)
    found = phone._found()
    assert found is not None
    phone.conversation_id = found.id
    assert len(phone.repeat()) == 2
    assert said(stack, phone) == []


def test_an_erased_message_does_not_come_back_when_telegram_repeats_it(stack: Stack, phone: TelegramPerson) -> None:
    phone.say("I drink too much")
    with stack.evoke.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM message WHERE direction = 'in'")
    assert phone.repeat() == []
    assert said(stack, phone) == []


@only("polling")
def test_updates_in_the_wrong_order_are_answered_in_the_right_one(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    updates = [api.update(phone.chat, str(number)) for number in range(6)]
    api.deliver(*(updates[place] for place in (3, 1, 1, 5, 0, 2, 4)))
    phone._taken(updates[5]["update_id"])
    assert said(stack, phone) == ["0", "1", "2", "3", "4", "5"]


@only("webhook")
def test_calls_that_overtake_each_other_are_answered_in_the_right_order(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    updates = [api.update(phone.chat, str(number)) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        calls = []
        for place in (3, 1, 5, 0, 2, 4):
            calls.append(pool.submit(hook, stack, updates[place]))
            time.sleep(0.02)
        assert {call.result().status_code for call in calls} == {200}
    stack.settled(phone.conversation_id)
    assert said(stack, phone) == ["0", "1", "2", "3", "4", "5"]


async def test_an_update_waits_only_a_moment_for_one_that_never_comes() -> None:
    order, began = InOrder(patience=0.2), time.monotonic()
    await order.turn(7)
    await order.turn(9)
    assert 0.15 < time.monotonic() - began < 2
    await order.turn(8)
    await order.turn(900_000)  # Telegram counts anew
    await order.turn(3)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("mode", ["polling", "webhook"])
def test_an_evoke_stopped_in_the_middle_of_an_update_goes_on_with_it(world: World, mode: str) -> None:
    phone = TelegramPerson(world.start(mode), world.api)
    phone.open()
    world.dialogue.down = True
    update = world.api.write(phone.chat, "I drink too much")
    until(lambda: world.api.taken(update))
    world.dialogue.down = False
    phone.stack = world.start(mode)
    phone.stack.settled(phone.conversation_id)
    assert [reply.text for reply in phone._new() if reply.text.startswith("Answer")] == ["Answer 1. Tell me more."]


# -- buttons -------------------------------------------------------------------------------------------------------


def test_a_press_is_answered_and_the_keyboard_gives_way_to_the_choice(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    question = api.sent_to(phone.chat)[-1]
    assert [title for title, _ in question.keyboard] == ["Yes", "No"]
    assert question.rows == (2,)
    assert not any(title.lower() in data.lower() for title, data in question.keyboard), "opaque"
    phone.press("Yes")
    until(lambda: question.message_id in api.edited)
    assert api.edited[question.message_id].endswith("✓ Yes")
    until(lambda: list(api.answered.values())[-1:] == [""])
    assert said(stack, phone) == ["Yes"]


def test_a_second_press_and_a_press_on_an_old_question_change_nothing_and_are_answered(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    phone.press("Yes")
    until(lambda: api.answered)
    before = len(api.answered)
    assert phone.press("No") == []
    until(lambda: len(api.answered) > before)
    assert "passed" in list(api.answered.values())[-1]
    assert said(stack, phone) == ["Yes"]


@pytest.mark.parametrize("data", ["", "x", "Yes", "ffffff.0", "1.ff", "-1.0", "1.0'; DROP TABLE message"])
def test_a_press_with_data_that_is_none_of_ours_does_no_harm(
    stack: Stack, phone: TelegramPerson, api: TelegramApi, data: str
) -> None:
    query = {"id": f"q{data}", "from": {"id": phone.chat, "is_bot": False, "first_name": "Sam"}, "chat_instance": "1"}
    message = api.update(phone.chat, "x")["message"]
    phone._taken(
        api.deliver(
            {
                "update_id": api.update(1, "x")["update_id"],
                "callback_query": {**query, "data": data, "message": message},
            }
        )
    )
    assert said(stack, phone) == []
    until(lambda: f"q{data}" in api.answered)


def test_a_press_on_another_clients_button_does_nothing(stack: Stack, phone: TelegramPerson, api: TelegramApi) -> None:
    other = TelegramPerson(stack, api)
    other.open()
    theirs = dict(api.sent_to(other.chat)[-1].keyboard)["Yes"]
    query = {"id": "q2", "from": {"id": phone.chat, "is_bot": False, "first_name": "Sam"}, "chat_instance": "1"}
    message = api.update(phone.chat, "x")["message"]
    phone._taken(
        api.deliver(
            {
                "update_id": api.update(1, "x")["update_id"],
                "callback_query": {**query, "data": theirs, "message": message},
            }
        )
    )
    assert said(stack, phone) == said(stack, other) == []


# -- what Telegram does badly --------------------------------------------------------------------------------------


def test_refusals_and_failures_lose_double_and_reorder_nothing(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    api.fail("sendMessage", Fault(429, retry_after=1), Fault(502), Fault(500), Fault(429, retry_after=1))
    api.fail("sendChatAction", Fault(500))
    updates = [api.write(phone.chat, f"message {number}") for number in range(4)]
    replies = phone._taken(updates[-1])
    rows = [row for row in stack.rows(phone.conversation_id) if row.direction == "out" and row.in_reply_to]
    assert [reply.text for reply in replies] == [row.text for row in rows]
    assert len(rows) == 4
    assert all(row.delivered_at for row in rows)


def test_a_confirmation_that_is_slow_to_come_is_waited_for(phone: TelegramPerson, api: TelegramApi) -> None:
    api.fail("sendMessage", Fault(hang=7))  # longer than the five seconds that the client's library allows
    assert len(phone.say("hello")) == 1


def test_telegram_away_at_the_start_is_waited_for(world: World) -> None:
    world.api.fail("getMe", Fault(502), Fault(500))
    assert len(TelegramPerson(world.start("polling"), world.api).open()) == 2


def test_a_message_that_telegram_will_never_take_does_not_hold_up_the_rest(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    api.fail("sendMessage", Fault(400, description="Bad Request: no text like this"))
    assert phone.say("one") == []
    assert len(phone.say("two")) == 1
    refused = [row for row in stack.rows(phone.conversation_id) if row.refused_at]
    assert len(refused) == 1
    assert refused[0].delivered_at is None


def test_a_keyboard_that_is_refused_costs_the_keyboard_and_not_the_words(stack: Stack, api: TelegramApi) -> None:
    phone = TelegramPerson(stack, api)
    api.fail("sendMessage", Fault(), Fault(400, description="Bad Request: BUTTON_DATA_INVALID"))
    replies = phone.open()
    assert len(replies) == 2
    assert replies[1].choices == ()


def test_a_safety_message_goes_before_all_that_stands_in_line(world: World) -> None:
    stack, api = world.start("polling", telegram_messages_per_second=4), world.api
    people = [TelegramPerson(stack, api) for _ in range(24)]
    last = 0
    for person in people:
        last = api.write(person.chat, "hello")
    last = api.write(70_000, DESPAIR)
    until(lambda: api.taken(last))
    until(lambda: any("988" in message.text and "Hello" not in message.text for message in api.sent_to(70_000)), 60)
    place = next(n for n, m in enumerate(api.sent) if m.chat == 70_000 and "988" in m.text and "Hello" not in m.text)
    assert place < 40, "of some 72 messages"


# -- who is there --------------------------------------------------------------------------------------------------


def test_a_client_who_blocks_the_bot_gets_what_was_due_when_they_come_back(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    api.blocked.add(phone.chat)  # nobody tells us: the next message finds out
    update = api.write(phone.chat, "hello")
    until(lambda: api.taken(update))
    stack.settled(phone.conversation_id)
    where = select(Endpoint).where(Endpoint.conversation_id == phone.conversation_id)
    until(lambda: stack.read(lambda session: session.scalars(where).one()).unreachable_since is not None)
    calls = len([method for method, _ in api.calls if method == "sendMessage"])
    time.sleep(1.5)
    assert len([method for method, _ in api.calls if method == "sendMessage"]) == calls, "not tried again and again"
    api.block(phone.chat, False)
    until(lambda: len(api.sent_to(phone.chat)) == phone.seen + 1)
    assert stack.read(lambda session: session.scalars(where).one()).unreachable_since is None


def test_the_bot_learns_at_once_that_it_is_blocked(stack: Stack, phone: TelegramPerson, api: TelegramApi) -> None:
    update = api.block(phone.chat)
    until(lambda: api.taken(update))
    place = stack.read(lambda session: session.get(Endpoint, ("telegram", str(phone.chat))))
    assert place is not None
    assert place.unreachable_since is not None


def test_groups_are_left_and_never_answered(stack: Stack, phone: TelegramPerson, api: TelegramApi) -> None:
    group = api.update(-100, "/start")
    group["message"]["chat"] = {"id": -100, "type": "group", "title": "Family"}
    update = api.deliver(api.membership(-100, "member", "group"), group)
    until(lambda: api.taken(update))
    until(lambda: -100 in api.left)
    assert api.sent_to(-100) == []
    assert stack.read(lambda session: session.get(Endpoint, ("telegram", "-100"))) is None


def test_what_nobody_said_is_not_answered(phone: TelegramPerson, api: TelegramApi) -> None:
    assert phone.send({"new_chat_title": "Us"}) == []
    place = {"location": {"latitude": 1.0, "longitude": 2.0, "live_period": 60}, "edit_date": 1}
    assert phone.send(place, "edited_message") == []


@pytest.mark.filterwarnings("ignore:Please use 'Bot.getUpdates'")
def test_an_update_that_cannot_be_read_does_not_hold_up_the_others(phone: TelegramPerson, api: TelegramApi) -> None:
    broken = {"update_id": api.update(1, "x")["update_id"], "message": {"message_id": "x", "chat": {"id": phone.chat}}}
    api.deliver(broken)
    assert len(phone.say("hello")) == 1


@pytest.mark.parametrize(
    "text", ["/weather", "/start over with my whole life", "/ hm", "/stop drinking is what i want"]
)
def test_a_text_that_begins_with_a_slash_and_is_no_command_is_text(
    stack: Stack, phone: TelegramPerson, dialogue: FakeDialogue, text: str
) -> None:
    phone.say(text)
    assert dialogue.texts[-1] == text


# -- long texts ----------------------------------------------------------------------------------------------------


def test_a_long_reply_comes_in_parts_that_end_with_sentences(phone: TelegramPerson, dialogue: FakeDialogue) -> None:
    sentence = "This is a long letter \U0001f331 from the clinic. "
    long = (sentence * 200).strip()
    dialogue.say = long
    replies = phone.say("hello")
    assert len(replies) == 3
    assert all(reply.text.endswith(".") for reply in replies)
    assert " ".join(reply.text for reply in replies) == long


def test_a_stop_between_two_parts_repeats_neither(world: World) -> None:
    phone = TelegramPerson(world.start("polling"), world.api)
    phone.open()
    world.dialogue.say = ("a" * 90 + ". ") * 100
    world.api.fail("sendMessage", Fault(), *(Fault(502) for _ in range(50)))
    world.api.write(phone.chat, "hello")
    until(lambda: len(world.api.sent_to(phone.chat)) == phone.seen + 1)
    phone.stack = world.start("polling")
    world.api.work_again()
    assert " ".join(reply.text for reply in phone._new()) == world.dialogue.say.strip()


def test_a_long_message_is_heard_to_its_end(stack: Stack, phone: TelegramPerson) -> None:
    text = "I keep going back and forth about my drinking. " * 150
    phone.say(text)
    assert said(stack, phone) == [text]


def test_the_bot_types_while_it_works(phone: TelegramPerson, api: TelegramApi) -> None:
    phone.say("hello")
    until(lambda: ("sendChatAction", {"chat_id": str(phone.chat), "action": "typing"}) in api.calls)


# -- the private way -----------------------------------------------------------------------------------------------


def test_the_welcome_names_the_private_way(world: World) -> None:
    welcome = joined(TelegramPerson(world.start("polling", public_url=PUBLIC), world.api).open())
    assert "not end-to-end encrypted" in welcome
    assert PUBLIC in welcome


def test_what_is_kept_of_updates_says_nothing_about_clients(stack: Stack, phone: TelegramPerson) -> None:
    phone.say("hello")
    kept = stack.read(lambda session: list(session.scalars(select(TakenUpdate))))
    assert len(kept) >= 2
    assert all(str(phone.chat) not in row.key for row in kept)
