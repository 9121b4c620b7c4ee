"""Consent and its versions: the clinic's own words come first, and a new version is asked about first of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.store.models import Client, Conversation
from tests.contract.clients import WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack

OWN = "We keep your words for a year, on our own computer in Springfield."


@pytest.fixture
def stack(make_stack: Callable[..., Stack], dialogue: FakeDialogue, tmp_path: Path) -> Stack:
    clinic = tmp_path / "clinic.yml"
    clinic.write_text(
        (Path(__file__).parents[2] / "clinic.yml")
        .read_text()
        .replace('consent: {version: "1"}', 'consent: {version: "2", text_file: consent.txt}')
    )
    (tmp_path / "consent.txt").write_text(OWN + "\n")
    return make_stack(dialogue=dialogue, clinic_file=clinic)


def test_the_clinics_words_come_before_the_question_and_a_yes_to_something_else_is_no_consent(
    stack: Stack, dialogue: FakeDialogue
) -> None:
    person = WebPerson(stack)
    welcome = [reply.text for reply in person.open()]
    assert welcome[1] == OWN
    assert "Is that all right with you?" in welcome[2]

    def agreed_to_the_old(session) -> None:
        conversation = session.get_one(Conversation, person.conversation_id)
        conversation.client.consent_version = "1"
        conversation.dialogue = {**conversation.dialogue, "slots": {"awaiting": "nothing"}}

    stack.evoke.db.write_now(agreed_to_the_old)
    replies = person.say("yes")
    assert OWN in joined(replies)
    assert "has changed since you agreed" in replies[0].text
    assert replies[-1].choices == ("Yes", "No")
    assert dialogue.texts == []
    client = stack.read(lambda session: session.query(Client).one())
    assert client.consent_version == "1"
    person.say("yes")
    assert dialogue.texts == ["yes"], "now it is the answer"
    person.close()
