"""Cards, rulers and times mean the same on every channel, and have a plain-text form."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from bot.channels.views import plain_text
from bot.mi.state import MIState, Quote
from bot.store.models import Conversation
from tests.fakes.stack import Stack


def begun(stack: Stack) -> tuple[httpx.Client, str]:
    http = httpx.Client(base_url=f"{stack.url}/api/v1", timeout=30)
    made = http.post("/conversations", json={}).raise_for_status().json()
    http.headers["Authorization"] = f"Bearer {made['token']}"
    return http, made["conversation_id"]


def said(stack: Stack, http: httpx.Client, conversation: str, text: str) -> list[dict[str, Any]]:
    """What came back to `text`."""
    path = f"/conversations/{conversation}/messages"
    sent = http.post(path, json={"client_message_id": uuid.uuid4().hex, "text": text}).raise_for_status().json()
    stack.settled(conversation)
    answers: list[dict[str, Any]] = http.get(path, params={"after": sent["message"]["seq"]}).json()["messages"]
    return answers


def test_the_first_safety_reply_carries_the_numbers_to_keep_and_the_next_does_not(fake_dialogue_stack: Stack) -> None:
    http, conversation = begun(fake_dialogue_stack)
    card = said(fake_dialogue_stack, http, conversation, "i want to kill myself")[0]["card"]
    assert card["type"] == "safety"
    assert {"label": "In an emergency", "text": "911"} in card["lines"]
    file = http.get(card["download"].removeprefix("/api/v1")).raise_for_status()
    assert "988 Suicide & Crisis Lifeline\n  call 988, text 988" in file.text
    again = said(fake_dialogue_stack, http, conversation, "yes")
    assert [message.get("card") for message in again] == [None] * len(again)
    http.close()


def test_the_summary_is_a_file_in_the_clients_own_words(fake_dialogue_stack: Stack) -> None:
    http, conversation = begun(fake_dialogue_stack)
    path = f"/conversations/{conversation}/files/summary.txt"
    assert http.get(path).status_code == 404
    quotes = (
        Quote("you enjoy a drink with friends", "-", "other", 1),
        Quote("you want to wake up clear", "+", "desire", 2),
    )

    def keep(session: Any) -> None:
        session.get_one(Conversation, conversation).mi_state = MIState(quotes=quotes).to_dict()

    fake_dialogue_stack.evoke.db.write_now(keep)
    text = http.get(path).raise_for_status().text
    assert "What makes it hard\n  I enjoy a drink with friends." in text
    assert "What speaks for a change\n  I want to wake up clear." in text
    http.close()


def test_everything_has_a_plain_text_form() -> None:
    lines = [{"label": "First step", "text": "walk on Tuesday"}]
    assert plain_text({"text": "Here.", "card": {"title": "My plan", "lines": lines}}) == (
        "Here.\nMy plan\n  First step: walk on Tuesday"
    )
    assert plain_text({"text": "Here.", "card": {"title": "What I have said", "lines": []}}) == "Here."
    assert plain_text({"text": "Ready?", "buttons": [{"title": "Yes"}, {"title": "No"}]}) == "Ready?\n  [Yes] [No]"
    assert plain_text({"text": "How sure?", "ruler": {"low": "not", "high": "very"}}) == (
        "How sure?\n  (0 = not ... 10 = very)"
    )
    assert plain_text({"text": "When?", "slots": [{"label": "Tue 24 Nov, 13:00", "with": "Ms Okafor"}]}) == (
        "When?\n  1. Tue 24 Nov, 13:00 (Ms Okafor)"
    )
