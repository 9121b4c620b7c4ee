"""Lint of every sentence in data/mi that is not a reflection: moves, topics, values and facts.

The limits come from the project's own rules for client-facing words: at most one question a message, about 60
words, a reading age of about twelve, no pressure, labels, praise or stock phrases.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

DATA = Path(__file__).resolve().parents[3] / "data" / "mi"

ACTS = {
    "open_question",
    "closed_question",
    "affirm",
    "autonomy",
    "support",
    "simple_reflection",
    "complex_reflection",
    "give_information",
    "seek_permission",
    "summary",
    "structure",
}
QUESTIONS = {"open_question", "closed_question", "seek_permission"}
KINDS = ("less", "more", "better")
SLOTS = {"answer", "behaviour", "change", "n", "lower", "higher", "quote", "value", "topic", "clinic", "crisis", "when"}
ALWAYS = {"behaviour", "change", "topic", "clinic"}
"""Slots that every conversation can fill."""

BANNED = [
    r"\byou(?:'ll|'d)? (?:really |just |also |might |will )?(?:should|must|need to|have to|ought to)\b",
    r"\byou'd better\b",
    r"\b(?:should|must) (?:you|try|stop|not)\b",
    r"\bhave to\b",
    r"\bwhy (?:don't|not just|didn't|won't|can't) you\b",
    r"\b(?:addict|addicts|alcoholic|alcoholics|junkie|user|drunk|abuser|substance abuse|in denial)\b",
    r"\b(?:it|that|this) sounds like\b",
    r"\bi hear (?:you|that|how)\b",
    r"\bwhat i'm hearing\b",
    r"\bsorry you(?:'re| are) going through\b",
    r"\bjourney\b",
    r"\bvalid\b",
    r"\b(?:safe space|reach out to|here for you|you've got this|it gets better)\b",
    r"\b(?:you are|you're) not alone\b",
    r"\bi understand (?:how|exactly|what)\b",
    r"\bproud\b",
    r"\b(?:good|great|nice|amazing|awesome|excellent) (?:job|work)\b",
    r"\b(?:well done|bravo|congratulations|good for you|keep it up)\b",
    r"\b(?:dangerous|deadly|kill|kills|killer) (?:habit|choice)\b",
    r"\bin my opinion\b",
    r"\bi (?:recommend|suggest|advise)\b",
    r"\bhow about (?:you|trying)\b",
    r"[\u2018\u2019\u201c\u201d\u2013\u2014]",
    r"!{1}",
]
STACKED = re.compile(r"\b(?:and|or) (?:what|how|who|when|where|why|which|is|are|do|does|would|could|can)\b[^,]*\?")
"""Two questions in one: "Who could help, and how?"."""

LEADS = {
    "importance.reask",
    "confidence.reask",
    "readiness.reask",
    "return.welcome",
    "return.quote",
    "return.plan",
    "not_understood",
}
"""Question moves where a short sentence may stand before the question: a welcome, a way out, an admission."""

STATEMENT_QUESTIONS = {"tell_more"}
"""An open question asked as an invitation ("Tell me more"), which MITI counts as one."""

AROUND = "flow"
"""The file of consent, control, appointments and other languages: it explains, so it may be longer."""

FRAGMENTS = {"summary.sustain_lead", "summary.change_lead", "summary.also"}
"""Lead words that the client's own words follow."""

# fmt: off
MANY = [
    "engage.open", "engage.more", "engage.typical_day", "engage.what_else", "tell_more", "focus.ask_topic",
    "evoke.likes", "evoke.concerns", "evoke.why_change", "evoke.example", "evoke.elaborate",
    "evoke.look_back", "evoke.look_forward", "evoke.best", "evoke.worst", "evoke.values_ask",
    "evoke.values_fit", "evoke.strengths", "evoke.past_success", "evoke.step_thought", "importance.ask",
    "importance.why_not_lower", "importance.what_up", "confidence.ask", "confidence.why_not_lower",
    "confidence.what_up", "readiness.ask", "readiness.why_not_lower", "readiness.what_up", "autonomy",
    "normalise.mixed", "dont_know.meet", "dont_know.angle", "discord.repair", "discord.after",
    "decline.accept", "warmth.hard", "not_understood", "short_answer.meet", "summary.open", "summary.close",
    "transition.open", "key_question", "plan.intro", "plan.what", "plan.first_step", "plan.when",
    "plan.who", "plan.obstacle", "plan.if_then", "plan.sign", "plan.revise", "plan.change_anything",
    "advice.ask_idea", "advice.know", "advice.permission", "advice.after", "offer.human",
    "offer.after_plan", "close.session", "return.welcome", "return.plan", "lapse.learn", "stop.ok",
    "affirm.honesty", "affirm.effort", "affirm.past_success", "affirm.cares_family", "affirm.courage",
    "affirm.self_knowledge", "affirm.took_step", "affirm.came_back", "affirm.asked_for_help",
    "affirm.kept_going", "affirm.commitment", "affirm.thought_through", "affirm.ability", "affirm.clarity",
]
SOME = [
    "engage.feeling", "focus.confirm", "focus.agenda", "focus.other", "focus.switch",
    "evoke.if_nothing_changes", "evoke.supporters", "evoke.need_instead", "importance.at_zero",
    "importance.at_zero_ask", "importance.at_ten", "importance.reask", "importance.no_number",
    "confidence.at_zero", "confidence.at_zero_ask", "confidence.at_ten", "confidence.reask",
    "confidence.no_number", "readiness.at_zero", "readiness.at_zero_ask", "readiness.at_ten",
    "readiness.reask", "readiness.no_number", "swearing.meet", "third_person.loss", "thanks.reply",
    "joke.reply", "long.reply", "summary.sustain_lead", "summary.change_lead", "summary.also",
    "summary.link", "plan.confidence", "plan.show", "plan.keep", "plan.skip", "advice.options_lead",
    "advice.no_fact", "offer.declined", "offer.booked", "offer.taken", "offer.none_free",
    "close.check_in_ask", "lapse.ask",
]
# fmt: on
MINIMUM = dict.fromkeys(MANY, 8) | dict.fromkeys(SOME, 5)
"""How many wordings a move has at least: 8 where it is said often."""


class Said(NamedTuple):
    """One wording, with where it stands and whom it fits (empty: everyone)."""

    file: str
    move: str
    act: str
    text: str
    topics: frozenset[str]
    kinds: frozenset[str]

    @property
    def slots(self) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(self.text) if name}

    @property
    def at(self) -> str:
        return f"{self.file}.yml: {self.move}: {self.text!r}"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def wordings() -> list[Said]:
    found = []
    for path in sorted((DATA / "moves").glob("*.yml")):
        for move, entry in read(path).items():
            for variant in entry["say"]:
                raw = {"text": variant} if isinstance(variant, str) else variant
                topics, kinds = frozenset(raw.get("for", ())), frozenset(raw.get("kind", ()))
                found.append(Said(path.stem, move, entry["act"], raw["text"], topics, kinds))
    return found


SAID = wordings()
TOPICS = read(DATA / "topics.yml")
FACTS = read(DATA / "facts.yml")
VALUES = read(DATA / "values.yml")
ENGLISH = [s for s in SAID if not re.match(r"language\.(?!unknown)", s.move)]
BY_MOVE: dict[str, list[Said]] = defaultdict(list)
for _said in SAID:
    BY_MOVE[_said.move].append(_said)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:['.-][a-z0-9]+)*", text.lower())


def sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.?!:])\s+", text) if words(s)]


def syllables(word: str) -> int:
    """Vowel groups, without a silent final e or ed: close enough for a grade."""
    if word.isdigit():
        return 1
    stem = re.sub(r"([^aeiouylt])e$|([^aeiouydt])ed$|([^aeiouyszxc])es$", r"\1\2\3", word.replace("'", ""))
    return max(1, len(re.findall(r"[aeiouy]+", stem)))


def grade(texts: list[str]) -> float:
    """Flesch-Kincaid grade level of the texts together (Kincaid and others, 1975); age is about 5 more."""
    parts = [s for text in texts for s in sentences(text)]
    tokens = [w for s in parts for w in words(s)]
    return 0.39 * len(tokens) / len(parts) + 11.8 * sum(map(syllables, tokens)) / len(tokens) - 15.59


def filled(said: Said, topic: str) -> str:
    """The wording as a client of `topic` would read it."""
    about = TOPICS[topic]
    slots = {
        "n": "6",
        "lower": "3",
        "answer": "your kids",
        "higher": "8",
        "quote": "you want to be there for your kids",
    }
    slots |= {"value": "family", "clinic": "the clinic", "topic": about["label"]}
    slots |= {"crisis": "call or text 988", "when": "Monday at 10:00"}
    slots |= {"behaviour": about["behaviour"], "change": about["change"]}
    return said.text.format(**slots)


def fits(said: Said, topic: str) -> bool:
    return (not said.topics or topic in said.topics) and (not said.kinds or TOPICS[topic]["kind"] in said.kinds)


def every_text() -> list[tuple[str, str]]:
    """(where, words) of all that a client can read from these files."""
    rows = [(s.at, filled(s, topic)) for s in ENGLISH for topic in TOPICS if fits(s, topic)]
    rows += [(f"facts.yml: {f['id']}", f["text"]) for f in FACTS]
    rows += [(f"facts.yml: {f['id']}: source", f["source"]) for f in FACTS]
    rows += [(f"values.yml: {v['id']}", f"{v['label']}. {v['line']}") for v in VALUES]
    rows += [(f"topics.yml: {k}", f"{t['label']}. {t['behaviour']}. {t['change']}") for k, t in TOPICS.items()]
    return rows


def test_every_move_of_the_content_plan_is_there_with_a_known_act() -> None:
    assert not set(MINIMUM) - set(BY_MOVE)
    assert {s.act for s in SAID} <= ACTS


def test_a_move_stands_in_one_file_only() -> None:
    assert not [move for move, said in BY_MOVE.items() if len({s.file for s in said}) > 1]


@pytest.mark.parametrize("move", sorted(MINIMUM))
def test_a_move_has_enough_wordings_for_every_kind_of_topic(move: str) -> None:
    assert len(BY_MOVE[move]) >= MINIMUM[move]
    least = 7 if MINIMUM[move] == 8 else 4
    for topic in TOPICS:
        assert sum(fits(s, topic) for s in BY_MOVE[move]) >= least, topic


@pytest.mark.parametrize("move", sorted(MINIMUM))
def test_a_move_still_has_words_when_no_quote_or_value_is_known(move: str) -> None:
    given = {"offer.booked": {"when"}}.get(move, set())
    ruler = {"n", "lower", "higher"} if move.split(".")[-1] in {"why_not_lower", "what_up"} else given
    for topic in TOPICS:
        assert sum(fits(s, topic) and s.slots <= ALWAYS | ruler for s in BY_MOVE[move]) >= 2, topic


@pytest.mark.parametrize("move", sorted(BY_MOVE))
def test_a_wording_names_only_known_slots_topics_and_kinds(move: str) -> None:
    for said in BY_MOVE[move]:
        assert said.slots <= SLOTS, said.at
        assert said.topics <= set(TOPICS), said.at
        assert said.kinds <= set(KINDS), said.at
        assert said.text == " ".join(said.text.split()), said.at


@pytest.mark.parametrize("move", sorted(m for m, s in BY_MOVE.items() if s[0].act in QUESTIONS and s[0].file != AROUND))
def test_a_question_move_holds_one_short_question_and_no_filler(move: str) -> None:
    if move in STATEMENT_QUESTIONS:
        return
    for said in BY_MOVE[move]:
        assert said.text.endswith("?"), said.at
        assert said.text.count("?") == 1, said.at
        assert len(re.findall(r"[.?](?:\s|$)", said.text)) <= (3 if move in LEADS else 1), said.at
        assert len(words(said.text)) <= 26, said.at
        assert not STACKED.search(said.text), said.at


@pytest.mark.parametrize(
    "move", sorted(m for m, s in BY_MOVE.items() if s[0].act not in QUESTIONS and s[0].file != AROUND)
)
def test_a_move_that_is_no_question_asks_nothing(move: str) -> None:
    for said in BY_MOVE[move]:
        assert "?" not in said.text, said.at
        assert said.text.endswith(".") or move in FRAGMENTS, said.at
        assert len(words(said.text)) <= 30, said.at


@pytest.mark.parametrize("move", ["importance.ask", "confidence.ask", "readiness.ask", "plan.confidence"])
def test_a_ruler_question_names_both_ends_of_the_scale(move: str) -> None:
    for said in BY_MOVE[move]:
        assert {"0", "10"} <= set(words(said.text)), said.at


def test_no_ruler_question_asks_why_the_number_is_not_higher() -> None:
    for said in SAID:
        assert not re.search(r"\bwhy\b.*\{n\}|\bnot \{higher\}|only \{n\}|just \{n\}", said.text), said.at


def test_a_number_stands_without_an_article() -> None:
    """ "a 8" would be wrong, and a slot cannot choose between a and an."""
    assert not [s.at for s in SAID if re.search(r"\ban? \{(?:n|lower|higher)\}", s.text)]


def test_an_affirmation_is_about_the_client_and_has_no_but() -> None:
    other = re.compile(r"\b(?:but|however|although|i|i'm|i am|my)\b", re.IGNORECASE)
    assert not [s.at for s in SAID if s.act == "affirm" and other.search(s.text)]


@pytest.mark.parametrize("pattern", BANNED)
def test_no_banned_phrase_reaches_a_client(pattern: str) -> None:
    banned = re.compile(pattern, re.IGNORECASE)
    assert not [where for where, text in every_text() if banned.search(text)]


def test_no_message_is_longer_than_sixty_words() -> None:
    assert not [where for where, text in every_text() if len(words(text)) > 60]


def test_no_sentence_stands_twice() -> None:
    """Sentences under four words ("That's fine.") may come again."""
    places: dict[str, set[str]] = defaultdict(set)
    for said in (s for s in ENGLISH if s.file != AROUND):
        for sentence in {said.text, *sentences(said.text)}:
            plain = " ".join(words(sentence))
            if len(plain.split()) >= 4:
                places[plain].add(said.at)
    assert not {s: p for s, p in places.items() if len(p) > 1}


def test_wordings_of_one_move_do_not_all_open_alike() -> None:
    for move, said in BY_MOVE.items():
        opening: dict[str, int] = defaultdict(int)
        for s in said:
            opening[" ".join(words(s.text)[:3])] += 1
        assert max(opening.values()) <= max(2, len(said) // 2), (move, dict(opening))


def test_words_around_the_talk_ask_at_most_one_thing() -> None:
    around = [s for s in ENGLISH if s.file == AROUND]
    assert not [s.at for s in around if s.text.count("?") != (s.act in QUESTIONS)]


@pytest.mark.parametrize("move", sorted({s.move for s in ENGLISH}))
def test_a_move_reads_at_about_age_twelve(move: str) -> None:
    assert grade([filled(s, "drinking") for s in BY_MOVE[move]]) <= 7
    for said in BY_MOVE[move]:
        assert grade([filled(said, "mood")]) <= 11, said.at


def test_facts_read_at_about_age_twelve() -> None:
    assert grade([f["text"] for f in FACTS]) <= 7.5
    assert not [(f["id"], round(grade([f["text"]]), 1)) for f in FACTS if grade([f["text"]]) > 11]


def test_facts_are_short_sourced_and_tied_to_known_topics() -> None:
    assert len(FACTS) >= 45
    assert len({f["id"] for f in FACTS}) == len(FACTS)
    for fact in FACTS:
        assert set(fact) == {"id", "topics", "about", "text", "source"}, fact["id"]
        assert len(fact["text"].split()) <= 40, fact["id"]
        assert fact["topics"], fact["id"]
        assert set(fact["topics"]) <= set(TOPICS), fact["id"]
        assert len(fact["about"]) >= 3, fact["id"]
        assert all(isinstance(w, str) and w == w.lower() for w in fact["about"]), fact["id"]
        assert re.search(r"\b[A-Z]", fact["source"]), fact["id"]


def test_a_fact_gives_no_advice_and_asks_nothing() -> None:
    pressure = re.compile(r"\?|\byou (?:can|could|may want)\b|(?:^|[.;:] )(?:Try|Avoid|Consider|Make|Ask|Stop)\b")
    for fact in FACTS:
        assert not pressure.search(fact["text"]), fact["id"]


@pytest.mark.parametrize("fact", ["alcohol_withdrawal", "benzo_withdrawal"])
def test_the_danger_of_sudden_withdrawal_is_told_with_the_way_to_make_it_safe(fact: str) -> None:
    text = next(f["text"] for f in FACTS if f["id"] == fact)
    assert "dangerous" in text
    assert "medical help" in text


def test_every_topic_but_the_clients_own_has_a_fact() -> None:
    assert set(TOPICS) - {topic for fact in FACTS for topic in fact["topics"]} == {"other"}


def test_topics_are_complete_and_share_no_word() -> None:
    assert list(TOPICS)[-1] == "other"
    assert len(TOPICS) == 18
    owner: dict[str, str] = {}
    for name, topic in TOPICS.items():
        assert set(topic) == {"label", "behaviour", "change", "kind", "words"}, name
        assert topic["kind"] in KINDS, name
        assert 1 <= len(topic["label"].split()) <= 3, name
        for word in topic["words"]:
            assert isinstance(word, str), name
            assert word == word.lower(), name
            assert owner.setdefault(word, name) == name, word


def test_there_are_twenty_four_value_cards_with_one_plain_line_each() -> None:
    assert len(VALUES) == 24
    assert len({v["id"] for v in VALUES}) == len({v["label"] for v in VALUES}) == 24
    for value in VALUES:
        assert set(value) == {"id", "label", "line"}
        assert len(sentences(value["line"])) <= 2
        assert value["line"].endswith(".")
