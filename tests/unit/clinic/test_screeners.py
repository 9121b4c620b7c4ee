"""The questionnaires against their publications: words, every total, every cut-off, and how typed answers are read."""

import itertools

import pytest

from bot.clinic.screeners import ScreenerError, load

FREQUENCY = ["Not at all", "Several days", "More than half the days", "Nearly every day"]
PHQ9 = {  # Kroenke, Spitzer and Williams 2001, table of severity: first total of each range
    "minimal": range(5),
    "mild": range(5, 10),
    "moderate": range(10, 15),
    "moderately severe": range(15, 20),
    "severe": range(20, 28),
}
GAD7 = {  # Spitzer et al. 2006: cut points 5, 10 and 15
    "minimal": range(5),
    "mild": range(5, 10),
    "moderate": range(10, 15),
    "severe": range(15, 22),
}
AUDIT_C = {  # Bush et al. 1998 (men, 4); Bradley et al. 2003 (women, 3)
    "below both cut-offs": range(3),
    "at the cut-off for women (3), below the one for men (4)": range(3, 4),
    "at or above the cut-off for women (3) and for men (4)": range(4, 13),
}
DAST10 = {  # Skinner 1982
    "none": range(1),
    "low": range(1, 3),
    "moderate": range(3, 6),
    "substantial": range(6, 9),
    "severe": range(9, 11),
}


@pytest.fixture
def dast10(tmp_path):
    words = tmp_path / "dast10.yml"
    words.write_text("items:\n" + "".join(f'  "{n}": "Question {n}?"\n' for n in range(1, 11)))
    return load("dast10", words)


def scored(screener):
    return [item for item in screener.items if item.scored]


def answers_with_total(screener, total):
    """Some answers that add up to `total`, filled from the first item on."""
    answers = {}
    for item in scored(screener):
        most = max(option.value for option in item.options)
        points = min(most, total)
        total -= points
        answers[item.id] = most - points if item.reversed else points
    assert total == 0
    return answers


@pytest.mark.parametrize(("name", "table"), [("phq9", PHQ9), ("gad7", GAD7), ("audit_c", AUDIT_C)])
def test_every_total_has_the_published_band(name, table):
    screener = load(name)
    totals = {total: label for label, range_ in table.items() for total in range_}
    assert sorted(totals) == list(range(screener.highest + 1)), "the table has every total once"
    for total, label in totals.items():
        score = screener.score(answers_with_total(screener, total))
        assert (score.total, score.band, score.missing) == (total, label, ())


def test_every_total_of_the_dast10_has_the_published_band(dast10):
    for label, totals in DAST10.items():
        for total in totals:
            score = dast10.score(answers_with_total(dast10, total))
            assert (score.total, score.band) == (total, label)


def test_the_third_item_of_the_dast10_counts_a_no(dast10):
    no_to_all = {item.id: 0 for item in dast10.items}
    assert dast10.score(no_to_all).total == 1
    assert dast10.score({**no_to_all, "3": 1}).total == 0


def test_all_the_ways_to_answer_the_audit_c_add_up_as_published():
    screener = load("audit_c")
    for first, second, third in itertools.product(range(5), repeat=3):
        total = screener.score({"1": first, "2": second, "3": third}).total
        assert total == first + second + third


def test_who_never_drinks_is_asked_nothing_more_and_scores_nothing():
    screener = load("audit_c")
    assert screener.next_item({"1": 0}) is None
    assert screener.score({"1": 0}).total == 0
    assert screener.next_item({"1": 1}).id == "2"


def test_the_difficulty_item_is_asked_after_any_problem_and_is_not_scored():
    screener = load("phq9")
    none = dict.fromkeys("123456789", 0)
    assert screener.next_item(none) is None
    some = {**none, "4": 2}
    assert screener.next_item(some).id == "difficulty"
    assert screener.score(some | {"difficulty": 3}).total == 2


def test_an_item_not_answered_leaves_no_total():
    screener = load("phq9")
    answers = dict.fromkeys("123456789", 3) | {"5": None}
    assert (screener.score(answers).total, screener.score(answers).missing) == (None, ("5",))
    assert screener.next_item(answers).id == "difficulty", "it is not asked again"


def test_the_words_are_the_published_ones():
    phq9, gad7, audit_c = load("phq9"), load("gad7"), load("audit_c")
    assert [len(scored(s)) for s in (phq9, gad7, audit_c)] == [9, 7, 3]
    assert all([o.text for o in item.options] == FREQUENCY for s in (phq9, gad7) for item in scored(s))
    assert all([o.value for o in item.options] == [0, 1, 2, 3] for s in (phq9, gad7) for item in scored(s))
    assert phq9.items[0].question == (
        "Over the last 2 weeks, how often have you been bothered by any of the following problems?\n"
        "Little interest or pleasure in doing things"
    )
    assert phq9.items[8].text == "Thoughts that you would be better off dead or of hurting yourself in some way"
    assert [option.text for option in audit_c.items[2].options] == [
        "Never",
        "Less than monthly",
        "Monthly",
        "Weekly",
        "Daily or almost daily",
    ]


def test_any_answer_but_not_at_all_to_the_ninth_item_is_a_safety_matter():
    ninth = load("phq9").item("9")
    assert [ninth.is_risk(value) for value in (None, 0, 1, 2, 3)] == [False, False, True, True, True]
    others = [item for name in ("phq9", "gad7", "audit_c") for item in load(name).items if item is not ninth]
    assert not any(item.is_risk(3) for item in others)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        *[(text, value) for value, text in enumerate(FREQUENCY)],
        ("not at all", 0),
        ("NOT AT ALL!!", 0),
        ("0", 0),
        ("no", 0),
        ("several days i guess", 1),
        ("a few days", 1),
        ("2", 2),
        ("more than half", 2),
        ("most days", 2),
        ("nearly evry day", 3),
        ("every day basically", 3),
        ("not every day", None),  # its words are there, and its meaning is not
        ("several days or more than half the days", None),
        ("no idea", None),
        ("5", None),
        ("3 days", None),
        ("hard to say", None),
        ("it was every day until my sister came to stay with me last month", None),
        ("", None),
    ],
)
def test_a_typed_answer_is_read_only_when_it_is_sure(typed, value):
    assert load("phq9").items[0].read(typed) == value


@pytest.mark.parametrize(
    ("item", "typed", "value"),
    [
        ("1", "twice a week", 3),
        ("1", "once a week", 2),
        ("1", "i don't drink", 0),
        ("1", "2", None),  # times a month, or a week?
        ("2", "2", 0),
        ("2", "about 5", 2),
        ("2", "7", 3),
        ("2", "12 drinks", 4),
        ("2", "0", None),
        ("3", "every weekend", 3),
        ("3", "never", 0),
    ],
)
def test_numbers_of_drinks_are_read_as_drinks(item, typed, value):
    assert load("audit_c").item(item).read(typed) == value


@pytest.mark.parametrize("name", ["phq9", "gad7", "audit_c"])
def test_every_listed_way_of_answering_is_read_as_its_answer(name):
    for item in load(name).items:
        for option in item.options:
            for words in (option.text, *option.also):
                assert item.read(words) == option.value, (item.id, words)


def test_the_dast10_is_not_there_without_the_clinics_own_words(tmp_path):
    with pytest.raises(ScreenerError, match="another licence"):
        load("dast10")
    words = tmp_path / "half.yml"
    words.write_text('items: {"1": "Question 1?"}')
    with pytest.raises(ScreenerError, match="no words for item 2"):
        load("dast10", words)
