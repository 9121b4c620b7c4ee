"""One conversation on several channels: codes, invitations, words for the asking, and what the clinic writes first."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

import bot.app
from bot.clinic.invitations import invite, withdraw
from bot.clinic.notices import variants
from bot.clinic.proactive import ask_for_check_ins
from bot.reaching_out import reach_out
from bot.store.models import (
    Case,
    CheckIn,
    Client,
    Conversation,
    Endpoint,
    Invitation,
    Message,
    OneTimeCode,
)
from tests.conftest import TOKEN
from tests.contract.clients import TelegramPerson, WebPerson, joined
from tests.fakes import stack as stacks
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, settings_for, until
from tests.fakes.telegram_api import TelegramApi

PUBLIC = "https://bot.clinic.example"
DESPAIR = "i want to kill myself"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, own_telegram_api: TelegramApi) -> Iterator[Stack]:
    settings = settings_for(
        tmp_path_factory.mktemp("across"),
        telegram_token=TOKEN,
        telegram_base_url=own_telegram_api.base_url,
        public_url=PUBLIC,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.app, "load_core", stacks.core)
        with Stack(settings, dialogue=FakeDialogue()) as running:
            until(lambda: own_telegram_api.commands)
            yield running


@pytest.fixture
def api(own_telegram_api: TelegramApi) -> TelegramApi:
    return own_telegram_api


@pytest.fixture
def web(stack: Stack) -> Iterator[WebPerson]:
    person = WebPerson(stack)
    person.open()
    consents(stack, person.conversation_id)
    person.say("I drink too much")
    yield person
    person.close()


@pytest.fixture
def phone(stack: Stack, api: TelegramApi) -> TelegramPerson:
    return TelegramPerson(stack, api)


def consents(stack: Stack, conversation_id: str) -> None:
    with stack.evoke.db.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE client SET consent_version = '1', time_zone = 'Europe/London' WHERE id ="
            f" (SELECT client_id FROM conversation WHERE id = '{conversation_id}')"
        )


def code_of(web: WebPerson) -> dict[str, Any]:
    return dict(web.http.post(f"/conversations/{web.conversation_id}/code").raise_for_status().json())


def sent(phone: TelegramPerson, text: str) -> str:
    """Sends, and gives back all that came; the conversation is looked up anew."""
    before = len(phone.api.sent_to(phone.chat))
    update = phone.api.write(phone.chat, text)
    until(lambda: phone.api.taken(update) and len(phone.api.sent_to(phone.chat)) > before)
    found = phone._found()
    assert found is not None
    phone.conversation_id = found.id
    phone.stack.settled(found.id)
    phone._new()
    return "\n".join(message.text for message in phone.api.sent_to(phone.chat)[before:])


def client_of(stack: Stack, conversation_id: str) -> Client:
    return stack.read(lambda session: session.get_one(Client, session.get_one(Conversation, conversation_id).client_id))


# -- from the web to Telegram and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["link", "typed"])
def test_a_conversation_goes_on_on_telegram_and_back(
    stack: Stack, web: WebPerson, phone: TelegramPerson, way: str
) -> None:
    code = code_of(web)
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", code["code"])
    link = code["telegram"].removeprefix("https://t.me/evoke_test_bot?start=")
    words = sent(phone, f"/start {link}" if way == "link" else code["code"].lower())
    assert phone.conversation_id == web.conversation_id
    assert "where you left off" in words
    assert "not end-to-end encrypted" in words
    assert "May I" not in words
    assert "Answer" in words.splitlines()[-1], "what was said last stands there again"
    assert len(phone.say("and I sleep badly")) == 1
    told = [row.text for row in stack.inbound(web.conversation_id)]
    assert told == ["I drink too much", "and I sleep badly"]
    # The browser reads along, and takes nothing away from the phone
    assert "and I sleep badly" in [m["text"] for m in messages(web)]
    web.say("back again")
    assert stack.read(lambda session: session.get_one(Conversation, web.conversation_id)).channel == "web"
    assert client_of(stack, web.conversation_id).time_zone == "Europe/London"


def messages(web: WebPerson) -> list[dict[str, Any]]:
    path = f"/conversations/{web.conversation_id}/messages"
    return list(web.http.get(path, params={"after": 0}).raise_for_status().json()["messages"])


def test_a_conversation_begun_on_telegram_opens_in_a_browser(
    stack: Stack, phone: TelegramPerson, api: TelegramApi
) -> None:
    phone.open()
    consents(stack, phone.conversation_id)
    words = joined(phone.say("continue on the web"))
    found = re.search(re.escape(PUBLIC) + r"/join#(c_\w{8})", words)
    assert found, words
    assert all(found[1] not in json.dumps([row.text, row.payload]) for row in stack.rows(phone.conversation_id))
    taken = httpx.post(f"{stack.url}/api/v1/conversations", json={"code": found[1]})
    assert taken.status_code == 201
    assert taken.json()["conversation_id"] == phone.conversation_id
    headers = {"Authorization": f"Bearer {taken.json()['token']}"}
    body = {"client_message_id": "1", "text": "hello from the browser"}
    path = f"{stack.url}/api/v1/conversations/{phone.conversation_id}/messages"
    before = len(api.sent_to(phone.chat))
    assert httpx.post(path, json=body, headers=headers).status_code == 202
    stack.settled(phone.conversation_id)
    time.sleep(0.3)
    assert len(api.sent_to(phone.chat)) == before, "the answer goes to where the client writes now"


def test_a_client_who_asks_on_the_web_gets_a_file_with_the_link(stack: Stack, web: WebPerson) -> None:
    web.say("continue on Telegram")
    card = messages(web)[-1]["card"]
    assert card["type"] == "continue"
    text = web.http.get(card["download"].removeprefix("/api/v1")).raise_for_status().text
    assert "https://t.me/evoke_test_bot?start=c_" in text


def test_a_code_works_once(stack: Stack, web: WebPerson, phone: TelegramPerson, api: TelegramApi) -> None:
    code = code_of(web)["code"]
    sent(phone, code)
    assert httpx.post(f"{stack.url}/api/v1/conversations", json={"code": code}).status_code == 404
    other = TelegramPerson(stack, api)
    assert "doesn't work" in sent(other, code)
    assert other.conversation_id != web.conversation_id


def test_a_code_is_good_for_ten_minutes(stack: Stack, web: WebPerson) -> None:
    code = code_of(web)["code"]
    with stack.evoke.db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE one_time_code SET expires_at = '2020-01-01 00:00:00'")
    assert httpx.post(f"{stack.url}/api/v1/conversations", json={"code": code}).status_code == 404


def test_a_newer_code_ends_the_older_and_neither_is_kept_readable(stack: Stack, web: WebPerson) -> None:
    first, second = code_of(web)["code"], code_of(web)["code"]
    kept = stack.read(
        lambda session: list(
            session.scalars(select(OneTimeCode.digest).where(OneTimeCode.conversation_id == web.conversation_id))
        )
    )
    assert len(kept) == 1
    assert not {first, second, first.replace("-", ""), second.replace("-", "")} & set(kept)
    assert httpx.post(f"{stack.url}/api/v1/conversations", json={"code": first}).status_code == 404


def test_the_widget_learns_that_there_is_a_way_to_telegram(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/api/v1/widget").json()["telegram"] is True


def test_there_is_no_code_before_consent_and_none_for_strangers(stack: Stack, web: WebPerson) -> None:
    stranger = WebPerson(stack)
    stranger.open()
    assert stranger.http.post(f"/conversations/{stranger.conversation_id}/code").status_code == 409
    assert stranger.http.post(f"/conversations/{web.conversation_id}/code").status_code == 401
    stranger.close()


def test_guessing_codes_is_slowed_down(stack: Stack, phone: TelegramPerson) -> None:
    stack.evoke.telegram._codes._seen.clear()  # type: ignore[union-attr]
    answers = [sent(phone, f"AAAA-AAA{digit}") for digit in range(2, 9)]
    assert "doesn't work" in answers[0]
    assert "again in a minute" in answers[-1]
    statuses = [
        httpx.post(f"{stack.url}/api/v1/conversations", json={"code": f"BBBB-BBB{n}"}).status_code for n in range(2, 10)
    ]
    assert statuses[0] in (404, 429)
    assert statuses[-1] == 429


def fresh_limits(stack: Stack) -> None:
    telegram = stack.evoke.telegram
    assert telegram is not None
    telegram._codes._seen.clear()
    telegram._all_codes._seen.clear()


def test_two_chats_with_a_past_become_one_client_and_nothing_is_lost(
    stack: Stack, web: WebPerson, phone: TelegramPerson
) -> None:
    fresh_limits(stack)
    phone.open()
    old = phone.conversation_id
    phone.say(DESPAIR)
    assert len(stack.cases(old)) == 1
    code = code_of(web)["code"]
    sent(phone, code)
    assert phone.conversation_id == web.conversation_id
    client = client_of(stack, web.conversation_id)
    assert client_of(stack, old).id == client.id
    assert [case.client_id for case in stack.cases(old)] == [client.id]
    state = stack.read(lambda session: session.get_one(Conversation, web.conversation_id)).safety_state
    assert state["open"], "what was risky there is risky here"


def test_two_chats_in_which_the_clinic_is_at_work_are_not_joined(
    stack: Stack, web: WebPerson, phone: TelegramPerson
) -> None:
    fresh_limits(stack)
    web.say(DESPAIR)
    phone.open()
    phone.say(DESPAIR)
    before = phone.conversation_id
    assert "can't join them" in sent(phone, code_of(web)["code"])
    assert phone.conversation_id == before
    assert len(stack.read(lambda session: list(session.scalars(select(Case).where(Case.closed_at.is_(None)))))) >= 2


def test_a_welcome_that_led_nowhere_is_forgotten(stack: Stack, web: WebPerson, phone: TelegramPerson) -> None:
    fresh_limits(stack)
    phone.open()
    old = phone.conversation_id
    sent(phone, code_of(web)["code"])
    assert stack.read(lambda session: session.get(Conversation, old)) is None


def test_deleting_everything_on_one_channel_deletes_it_on_all(
    stack: Stack, web: WebPerson, phone: TelegramPerson
) -> None:
    fresh_limits(stack)
    sent(phone, code_of(web)["code"])
    conversation_id = web.conversation_id

    def erase(session: Any) -> None:
        from bot.work import erase_and_begin_anew

        erase_and_begin_anew(session, session.get_one(Conversation, conversation_id), stack.evoke.conversations.clock())

    stack.evoke.db.write_now(erase)
    assert stack.inbound(conversation_id) == []
    places = stack.read(
        lambda session: [e.channel for e in session.scalars(select(Endpoint)) if e.conversation_id == conversation_id]
    )
    assert places == ["telegram"], "only where it was asked for; the other has to be linked anew"
    path = f"/conversations/{conversation_id}/messages"
    assert web.http.get(path, params={"after": 0}).status_code == 401


# -- invitations -----------------------------------------------------------------------------------------------------


def invitation(stack: Stack, **more: Any) -> str:
    clock = stack.evoke.conversations.clock
    return stack.evoke.db.write_now(lambda session: invite(session, clock(), note="referral", **more))[1]


def used_by(stack: Stack, token: str) -> str | None:
    from bot.clinic.invitations import _digest

    where = select(Invitation.client_id).where(Invitation.digest == _digest(token))
    return stack.read(lambda session: session.scalar(where))


def test_an_invitation_on_telegram_is_used_once(stack: Stack, phone: TelegramPerson, api: TelegramApi) -> None:
    token = invitation(stack)
    welcome = sent(phone, f"/start {token}")
    assert "I'm Evoke" in welcome
    assert used_by(stack, token) == client_of(stack, phone.conversation_id).id
    assert all(token not in json.dumps([row.text, row.payload]) for row in stack.rows(phone.conversation_id))
    assert "noted" in sent(phone, f"/start {token}"), "the same client may press it again"
    other = TelegramPerson(stack, api)
    words = sent(other, f"/start {token}")
    assert "has been used already" in words
    assert "I'm Evoke" in words
    assert used_by(stack, token) == client_of(stack, phone.conversation_id).id


def test_an_invitation_on_the_web_is_used_once(stack: Stack) -> None:
    token = invitation(stack)
    first = httpx.post(f"{stack.url}/api/v1/conversations", json={"invitation": token})
    assert first.status_code == 201
    assert used_by(stack, token) == client_of(stack, first.json()["conversation_id"]).id
    assert httpx.post(f"{stack.url}/api/v1/conversations", json={"invitation": token}).status_code == 404


@pytest.mark.parametrize("how", ["expired", "withdrawn", "unknown"])
def test_an_invitation_that_is_no_good_is_told_and_nobody_is_turned_away(
    stack: Stack, phone: TelegramPerson, how: str
) -> None:
    clock = stack.evoke.conversations.clock
    made, token = stack.evoke.db.write_now(
        lambda session: invite(session, clock() - timedelta(days=20 if how == "expired" else 0))
    )
    if how == "withdrawn":
        stack.evoke.db.write_now(lambda session: withdraw(session, made.id, clock()))
    if how == "unknown":
        token = "i_" + "A" * 22
    assert httpx.post(f"{stack.url}/api/v1/conversations", json={"invitation": token}).status_code == 404
    words = sent(phone, f"/start {token}")
    assert "has been used already or has run out" in words
    assert "I'm Evoke" in words


# -- what clients ask for with a word --------------------------------------------------------------------------------


def test_help_names_every_command(stack: Stack, web: WebPerson, phone: TelegramPerson) -> None:
    phone.open()
    for words in (joined(phone.say("/help")), joined(web.say("/help"))):
        for name in ("/crisis", "/human", "/checkin", "/pause", "/delete", "/export"):
            assert name in words


def test_the_crisis_line_comes_at_once_and_without_rasa(stack: Stack, phone: TelegramPerson) -> None:
    phone.open()
    dialogue = stack.evoke.dialogue
    assert isinstance(dialogue, FakeDialogue)
    dialogue.down = True
    words = joined(phone.say("/crisis"))
    dialogue.down = False
    assert "988" in words
    assert "911" in words


@pytest.mark.parametrize("answer", ["Every day", "every day please", "weekly"])
def test_check_ins_are_asked_for_and_paused(stack: Stack, phone: TelegramPerson, answer: str) -> None:
    phone.open()
    consents(stack, phone.conversation_id)
    client = client_of(stack, phone.conversation_id)
    offered = phone.say("/checkin")
    assert offered[-1].choices == ("Every day", "Every 3 days", "Once a week", "Not now")
    words = joined(phone.press(answer) if answer in offered[-1].choices else phone.say(answer))
    assert "/pause stops it" in words
    kept = stack.read(lambda session: session.get_one(CheckIn, client.id))
    assert kept.every_days == (7 if "week" in answer else 1)
    assert "No check-ins" in joined(phone.say("/pause"))
    assert stack.read(lambda session: session.get(CheckIn, client.id)) is None
    assert client_of(stack, phone.conversation_id).reminders_paused_at is not None


@pytest.mark.parametrize(
    ("text", "days"), [("Can you check in on me every day?", 1), ("please check in with me once a week", 7)]
)
def test_a_check_in_can_be_asked_for_in_words_on_the_web_too(
    stack: Stack, web: WebPerson, text: str, days: int
) -> None:
    assert "/pause stops it" in joined(web.say(text))
    client = client_of(stack, web.conversation_id)
    assert stack.read(lambda session: session.get_one(CheckIn, client.id)).every_days == days
    assert stack.inbound(web.conversation_id)[-1].text == text


def test_other_words_in_between_are_answered_as_ever(stack: Stack, phone: TelegramPerson) -> None:
    phone.open()
    consents(stack, phone.conversation_id)
    phone.say("/checkin")
    assert joined(phone.say("my wife says that I am never at home in the evenings")).startswith("Answer")
    assert stack.read(lambda session: session.get(CheckIn, client_of(stack, phone.conversation_id).id)) is None


def test_check_ins_need_consent_first(stack: Stack, phone: TelegramPerson) -> None:
    phone.open()
    offered = phone.say("/checkin")
    assert offered[-1].choices == ("Yes", "No")


# -- what the clinic writes first ------------------------------------------------------------------------------------


def test_a_check_in_arrives_where_the_client_wrote_last(
    stack: Stack, web: WebPerson, phone: TelegramPerson, api: TelegramApi
) -> None:
    fresh_limits(stack)
    sent(phone, code_of(web)["code"])
    evoke, client = stack.evoke, client_of(stack, web.conversation_id)
    now = evoke.conversations.clock()
    evoke.db.write_now(lambda session: ask_for_check_ins(session, evoke.clinic, client.id, 1, now))
    due = stack.read(lambda session: session.get_one(CheckIn, client.id)).next_at
    before = len(api.sent_to(phone.chat))
    stack.call(reach_out(evoke.db, evoke.clinic, evoke.bus, due + timedelta(minutes=1)))
    until(lambda: len(api.sent_to(phone.chat)) == before + 1)
    assert api.sent_to(phone.chat)[-1].text in variants("check_in")
    assert (
        stack.read(lambda session: session.scalars(select(Message).where(Message.kind == "check_in")).first())
        is not None
    )
