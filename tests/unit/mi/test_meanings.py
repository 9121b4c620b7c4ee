"""The bank of meanings: its content, its pattern language and what it recognises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.mi.meanings import ContentError, Slot, compile_pattern, fill, read_meaning, template
from bot.mi.reflect_content import ReflectionContent

DATA = Path(__file__).parents[3] / "data" / "mi"
LISTS = {"i": "i we", "very": "so really", "family": "wife mum"}


@pytest.fixture(scope="module")
def content():
    return ReflectionContent.load(DATA)


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern, LISTS).search(f" {text} ") is not None


def test_a_cue_reads_lists_endings_gaps_and_options():
    assert found("<i> ~very hate my job/boss", "i really hate my boss")
    assert found("tired of nag*", "tired of nagging")
    assert found("not see .. point", "i do not see the point")
    assert found("give it? up", "give up")
    assert not found("not see .. point", "i do not see . what is the point")
    assert not found("love !him", "i love him")


def test_an_unknown_list_or_shape_is_an_error():
    with pytest.raises(ContentError, match="unknown list"):
        compile_pattern("<nobody> is here", LISTS)
    with pytest.raises(ContentError, match="unknown shape"):
        compile_pattern("scared of <x:noun>", LISTS)


def test_an_incomplete_meaning_is_named_in_the_error():
    with pytest.raises(ContentError, match="no_time"):
        read_meaning("no_time", {"implies": "Busy.", "cues": ["busy"], "examples": ["i am busy"]}, LISTS, frozenset())


def test_a_slot_can_take_ing_and_agreement():
    slots = {"x": Slot("walk the dog"), "person": Slot("your kids", plural=True), "one": Slot("your wife")}
    assert fill(template("{x:ing} helps."), slots) == "walking the dog helps."
    assert fill(template("{person:keep} asking and {one:keep} quiet."), slots) == (
        "your kids keep asking and your wife keeps quiet."
    )
    assert fill(template("{nobody} helps."), slots) is None


def test_the_bank_is_large_enough_and_each_meaning_complete(content):
    assert len(content.bank.meanings) >= 400
    for meaning in content.bank.meanings:
        assert len(meaning.examples) >= (8 if meaning.sure is None else 4), meaning.id
        assert len(meaning.reflections) >= (4 if meaning.sure is None else 3), meaning.id
        assert meaning.implies.endswith("."), meaning.id


def test_no_reflection_in_the_bank_breaks_the_lint(content):
    for meaning in content.bank.meanings:
        for form in (*meaning.reflections, *meaning.halves):
            words = re.sub(r"\{(\w+)(?::\w+)?\}", r"slot\1", form.text)
            for pattern in content.refused:
                assert not pattern.search(words), (meaning.id, form.text)
            assert len(words.split()) <= 30, (meaning.id, form.text)


def test_every_pattern_of_the_bank_is_a_regular_expression(content):
    for meaning in content.bank.meanings:
        for pattern in (*meaning.barred, *(p for cue in meaning.cues for p in cue)):
            pattern.compile()


def test_a_cue_needs_no_regular_expression_where_its_words_are_missing():
    cue = compile_pattern("<i> ~very hate/loathe my job/boss", LISTS)
    assert cue.search(" i really like my garden ") is None
    assert not cue.compiled
    assert cue.search(" i really loathe my boss ") is not None
    assert cue.compiled


def test_a_meaning_is_told_by_cues_or_by_examples_and_shapes_are_sure(content):
    for meaning in content.bank.meanings:
        assert meaning.cues or meaning.sure is None, meaning.id
        assert meaning.sure is None or 0.5 < meaning.sure < 1, meaning.id


def test_tones_are_made_of_known_meanings_and_fit_behind_a_clause(content):
    known = {meaning.id for meaning in content.bank.meanings}
    for tone in content.tones:
        assert tone.meanings <= known, tone.id
        assert len(tone.tails) >= 2, tone.id
        for tail in tone.tails:
            assert tail[0].islower(), tail
            assert not tail.endswith("."), tail
            assert not any(p.search(f"You work nights, and {tail}.") for p in content.refused), tail


def test_few_reflections_of_the_whole_bank_open_alike(content):
    openings: dict[str, int] = {}
    for meaning in content.bank.meanings:
        for form in meaning.reflections:
            opening = " ".join(form.text.lower().split()[:3])
            openings[opening] = openings.get(opening, 0) + 1
    assert max(openings.values()) <= 20, sorted(openings.items(), key=lambda item: -item[1])[:5]


def test_no_reflection_is_in_the_bank_twice(content):
    texts = [form.text for meaning in content.bank.meanings for form in meaning.reflections]
    assert sorted(t for t in set(texts) if texts.count(t) > 1) == []


def test_amplified_reflections_are_rare(content):
    kinds = [form.kind for meaning in content.bank.meanings for form in meaning.reflections]
    assert 0 < kinds.count("amplified") <= len(kinds) // 50
