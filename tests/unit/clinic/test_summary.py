"""The clinician's summary: what is in it, where each line comes from, and what is left out."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from bot.clinic.sharing import ITEMS, agreed, choose
from bot.clinic.summary import summarise, words
from bot.clinic.summary_pdf import risk_text, score_text, summary_pdf
from bot.mi.state import Quote
from bot.safety.protocol import Protocol
from bot.settings import ROOT
from tests.unit.clinic.stories import SAID, STATE, tell

OF_ITEM = {
    # what is only in the summary when the item is shared
    "reasons": ["my kids see me like that and i hate it", "it takes the edge off"],
    "rulers": ["Importance: 8", "Confidence: 4"],
    "plan": ["Leave the wine in the shop on weekdays"],
    "questionnaires": ["8 of 27: mild", "Little interest or pleasure"],
    "conversation": ["i drink most evenings"],
}


@pytest.fixture
def client(session, config, now):
    return tell(session, config, now)


def share(client, *items):
    choose(client, {item: item in items for item in ITEMS})


def text_of(pdf: bytes) -> str:
    """The words of a PDF; line ends may fall anywhere."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_every_line_comes_from_the_message_that_said_it(session, config, client, now):
    share(client, *ITEMS)
    summary = summarise(session, config, client, now)
    (reason,) = summary.reasons
    assert (reason.text, reason.label, reason.source.words) == (
        "my kids see me like that and i hate it",
        "reason",
        "my kids see me like that and i hate it",
    )
    (against,) = summary.against
    assert (against.text, against.source.words) == ("but it takes the edge off", "but it takes the edge off")
    assert [(line.value, line.source.words) for line in summary.rulers] == [(8, "8"), (4, "a 4 maybe")]
    assert [(line.label, line.source.turn) for line in summary.plan] == [("Why it matters to me", 2), ("First step", 6)]
    (result,) = summary.results
    assert {line.source.words for line in result.answers} == {"Several days"}
    assert (score_text(result), result.answers[0].text) == ("8 of 27: mild", "Several days")
    (risk,) = summary.risks
    assert (risk_text(risk), risk.source.words) == ("Safety case: moderate (suicide)", SAID[7][0])
    assert risk.answers[0] == ("Wished to be dead, in the past month", "yes")
    assert [source.turn for source in summary.sources] == [2, 3, 4, 5, 6, 7, 8]


def test_numbers_of_turns_begin_again_when_a_client_starts_over(session, config, client, now):
    share(client, "reasons", "conversation")
    first, second = client.conversations[0].messages[:2]
    first.heard, second.heard = {"turn": 2}, {"turn": 1}
    client.conversations[0].messages[2].heard = {"turn": 2}
    session.flush()
    session.expire_all()
    assert summarise(session, config, client, now).reasons[0].source.turn == 3


def test_a_quote_is_what_the_client_typed_not_what_the_core_made_of_it(session, config, client, now):
    share(client, "reasons")
    quote = Quote("you want to be there for your kids when they grow up", "+", "desire", 2)
    state = replace(STATE, quotes=(quote,))
    client.conversations[0].mi_state = state.to_dict()
    message = client.conversations[0].messages[1]
    message.text = "Well... i wanna be there for my kids when they grow up, and it is late."
    session.flush()
    assert summarise(session, config, client, now).reasons[0].text == "i wanna be there for my kids when they grow up"
    message.text = "something else altogether"
    session.flush()
    assert summarise(session, config, client, now).reasons[0].text.startswith("I want to be there")


@pytest.mark.parametrize("shared", [c for n in range(len(ITEMS) + 1) for c in itertools.combinations(ITEMS, n)])
def test_only_what_was_agreed_item_by_item_is_there(session, config, client, now, shared):
    share(client, *shared)
    summary = summarise(session, config, client, now)
    shown = [line.text for line in (*summary.reasons, *summary.against, *summary.rulers, *summary.plan)]
    shown += [text for result in summary.results for text in (score_text(result), result.answers[0].label)]
    shown += [source.words for source in summary.sources if source.words]
    if "conversation" in shared:
        shown.append(SAID[0][0])  # every message that is a source has its words
    for item, telling in OF_ITEM.items():
        for text in telling:
            assert any(text in line for line in shown) == (item in shared), (item, text)
    assert [risk.case.tier for risk in summary.risks] == ["moderate"]
    assert len(summary.appointments) == 1


def test_why_is_not_told_with_the_plan_when_the_reasons_are_not_shared(session, config, client, now):
    share(client, "plan")
    assert [line.label for line in summarise(session, config, client, now).plan] == ["First step"]


def test_who_shares_the_conversation_from_before_there_were_items_shares_what_is_in_it(session, config, client, now):
    client.shares, client.share_with_clinic = {}, True
    assert agreed(client) == {"reasons", "rulers", "plan", "conversation"}


def test_there_is_nothing_of_another_client(session, config, client, now):
    other = tell(session, config, now, "ben", marker=" marker-ben")
    share(client, *ITEMS)
    share(other, *ITEMS)
    assert "marker-ben" not in text_of(summary_pdf(summarise(session, config, client, now), config))


def test_every_question_and_answer_of_the_safety_protocol_has_its_words():
    table = Protocol.load(ROOT / "data" / "safety").table
    assert set(table.questions) == set(words()["questions"])
    outcomes = {answer for question in table.questions.values() for answer in question.outcomes}
    assert outcomes <= set(words()["answers"])


def test_the_pdf_says_what_the_summary_says_and_is_no_diagnosis(session, config, client, now):
    share(client, *ITEMS)
    text = text_of(summary_pdf(summarise(session, config, client, now), config))
    for telling in OF_ITEM.values():
        assert all(line in text for line in telling[:1] if line != SAID[0][0]), telling
    for expected in (
        "Ana",
        "no diagnosis",
        "Importance: 8",
        "turn 4",
        "Safety case: moderate (suicide)",
        "8 of 27: mild",
    ):
        assert expected in text


def test_the_pdf_keeps_what_is_not_shared_to_the_client(session, config, client, now):
    share(client)
    text = text_of(summary_pdf(summarise(session, config, client, now), config))
    assert text.count(words()["not_agreed"]) == 4
    assert not any(line in text for telling in OF_ITEM.values() for line in telling)


def test_letters_beyond_latin_are_printed_and_an_emoji_breaks_nothing(session, config, client, now, caplog):
    client.name = "Łukasz Живой 😀"
    pdf = summary_pdf(summarise(session, config, client, now), config)
    assert "Łukasz Живой" in text_of(pdf)
    assert caplog.text == "", "what a client wrote is not in a log"


def test_a_long_summary_has_more_pages_and_no_name_in_its_title(session, config, client, now, tmp_path: Path):
    share(client, *ITEMS)
    client.conversations[0].mi_state = {
        **client.conversations[0].mi_state,
        "quotes": [
            {"text": f"you want this for reason {n}", "sign": "+", "code": "desire", "turn": 2} for n in range(60)
        ],
    }
    session.flush()
    reader = PdfReader(io.BytesIO(summary_pdf(summarise(session, config, client, now), config)))
    assert len(reader.pages) >= 3
    assert "Ana" not in reader.metadata.title
