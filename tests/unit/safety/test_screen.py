"""The screener's promises: it never fails, it is fast, it counts hints over turns, it quotes the client."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.safety.features import Mark
from bot.safety.scorer import ANY, STEPS, Score, Scorer
from bot.safety.screen import Screener
from bot.safety.tiers import KINDS, Tier
from bot.safety.windows import Block

ROOT = Path(__file__).parents[3]
ORDINARY = (
    "Honestly the week went okay. I had two beers on Friday, which is less than usual, and on Saturday my brother came "
    "round and we watched the match, so I had four more. I don't feel great about it but I want to cut down, I really "
    "do, because my daughter notices now and my wife is tired of it. I can't say I'm ready, part of me thinks it's not "
    "a big deal, everyone drinks. But waking up like that every Sunday is killing me, I feel old and I hate it. "
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(text=st.text(max_size=300))
def test_no_text_makes_it_raise(screener: Screener, text: str) -> None:
    verdict = screener.screen(text)
    assert verdict.tier in Tier
    assert set(verdict.kinds) <= set(KINDS)


FRAGMENTS = [
    "i",
    "want",
    "to",
    "die",
    "not",
    "kill",
    "myself",
    "my",
    "brother",
    ",",
    "...",
    '"',
    "it",
    "all",
    "end",
    "\n",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(words=st.lists(st.sampled_from(FRAGMENTS), max_size=60), history=st.lists(st.text(max_size=40), max_size=8))
def test_no_jumble_of_its_own_words_makes_it_raise(screener: Screener, words: list[str], history: list[str]) -> None:
    verdict = screener.screen(" ".join(words), history)
    assert (verdict.tier > Tier.NONE) == bool(verdict.evidence)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(before=st.text(alphabet="abc .,!?\n", max_size=200))
def test_what_stands_before_it_does_not_hide_a_plain_statement(screener: Screener, before: str) -> None:
    assert screener.screen(f"{before}\n\nI want to kill myself").tier >= Tier.MODERATE


def cpu_seconds(screener: Screener, text: str, rounds: int = 20) -> list[float]:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        screener.screen(text)
        times.append(time.process_time() - start)
    return sorted(times)


def test_500_characters_take_at_most_10_ms(screener: Screener) -> None:
    assert cpu_seconds(screener, ORDINARY[:500])[18] <= 0.010


def test_4096_characters_take_at_most_30_ms(screener: Screener) -> None:
    assert cpu_seconds(screener, (ORDINARY * 12)[:4096])[10] <= 0.030


def test_history_costs_little(screener: Screener) -> None:
    start = time.process_time()
    screener.screen("I feel so alone and trapped", [ORDINARY] * 200)
    assert time.process_time() - start <= 0.050


@pytest.mark.parametrize(
    "text",
    [
        "i want to " * 400,
        "not " * 1000,
        "a" * 4096,
        "a " * 2048,
        "k i l l " * 512,
        "e" * 2000 + " " + "3" * 2000,
        "'" * 4096,
        "!" * 4096,
        "*" * 4096,
        "a*b" * 1300,
        "want to want to kill kill my my self self " * 90,
        "if i " * 800 + "kill",
        "1!|0" * 1000,
        "aabbccddeeffgg" * 290,
        "\u200b" * 4096,
        '"' * 4096,
        "die.die." * 500,
        ("took " + "all the of my " * 20) * 18,
    ],
    ids=lambda text: text[:12].strip() or "invisible",
)
def test_no_text_is_slow(screener: Screener, text: str) -> None:
    start = time.process_time()
    screener.screen(text[:4096])
    assert time.process_time() - start <= 0.25


def test_loading_takes_less_than_three_seconds(data: Path) -> None:
    start = time.thread_time()  # what other tests have left running does not count
    Screener.load(data)
    assert time.thread_time() - start < 3.0


def test_hints_add_up_within_a_message(screener: Screener) -> None:
    assert screener.screen("I feel trapped").tier == Tier.NONE
    verdict = screener.screen("I feel trapped, I'm so alone, nothing matters, I can't go on anymore")
    assert verdict.tier >= Tier.MODERATE


def test_hints_add_up_over_turns(screener: Screener) -> None:
    history = ["I hate myself", "I'm so alone with all this"]
    assert all(screener.screen(turn).tier == Tier.NONE for turn in history)
    assert screener.screen("I feel so empty", history).tier == Tier.CHECK_IN


def test_old_hints_do_not_make_risk_of_a_plain_message(screener: Screener) -> None:
    history = ["I hate myself", "I'm so alone", "I feel trapped", "nothing matters"]
    assert screener.screen("Can we talk about my sleep?", history).tier == Tier.NONE


def test_saying_the_same_again_is_not_more_of_it(screener: Screener) -> None:
    assert screener.screen("I hate myself", ["I hate myself", "I hate myself"]).tier == Tier.NONE


def test_a_sentence_cut_over_two_messages_is_read_as_one(screener: Screener) -> None:
    assert screener.screen("to die", ["I just want"]).tier >= Tier.MODERATE
    assert screener.screen("for a smoke", ["I'm dying"]).tier == Tier.NONE


class Counts(Scorer):
    """Sure of suicide where a text holds all the given words, sure of nothing elsewhere."""

    def __init__(self, *words: str) -> None:
        self.words, self.read = words, list[str]()

    def score(self, blocks: Iterable[Block], marks: Sequence[Mark] = ()) -> dict[str, Score]:
        text = " ".join(block.text for block in blocks)
        self.read.append(text)
        chance = 0.97 if all(word in text for word in self.words) else 0.01
        none = dict.fromkeys(STEPS, 0.01)
        sure = dict.fromkeys(STEPS, chance)
        return {ANY: Score(sure, (0, 4)), **{k: Score(sure if k == "suicide" else none, (0, 4)) for k in KINDS}}


def test_risk_said_over_three_messages_is_heard_when_it_is_complete(data: Path) -> None:
    talks = Screener.load(data, Counts("sorted", "budgie", "saturday"))
    turns = ["got the house sorted", "gave the budgie to my niece", "saturday it is"]
    assert [talks.screen(turn, turns[:at]).tier > Tier.NONE for at, turn in enumerate(turns)] == [False, False, True]


def test_what_was_heard_over_turns_before_is_not_heard_again(data: Path) -> None:
    talks = Screener.load(data, Counts("sorted", "budgie"))
    turns = ["got the house sorted", "gave the budgie to my niece", "it rains"]
    assert [talks.screen(turn, turns[:at]).tier > Tier.NONE for at, turn in enumerate(turns)] == [False, True, False]


def test_old_messages_are_not_read_with_new_ones(data: Path) -> None:
    counts = Counts("sorted", "saturday")
    turns = ["got the house sorted", "yes", "no", "saturday it is"]
    assert Screener.load(data, counts).screen(turns[-1], turns[:-1]).tier == Tier.NONE
    assert counts.read[-1] == "yes. no. saturday it is"


def test_the_scorer_reads_what_was_meant(data: Path) -> None:
    counts = Counts("nothing at all")
    Screener.load(data, counts).screen("wen im sik of it 2nite, cant brethe.")
    assert counts.read == ["when i am sick of it tonight, can not breathe."]


def test_numbers_stay_for_the_scorer(data: Path) -> None:
    counts = Counts("nothing at all")
    Screener.load(data, counts).screen("I took 400mg at 10")
    assert counts.read == ["i took 400mg at 10"]


def test_evidence_quotes_the_clients_own_words(screener: Screener) -> None:
    verdict = screener.screen("Hello. Some days I w\u200bant to k1ll mys\u0435lf, honestly.")
    assert any(found.text.endswith("w\u200bant to k1ll mys\u0435lf") for found in verdict.evidence)


def test_kinds_come_most_serious_first(screener: Screener) -> None:
    verdict = screener.screen("My husband hits me and I just took a whole bottle of pills")
    assert verdict.tier == Tier.IMMINENT
    assert verdict.kinds[0] == "suicide"
    assert "abuse" in verdict.kinds


def test_evidence_says_whose_risk_it_is(screener: Screener) -> None:
    assert screener.screen("my sister killed herself").evidence[0].about == "other"
    assert screener.screen("I want to die").evidence[0].about == "self"


def test_labels_and_tiers_are_one_to_one() -> None:
    assert [Tier.of(tier.label) for tier in Tier] == list(Tier)
    with pytest.raises(ValueError, match="no tier"):
        Tier.of("grave")


def test_the_core_imports_no_framework() -> None:
    code = (
        "import sys; import bot.safety.screen, bot.safety.protocol;"
        "bad = {'rasa', 'sqlalchemy', 'fastapi', 'spacy', 'numpy'} & set(sys.modules); sys.exit(', '.join(bad) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
