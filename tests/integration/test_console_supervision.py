"""Supervision: a fidelity report of a transcript that is kept nowhere, or of a conversation that the client shares."""

import html
import json
import re
from typing import Any

import pytest

from bot.commands.lines import BadLine
from bot.console.supervision import MOST_CHARACTERS, volleys_of
from bot.store.messages import Outbound, add_inbound, add_outbound
from bot.store.models import Client, Conversation
from bot.transcripts import read_transcript
from tests.fakes.console import NOW, audit, post, sign_in, token_of

PLAIN = """Client: I know I drink too much marker-5d1c but it's all I have after work
Counsellor: You should join a group. Have you tried that?

C: I hate groups
T: You'd rather do this your own way,
and on your own terms.
Client: I want to be there for my son
Counsellor: You want to be there for your son. What would that look like?
"""
LINES = "\n".join(
    json.dumps({"speaker": speaker, "text": text})
    for speaker, text in (("client", "I hate groups"), ("therapist", "You'd rather do this your own way."))
)


def words(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


async def test_a_transcript_gets_codes_reasons_charts_and_a_stronger_alternative(browser, clinic):
    await sign_in(browser)
    page = await post(browser, "/console/supervision", text=PLAIN)
    assert page.status_code == 200
    assert page.text.count("<svg") == page.text.count("<desc") >= 2
    said = words(page.text)
    assert "You should join a group. Persuading advice or a solution nobody asked for" in said
    assert "Stronger: Ask first what the client knows" in said
    assert "To practise next: Ask leave before you advise" in said
    assert "You'd rather do this your own way, and on your own terms." in said


async def test_a_file_of_json_lines_is_read_too(browser, clinic):
    await sign_in(browser)
    token = token_of(await browser.get("/console/supervision"))
    page = await browser.post(
        "/console/supervision", data={"token": token, "text": ""}, files={"file": ("talk.jsonl", LINES.encode())}
    )
    assert page.status_code == 200
    assert "1 client turns" in page.text
    assert "You'd rather do this your own way. Simple reflection" in words(page.text)


async def test_what_is_uploaded_is_kept_nowhere(browser, clinic):
    await sign_in(browser)
    page = await post(browser, "/console/supervision", text=PLAIN)
    assert "marker-5d1c" in page.text
    assert page.headers["cache-control"] == "no-store"
    with clinic.db.engine.connect() as connection:
        assert "marker-5d1c" not in "\n".join(connection.connection.iterdump())
    assert audit(clinic)[-1] == ("clinician", "supervise", "")
    assert "marker-5d1c" not in (await browser.get("/console/supervision")).text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing in it"),
        ("hello there", "line 1: who speaks?"),
        ("Client: only me", "no words of a counsellor"),
        ('{"speaker": "client"}', "line 1: `text` must be a string"),
        ('{"speaker": "dog", "text": "woof"}', "line 1: `speaker` is client"),
        ("{nonsense", "line 1: not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text, why):
    with pytest.raises(BadLine, match=re.escape(why)):
        read_transcript(text)


async def test_a_transcript_that_cannot_be_read_or_is_too_long_is_a_page_too(browser, clinic):
    await sign_in(browser)
    answer = await post(browser, "/console/supervision", text="<script>alert(1)</script>")
    assert answer.status_code == 400
    assert "line 1: who speaks?" in answer.text
    assert "<script>alert" not in answer.text
    answer = await post(browser, "/console/supervision", text="Client: " + "x" * MOST_CHARACTERS)
    assert answer.status_code == 413


async def test_a_conversation_is_looked_at_only_where_the_client_shares_it(browser, clinic):
    def talked(session: Any) -> None:
        conversation = session.get(Conversation, "talk")
        reply = Outbound("You want some peace in the evening.", moves=("simple_reflection:reflect",))
        add_outbound(session, conversation, [reply], 1, NOW)
        add_inbound(session, "talk", external_id=None, kind="text", text="yes exactly", payload={}, now=NOW)
        signed = Outbound("Sam clinician, Demo clinic:\nWhat would help tonight?", kind="clinician")
        add_outbound(session, conversation, [signed], None, NOW)

    clinic.db.write_now(talked)
    await sign_in(browser)
    page = words((await browser.get("/console/supervision/clients/ana")).text)
    assert "Simple reflection said as simple_reflection:reflect" in page
    assert "What would help tonight" not in page
    page = words((await browser.get("/console/supervision/clients/ana?by=clinician")).text)
    assert "What would help tonight? Open question" in page
    assert "To practise next" in page
    await post(browser, f"/console/cases/{clinic.case}/close", outcome="Not a safety concern")
    assert (await browser.get("/console/supervision/clients/ana")).status_code == 403

    def share(session: Any) -> None:
        session.get(Client, "ana").share_with_clinic = True

    clinic.db.write_now(share)
    assert "/console/supervision/clients/ana" in (await browser.get("/console/supervision")).text
    assert (await browser.get("/console/supervision/clients/ana")).status_code == 200
    assert (await browser.get("/console/supervision/clients/none")).status_code == 403


def test_what_people_wrote_is_told_apart_from_what_the_bot_said():
    assert volleys_of([], "bot") == []
