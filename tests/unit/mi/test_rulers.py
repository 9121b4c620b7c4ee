"""Reading ruler answers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mi.rulers import higher_of, lower_of, read_number, volunteered


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("6", 6), ("about a six", 6), ("6-7", 6), ("7 out of 10", 7), ("7/10", 7), ("maybe a 3?", 3), ("zero", 0),
        ("ten!!", 10), ("somewhere in the middle", 5), ("6.5", 6), ("like a 4 today", 4), ("0", 0), ("10", 10),
        ("a 2 tbh", 2), ("not at all", 0), ("11. ok 8", 8), ("2 or 3. i've promised it so often", 2),
    ],
)  # fmt: skip
def test_a_number_is_read(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "no idea",
        "11",
        "-2",
        "2 years",
        "i have 3 kids",
        "",
        "about 20 a day",
        "at 7:30",
        "it is four years in january",
        "two or three pints",
    ],
)
def test_what_is_no_ruler_answer_is_none(text):
    assert read_number(text) is None


@given(st.text(max_size=300))
def test_any_text_gives_a_number_from_0_to_10_or_none(text):
    assert read_number(text) in (None, *range(11))


@pytest.mark.parametrize("n", range(11))
def test_the_questions_numbers_stay_on_the_ruler(n):
    assert 0 <= lower_of(n) <= n <= higher_of(n) <= 10


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("importance? id say 9", "importance"),
        ("confidence is a 3", "confidence"),
        ("could i do it, maybe a 4", "confidence"),
        ("3 pints and it matters", None),
        ("hello", None),
    ],
)  # fmt: skip
def test_a_volunteered_number_names_its_ruler(text, name):
    assert volunteered(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("5 for whether i could", "confidence"), ("It is 9. Because of my boy", ""), ("Still a nine.", ""),
        ("put 8 for that. never going through that again", ""), ("two or 3 pints", None), ("9 years i did", None),
        ("4 nights a week mate", None),
    ],
)  # fmt: skip
def test_a_message_that_is_a_number_first_of_all_answers_a_ruler(text, name):
    assert volunteered(text) == name
