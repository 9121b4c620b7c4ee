"""The protocol: the table walked from end to end, and the rules that hold whatever a client says."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.safety.answers import ANSWERS, AnswerReader
from bot.safety.lines import CrisisLines
from bot.safety.protocol import Protocol, required_words
from bot.safety.screen import Screener
from bot.safety.state import Place, SafetyState, Step
from bot.safety.table import CLOSE, QUIET
from bot.safety.tiers import KINDS, NOTHING, Evidence, Tier, Verdict
from bot.safety.words import Words

SLOT = "Tue 24 Nov, 10:00"


class Talk:
    """One client's conversation with the screener and the protocol."""

    def __init__(self, screener: Screener, protocol: Protocol, place: Place, seed: int = 1) -> None:
        self.screener, self.protocol, self.place = screener, protocol, place
        self.rng, self.state, self.history = random.Random(seed), SafetyState(), list[str]()
        self.said: list[str] = []

    def say(self, text: str) -> Step:
        verdict = self.screener.screen(text, self.history)
        self.history.append(text)
        return self.take(verdict, text)

    def take(self, verdict: Verdict, text: str) -> Step:
        step = self.protocol.step(self.state, verdict, text, place=self.place, rng=self.rng)
        self.state = step.state
        self.said.extend(reply.text for reply in step.replies)
        return step


@pytest.fixture
def place(lines: CrisisLines) -> Place:
    return Place.at(lines.for_country("US"), SLOT)


@pytest.fixture
def talk(screener: Screener, protocol: Protocol, place: Place) -> Talk:
    return Talk(screener, protocol, place)


def words_of(step: Step) -> str:
    return " ".join(reply.text for reply in step.replies)


def verdict_of(kind: str, tier: Tier, rule: str = "made_up", about: str = "self") -> Verdict:
    return Verdict(tier, (kind,), (Evidence(kind, tier, "words", rule, about),))


# ---- what the next message is, tier by tier


def test_ordinary_talk_gets_no_safety_reply(talk: Talk) -> None:
    step = talk.say("I had four beers last night")
    assert step == Step(SafetyState())


def test_a_check_in_is_a_question_with_the_crisis_line_and_no_case(talk: Talk) -> None:
    step = talk.say("I don't feel safe with myself tonight")
    assert step.state.tier == Tier.CHECK_IN
    assert "988" in words_of(step)
    assert words_of(step).endswith("?")
    assert not step.opens_case
    assert not step.state.open


def test_moderate_risk_opens_a_case_with_line_truth_slot_and_question(talk: Talk) -> None:
    step = talk.say("I want to die")
    assert step.opens_case
    assert step.wants_slot
    assert "988" in words_of(step)
    assert "741741" in words_of(step)
    assert SLOT in words_of(step)
    assert re.search(r"[Nn]o one is reading|nobody is watching|No human reads", words_of(step))
    assert step.replies[-1].text.endswith("?")
    assert [button.payload for button in step.replies[-1].buttons] == ["yes", "no", "rather not say"]


def test_high_risk_gets_the_emergency_number_first(talk: Talk) -> None:
    step = talk.say("I'm going to hang myself tonight")
    assert "911" in step.replies[0].text
    assert "988" in step.replies[0].text
    assert len(step.replies) == 4
    assert "hang" not in words_of(step).lower()


def test_imminent_risk_gets_the_emergency_number_before_any_question(talk: Talk) -> None:
    step = talk.say("I just took a whole bottle of pills")
    first = step.replies[0].text
    assert "911" in first
    assert "?" not in first
    assert step.state.awaiting == "imminent.call"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tier", list(Tier)[1:])
@pytest.mark.parametrize("about", ["self", "other"])
def test_every_kind_at_every_tier_has_a_first_reply(talk: Talk, kind: str, tier: Tier, about: str) -> None:
    step = talk.take(verdict_of(kind, tier, about=about), "words")
    assert step.replies
    assert step.state.awaiting
    assert step.opens_case == (tier >= Tier.MODERATE)
    if tier >= Tier.HIGH:
        assert "911" in step.replies[0].text


# ---- the order of the questions


def test_the_questions_follow_the_screeners_order(talk: Talk) -> None:
    talk.take(verdict_of("suicide", Tier.MODERATE), "words")
    for _ in range(5):
        talk.say("yes")
    assert talk.state.asked[:6] == (
        "suicide.wish", "suicide.thoughts", "suicide.method", "suicide.intent", "suicide.plan", "suicide.behaviour",
    )  # fmt: skip


def test_without_thoughts_it_goes_straight_to_behaviour(talk: Talk) -> None:
    talk.take(verdict_of("suicide", Tier.MODERATE), "words")
    talk.say("no")
    talk.say("no")
    assert talk.state.awaiting == "suicide.behaviour"
    step = talk.say("no")
    assert talk.state.awaiting is None
    assert talk.state.open
    assert SLOT in words_of(step)


def test_what_was_said_is_not_asked(talk: Talk) -> None:
    talk.say("I keep thinking about killing myself")
    assert talk.state.awaiting == "suicide.method"


def test_a_yes_to_method_raises_to_high_with_the_emergency_number(talk: Talk) -> None:
    talk.say("I keep thinking about killing myself")
    step = talk.say("yeah")
    assert step.raises_tier
    assert step.state.tier == Tier.HIGH
    assert "911" in step.replies[0].text


@pytest.mark.parametrize("seed", range(30))
def test_every_walk_through_the_table_ends(screener: Screener, protocol: Protocol, place: Place, seed: int) -> None:
    """Random answers from every path: the questions end, the tier never falls, nothing is asked twice."""
    rng = random.Random(seed)
    for kind in KINDS:
        for tier in list(Tier)[1:]:
            talk = Talk(screener, protocol, place, seed)
            talk.take(verdict_of(kind, tier, about=rng.choice(("self", "other"))), "words")
            turns = 0
            while talk.state.awaiting is not None:
                before = talk.state
                step = talk.say(rng.choice(("yes", "no", "maybe", "i dont want to say", "jk", "asdf", "my dog is ill")))
                assert step.state.tier >= before.tier
                assert step.state.open or not before.open
                turns += 1
                assert turns < 30
            assert len(talk.state.asked) == len(set(talk.state.asked))


def test_every_question_can_be_reached(protocol: Protocol) -> None:
    table = protocol.table
    reached = {question for route in table.paths.values() for question in route.start.values()}
    while True:
        more = {o.next for name in reached for o in table.questions[name].outcomes.values()} - {CLOSE, QUIET}
        if more <= reached:
            break
        reached |= more
    assert reached == set(table.questions)


def test_no_answer_in_the_table_lowers_or_closes(protocol: Protocol) -> None:
    """An outcome can only name a tier to reach; there is no key that could take one away."""
    for question in protocol.table.questions.values():
        for outcome in question.outcomes.values():
            assert set(vars(outcome)) == {"next", "tier", "kind"}


# ---- refusal, jokes, denial, garble


@pytest.mark.parametrize(
    "text", ["jk", "no", "nah im fine", "/restart", "lol just kidding", "asdf", "", "I'd rather not say"]
)
def test_nothing_lowers_the_tier_or_closes_the_case(talk: Talk, text: str) -> None:
    talk.say("I want to kill myself")
    for _ in range(8):
        step = talk.say(text)
        assert step.state.open
        assert step.state.tier >= Tier.MODERATE
        assert not step.opens_case


def test_a_refusal_is_accepted_and_the_help_still_offered(talk: Talk) -> None:
    talk.say("I want to kill myself")
    step = talk.say("I don't want to say")
    assert step.state.awaiting is None
    assert step.wants_slot
    assert SLOT in words_of(step)


def test_garble_is_asked_again_once_in_other_words(talk: Talk) -> None:
    talk.say("I want to kill myself")
    asked = talk.said[-1]
    step = talk.say("asdfgh")
    assert step.state.awaiting == "suicide.method"
    assert asked not in words_of(step)
    assert talk.say("qwrt").state.awaiting is None


def test_a_denied_check_in_ends_gently_without_a_case(talk: Talk) -> None:
    talk.say("I don't feel safe with myself tonight")
    step = talk.say("no")
    assert step.replies
    assert step.state.awaiting is None
    assert step.state.tier == Tier.CHECK_IN
    assert not step.state.open


def test_risk_in_an_answer_is_never_a_no(talk: Talk) -> None:
    talk.take(verdict_of("suicide", Tier.MODERATE), "words")
    step = talk.say("no, I just want to die")
    assert ("suicide.wish", "yes") in step.state.answers


# ---- new risk at any time


def test_graver_risk_while_a_question_waits_is_handled_at_once(talk: Talk) -> None:
    talk.say("my husband hits me")
    step = talk.say("I just swallowed 40 paracetamol")
    assert "911" in step.replies[0].text
    assert step.raises_tier
    assert step.state.kinds == ("abuse", "suicide", "medical") or "suicide" in step.state.kinds


def test_a_second_kind_is_answered_and_the_open_question_comes_back(talk: Talk) -> None:
    talk.say("I keep thinking about killing myself")
    step = talk.say("my husband hits me every night")
    assert "abuse" in step.state.kinds
    assert "1-800-799-7233" in words_of(step)
    while talk.state.awaiting and talk.state.awaiting.startswith("abuse"):
        talk.say("no")
    assert talk.state.awaiting == "suicide.method"


def test_later_risk_gets_a_fresh_short_reply_and_ordinary_talk_none(talk: Talk) -> None:
    talk.say("I want to die")
    talk.say("I'd rather not say")
    assert talk.say("I slept badly and had a beer").replies == ()
    replies = [talk.say("I want to die").replies for _ in range(8)]
    texts = [reply.text for group in replies for reply in group]
    assert all(len(group) == 1 for group in replies)
    assert len(set(texts)) == len(texts)
    assert all("988" in text for text in texts)


def test_a_long_conversation_repeats_no_sentence(screener: Screener, protocol: Protocol, place: Place) -> None:
    script = ["I don't feel safe with myself tonight", "kind of", "yes", "yes", "no", "yes", "yes", "no", "no"]
    script += ["I want to die", "my husband hits me", "no", "no", "no", "I want to die", "I want to kill myself", "jk"]
    for seed in range(10):
        talk = Talk(screener, protocol, place, seed)
        for text in script:
            talk.say(text)
        sentences = [part for text in talk.said for part in re.split(r"(?<=[.?!]) ", text)]
        twice = {sentence for sentence in sentences if sentences.count(sentence) > 1}
        assert not twice


# ---- the truth


def test_without_a_slot_it_promises_contact_instead(screener: Screener, protocol: Protocol, lines: CrisisLines) -> None:
    talk = Talk(screener, protocol, Place.at(lines.for_country("UK")))
    said = words_of(talk.say("I want to die"))
    assert "116 123" in said
    assert "  " not in said
    assert "held" not in said
    assert "{" not in said


def test_it_does_not_say_the_clinic_knows_before_it_does(
    screener: Screener, protocol: Protocol, lines: CrisisLines
) -> None:
    talk = Talk(screener, protocol, Place.at(lines.for_country("US"), SLOT, clinic_told=False))
    said = words_of(talk.say("I want to die"))
    assert "has been told" not in said
    assert "clinic knows" not in said
    assert "on the clinic's list" in said


def test_it_says_when_a_person_is_reading(screener: Screener, protocol: Protocol, lines: CrisisLines) -> None:
    talk = Talk(screener, protocol, Place.at(lines.for_country("US"), SLOT, human_live=True))
    assert re.search(r"can see this chat|is reading with us", words_of(talk.say("I want to die")))


def test_the_static_reply_has_both_numbers(protocol: Protocol, place: Place, lines: CrisisLines) -> None:
    reply = protocol.static_reply(place)
    assert "911" in reply.text
    assert "988" in reply.text
    assert "your local emergency number" in protocol.static_reply(Place.at(lines.for_country("ZZ"))).text
    bare = Place("US", "911", ())
    assert "call 911" in protocol.static_reply(bare).text


# ---- the state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(turns=st.lists(st.sampled_from(["I want to die", "yes", "no", "jk", "he hits me", "ok", "", "I took 40 pills"])))
def test_the_state_survives_storage(
    screener: Screener, protocol: Protocol, lines: CrisisLines, turns: list[str]
) -> None:
    talk = Talk(screener, protocol, Place.at(lines.for_country("US"), SLOT))
    for text in turns:
        before = talk.state.tier
        talk.say(text)
        assert talk.state.tier >= before
        assert SafetyState.from_dict(talk.state.to_dict()) == talk.state
    assert SafetyState.from_dict({}) == SafetyState()


def test_one_step_depends_on_nothing_but_its_arguments(protocol: Protocol, place: Place) -> None:
    steps = [
        protocol.step(SafetyState(), verdict_of("suicide", Tier.HIGH), "x", place=place, rng=random.Random(4))
        for _ in range(2)
    ]
    assert steps[0] == steps[1]
    assert protocol.step(SafetyState(), NOTHING, "x", place=place, rng=random.Random(4)).replies == ()


# ---- reading answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes", "yes"), ("Yeah", "yes"), ("yesss", "yes"), ("i do", "yes"), ("sometimes", "yes"), ("Y", "yes"),
        ("no", "no"), ("nah", "no"), ("Nope.", "no"), ("not really", "no"), ("I haven't", "no"), ("never", "no"),
        ("kind of", "unsure"), ("idk", "unsure"), ("maybe", "unsure"), ("I don't know", "unsure"),
        ("no but sometimes", "unsure"), ("i guess", "unsure"), ("not sure", "unsure"),
        ("i dont want to say", "refusal"), ("I'd rather not say", "refusal"), ("none of your business", "refusal"),
        ("jk", "joke"), ("lol no", "joke"), ("just kidding", "joke"), ("/restart", "joke"),
        ("asdf", "garble"), ("", "garble"), ("???", "garble"), ("qwrtp", "garble"),
        ("my boss called me in today", "other"),
    ],
)  # fmt: skip
def test_answers_are_read(data, text: str, answer: str) -> None:  # type: ignore[no-untyped-def]
    assert AnswerReader.load(data).read(text) == answer


@given(text=st.text(max_size=80))
def test_reading_an_answer_never_raises(protocol: Protocol, text: str) -> None:
    assert protocol._reader.read(text) in ANSWERS


# ---- the words

BANNED = [
    r"\byou (should|must|need to|have to)\b", r"why don't you", r"it sounds like", r"i hear you", r"journey",
    r"\bvalid\b", r"sorry you're going through", r"addict", r"alcoholic", r"proud of you", r"promise", r"\bcommit\b",
    r"\b(rope|pills|gun|noose|hang|bridge|knife|blade|bleach|overdose)\b", "[\u2018\u2019\u201c\u201d\u2014]",
]  # fmt: skip


def all_words(protocol: Protocol) -> list[tuple[str, str]]:
    return [(key, text) for key, texts in protocol.words.variants.items() for text in texts]


def test_every_word_is_fit_to_be_read(protocol: Protocol) -> None:
    for key, text in all_words(protocol):
        for banned in BANNED:
            assert not re.search(banned, text, re.IGNORECASE), (key, banned, text)
        line = "call or text 988 (988 Suicide & Crisis Lifeline)"
        filled = text.format(emergency="911", line=line, lines=f"{line}, or text HOME to 741741", slot=SLOT)
        assert len(filled.split()) <= 60, (key, text)
        assert text.count("?") <= 1, (key, text)


def test_one_question_a_turn(talk: Talk) -> None:
    for text in [
        "I don't feel safe with myself tonight",
        "yes",
        "yes",
        "yes",
        "no",
        "no",
        "I want to die",
        "my wife hits me",
    ]:
        step = talk.say(text)
        assert words_of(step).count("?") <= 1, words_of(step)


def test_sentences_are_short(protocol: Protocol) -> None:
    """A reading age of about twelve: short sentences, few long words."""
    for key, text in all_words(protocol):
        sentences: Sequence[str] = [part for part in re.split(r"[.?!:;]\s", text) if part]
        assert max(len(sentence.split()) for sentence in sentences) <= 30, (key, text)


def test_everything_has_several_wordings_and_none_is_used_twice(protocol: Protocol) -> None:
    texts = {}
    for key, variants in protocol.words.variants.items():
        assert len(variants) >= 2 or key == "static", key
        texts[key] = variants
    for first, second in pairwise(sorted(texts)):
        if texts[first] != texts[second]:
            assert not set(texts[first]) & set(texts[second])


def test_no_words_are_left_over(protocol: Protocol) -> None:
    used = {protocol.words.resolve(key) for key in required_words(protocol.table)}
    assert used == set(protocol.words.variants)


def test_when_all_was_said_the_oldest_comes_back() -> None:
    words = Words({"again.high": ("a", "b")})
    assert words.pick("again.high", ("again.high#1", "again.high#0"), random.Random(0)) == ("b", "again.high#1")


# ---- wishes about the conversation


@pytest.mark.parametrize(
    "wish", ["delete everything", "Yes, delete it", "stop", "ok stop", "yes, I want my data deleted"]
)
def test_a_wish_about_the_conversation_is_no_answer_to_a_safety_question(talk: Talk, wish: str) -> None:
    asked = talk.say("I want to kill myself").state
    step = talk.say(wish)
    assert asked.awaiting is not None
    assert step.replies == ()  # the ordinary conversation answers
    assert (str(asked.awaiting), "yes") not in step.state.answers
    assert (str(asked.awaiting), "wish") in step.state.answers
    assert (step.state.tier, step.state.open) == (asked.tier, True)


def test_after_a_wish_its_own_yes_is_no_answer_either(talk: Talk) -> None:
    talk.say("I want to kill myself")
    talk.say("delete everything")
    assert talk.say("yes").replies == ()
    assert not [answer for _, answer in talk.state.answers if answer == "yes"]


def test_risk_beside_a_wish_is_heard(talk: Talk) -> None:
    talk.say("I want to die")
    assert talk.say("delete everything, I took all my pills").state.tier == Tier.IMMINENT


def test_a_wish_is_not_heard_in_what_only_sounds_like_one(data: Path) -> None:
    reader = AnswerReader.load(data)
    assert reader.read("yes i want to stop living") == "yes"
    assert reader.read("i cant stop") == "no"
