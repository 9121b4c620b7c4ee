"""How a client's typing becomes plain words: spelling by ear, phone typing, dialect, slips, and what is left alone."""

from __future__ import annotations

import pytest

from bot.safety.screen import Screener
from bot.safety.vocabulary import Vocabulary, sound


def words(screener: Screener, text: str) -> str:
    return " ".join(word for sentence in screener.find(text).sentences for word in sentence.words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tok al my tabkets", "took all my pills"),
        ("wsh i wud jus nt wak up", "wish i would just not wake up"),
        ("he hitz me wen hes drunk", "he hits me when he is drunk"),
        ("cnt breeth", "can not breathe"),
        ("had a seezure dis mornin", "had a seizure this morning"),
        ("thort abt jumpin agen", "thought about jumping again"),
        ("i want 2 die", "i want to die"),
        ("nothing 2 live for", "nothing to live for"),
        ("had 2 beers", "had 2 beers"),
        ("ahm no feart, ah cannae sleep", "i am no feart ah can not sleep"),
        ("ma heid's wrecked", "my head wrecked"),
        ("i be finna leave", "i be going to leave"),
        ("punchd the wal", "punched the wall"),
        ("sewerslide", "suicide"),
        ("s*icide", "suicide"),
    ],
)
def test_what_was_meant_is_read(screener: Screener, typed: str, meant: str) -> None:
    assert words(screener, typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "vaping in bethan garden",
        "obese and proud",
        "the gaffer at argos",
        "kipling wrote it",
        "a statin for cholesterol",
    ],
)
def test_words_that_people_use_are_left_alone(screener: Screener, text: str) -> None:
    assert words(screener, text) == text


def test_kilometres_are_no_wish(screener: Screener) -> None:
    assert not screener.screen("ran 10 kms this morning").evidence
    assert screener.screen("kms").evidence


def test_words_that_sound_alike_have_one_sound() -> None:
    assert sound("tablits") == sound("tablets")
    assert sound("punchd") == sound("punched")
    assert sound("seezure") != sound("sister")


def test_the_vocabulary_knows_common_words_first() -> None:
    vocabulary = Vocabulary.load()
    assert {"kerb", "counsellor", "autistic", "margaret"} <= vocabulary.words
    assert vocabulary.frequent.index("people") < vocabulary.frequent.index("tablets")
