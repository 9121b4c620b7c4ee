"""Client language by the cues alone: what each phenomenon of typed talk comes out as."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mi.client_language import CLASSES, annotate, cue_probabilities
from bot.mi.cues import Cues
from bot.mi.language_signals import read

CUES = Cues.load(Path(__file__).parents[3] / "data" / "mi" / "cues.yml")


def talk(text: str, previous: str | None = None) -> str:
    return annotate(text, previous, cues=CUES).talk


def codes(text: str, previous: str | None = None) -> set[str]:
    return {span.code + span.sign for span in annotate(text, previous, cues=CUES).codes}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i don't want to quit", "sustain"),
        ("i dont want to drink anymore", "change"),
        ("i don't not want to quit", "change"),
        ("i cant go a day without a drink", "sustain"),
        ("went two weeks without a smoke", "change"),
        ("i don't need to quit", "sustain"),
        ("i'm not going to stop", "sustain"),
        ("i will never drink again", "change"),
        ("no i want to stop", "change"),
        ("its not hard to quit", "change"),
        ("i havent smoked since sunday", "change"),
    ],
)
def test_each_negation_turns_the_sign_over(text: str, expected: str) -> None:
    assert talk(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if I quit I'd lose my friends", "sustain"),
        ("id be so bored if i stopped", "sustain"),
        ("if i dont stop ill lose my kids", "change"),
        ("if i quit id be healthier", "change"),
        ("when i drink i feel awful", "change"),
        ("when i smoke i feel relaxed", "sustain"),
    ],
)
def test_what_would_come_of_it_is_a_reason_for_or_against(text: str, expected: str) -> None:
    assert talk(text) == expected
    sign = "+" if expected == "change" else "-"
    assert f"reason{sign}" in codes(text)


@pytest.mark.parametrize(
    "text", ["I quit for two years once", "i did 3 months before", "was clean for 6 months in 2019"]
)
def test_a_past_success_is_ability(text: str) -> None:
    assert talk(text) == "change"
    assert "ability+" in codes(text)


@pytest.mark.parametrize(
    "text",
    ["my wife thinks I should", "the doctor says i should quit", "my mum wants me to stop", "my dad quit last year"],
)
def test_what_another_person_thinks_is_not_the_clients_own(text: str) -> None:
    assert talk(text) == "neutral"


@pytest.mark.parametrize(
    "text",
    ["yeah right, like that'll happen", "yeah right like thatll happen", "oh great, good luck with that", "🙄 sure"],
)
def test_sarcasm_is_never_taken_for_change_talk(text: str) -> None:
    assert talk(text) == "sustain"


@pytest.mark.parametrize(
    ("text", "previous", "expected"),
    [
        ("the buzz", "what do you like about it?", "sustain"),
        ("my kids", "why would you want to change?", "change"),
        ("the money", "What concerns you about your drinking?", "change"),
        ("weight gain", "What worries you about quitting?", "sustain"),
        ("fresh air", "What do you like about walking?", "change"),
        ("because of my son", "Why a 6 and not a 3?", "change"),
        ("more energy", "How would things be different a year from now?", "change"),
        ("payday", "What could get in the way?", "sustain"),
        ("nothing", "What do you like about smoking?", "change"),
        ("nothing really", "What worries you about smoking?", "sustain"),
        ("yes", "Do you want to quit?", "change"),
        ("nah", "Are you ready to cut down?", "sustain"),
        ("9", "On a scale from 0 to 10, how important is it to change this?", "change"),
        ("1", "From 0 to 10, how confident are you?", "sustain"),
        ("5", "From 0 to 10, how confident are you?", "neutral"),
        ("sure", "Would it be okay if I ask about your sleep?", "neutral"),
        ("not sure", "What do you like about it?", "neutral"),
        ("the buzz", "It is Friday.", "neutral"),
    ],
)
def test_a_short_answer_takes_its_side_from_the_question(text: str, previous: str, expected: str) -> None:
    assert talk(text, previous) == expected


def test_a_sign_of_its_own_wins_over_the_question() -> None:
    assert talk("i hate it and i want to stop", "What do you like about it?") == "change"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i really wanna stop drinking", "desire+"),
        ("i can do this", "ability+"),
        ("i cant stop", "ability-"),
        ("smoking is costing me a fortune", "reason+"),
        ("it helps me relax", "reason-"),
        ("i have to quit", "need+"),
        ("im going to quit on monday", "commitment+"),
        ("im ready to cut down", "activation+"),
        ("threw out my cigs, havent had a smoke in 3 days", "taking_steps+"),
        ("i love drinking with the lads", "reason-"),
        ("no way im stopping smoking, not going to happen", "commitment-"),
        ("not ready to quit", "activation-"),
    ],
)
def test_each_kind_of_talk_has_its_code(text: str, expected: str) -> None:
    assert expected in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "i want to quit but i love smoking",
        "part of me wants to stop and part of me really likes drinking",
        "im in two minds about stopping",
        "part of me wants to stop but i love it",
        "i hate what it costs but it helps me relax",
    ],
)
def test_both_sides_in_one_message_are_ambivalence(text: str) -> None:
    assert annotate(text, cues=CUES).ambivalent


@pytest.mark.parametrize(
    "text",
    ["", "   ", "i work nights", "hello", "my sister came over sunday", "about six pints on a friday", "👋", "asdf"],
)
def test_neither_side_is_neutral_and_has_no_codes(text: str) -> None:
    result = annotate(text, cues=CUES)
    assert (result.talk, result.ambivalent, result.codes) == ("neutral", False, ())


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to quit",
        "i dont want to quit",
        "i dnt wanna quit",
        "I DON’T WANT TO QUIT!!!",
        "i dont wannna quit 😂",
    ],
)
def test_typing_does_not_change_the_meaning(text: str) -> None:
    assert talk(text) == "sustain"


def test_spans_are_the_clients_own_letters() -> None:
    text = "Honestly?? I WANNA stop smokin, it's killin me"
    for span in annotate(text, cues=CUES).codes:
        assert text[span.start : span.end] == span.text
    assert any("WANNA stop" in span.text for span in annotate(text, cues=CUES).codes)


def test_the_evidence_names_the_cue_and_the_question() -> None:
    result = annotate("the buzz", "what do you like about it?", cues=CUES)
    assert any("likes" in line for line in result.evidence)


def test_a_message_without_cues_is_less_sure_than_a_plain_one() -> None:
    assert (
        annotate("the window", cues=CUES).confidence < annotate("i really want to quit smoking", cues=CUES).confidence
    )


def test_a_learned_head_tips_what_the_cues_leave_open() -> None:
    scores = {"change": 0.9, "sustain": 0.05, "neutral": 0.03, "ambivalent": 0.02}
    result = annotate("new lightbulbs in the hall", cues=CUES, scores=scores)
    assert result.talk == "change"
    assert [(span.code, span.sign) for span in result.codes] == [("reason", "+")]


def test_probabilities_sum_to_one() -> None:
    found = cue_probabilities(read("i want to quit but i love it", None, CUES))
    assert set(found) == set(CLASSES)
    assert sum(found.values()) == pytest.approx(1)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200), previous=st.none() | st.text(max_size=80))
def test_no_text_raises_and_spans_stay_inside(text: str, previous: str | None) -> None:
    result = annotate(text, previous, cues=CUES)
    assert 0 <= result.confidence <= 1
    for span in result.codes:
        assert text[span.start : span.end] == span.text
