"""What a client writes finds the right topic, and what a client asks finds the right fact."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.mi.content import Content

DATA = Path(__file__).resolve().parents[3] / "data" / "mi"

ASKED = [
    ("drinking", "is it dangerous to just stop drinking cold turkey", "alcohol_withdrawal"),
    ("drinking", "how much is too much", "alcohol_low_risk_uk"),
    ("drinking", "does alcohol mess up my sleep", "alcohol_sleep"),
    ("drinking", "is there a pill to stop drinking", "alcohol_medicines"),
    ("drinking", "i get the shakes if i dont drink", "alcohol_withdrawal"),
    ("drinking", "will drinking make my depression worse", "alcohol_mood"),
    ("smoking", "how long do cravings last", "nicotine_craving_length"),
    ("smoking", "do patches work", "smoking_nrt"),
    ("smoking", "is vaping safer than smoking", "vaping_relative_risk"),
    ("smoking", "will i put on weight if i quit", "smoking_weight"),
    ("smoking", "what is the best way to quit smoking", "smoking_support_works"),
    ("vaping", "why is it so hard to stop vaping", "vaping_nicotine"),
    ("vaping", "how long does nicotine withdrawal last", "nicotine_withdrawal_course"),
    ("cannabis", "i can't sleep without weed, will that get better", "cannabis_sleep"),
    ("cannabis", "can you get addicted to weed", "cannabis_dependence"),
    ("cannabis", "how long does withdrawal from weed last", "cannabis_withdrawal"),
    ("drugs", "can i just come off xanax", "benzo_withdrawal"),
    ("drugs", "how does narcan work", "naloxone"),
    ("drugs", "is suboxone any good", "opioid_treatment"),
    ("drugs", "what happens if i use after a break", "opioid_tolerance"),
    ("drugs", "how bad is heroin withdrawal", "opioid_withdrawal"),
    ("mood", "does exercise help depression", "mood_activity"),
    ("mood", "how long until antidepressants work", "antidepressant_time"),
    ("mood", "what happens if i stop my meds", "antidepressant_stopping"),
    ("mood", "is there any treatment for this", "mood_treatable"),
    ("mood", "is it normal to feel like this", "mood_common"),
    ("anxiety", "how long does a panic attack last", "anxiety_panic"),
    ("anxiety", "does coffee make anxiety worse", "caffeine_anxiety"),
    ("anxiety", "does therapy work", "anxiety_treatable"),
    ("sleep", "how much sleep do i need", "sleep_need"),
    ("sleep", "is coffee bad for sleep", "caffeine_sleep"),
    ("sleep", "does my phone keep me awake", "screens_sleep"),
    ("sleep", "do sleeping pills work", "insomnia_cbt"),
    ("sleep", "does a drink before bed help me sleep", "alcohol_sleep"),
    ("food", "how fast can i lose weight", "food_crash_diets"),
    ("food", "why do i eat when im stressed", "food_comfort"),
    ("movement", "how much exercise do i need", "movement_amount"),
    ("movement", "does a short walk even count", "movement_small"),
    ("medicine", "what if i missed a dose", "medicine_missed_dose"),
    ("medicine", "the side effects are awful, is there anything else", "medicine_side_effects"),
    ("medicine", "can i just stop taking it", "medicine_stopping"),
    ("medicine", "how do people remember their pills", "medicine_reminders"),
    ("gambling", "can i win it back", "gambling_odds"),
    ("gambling", "can i block myself from betting sites", "gambling_blocks"),
    ("screens", "is social media bad for my mental health", "screens_mixed_effects"),
    ("anger", "does anger management work", "anger_therapy"),
    ("relationships", "would couples therapy help", "relationships_therapy"),
    ("money", "who can help with debt", "money_mind"),
    ("work", "is this burnout", "work_burnout"),
    ("drinking", "what do you think of football", None),
    ("drinking", "can you help me", None),
    ("mood", "what should i do with my life", None),
    ("smoking", "can you tell me the time", None),
]
"""(topic of the talk, what the client asks, the fact that answers it)"""


NAMED = [
    ("my drinking", ("drinking",)),
    ("i smoke weed every night", ("cannabis", "smoking")),
    ("I want to stop smoking", ("smoking",)),
    ("i want to quit for my kids", ()),
    ("I'm worried about my drinking", ("drinking",)),
    ("i'm tired of drinking every day", ("drinking",)),
    ("been using heroin again", ("drugs",)),
    ("i lose my temper with my wife", ("anger",)),
    ("I can't sleep", ("sleep",)),
    ("too much TikTok", ("screens",)),
    ("i keep arguing with my husband", ("relationships",)),
    ("I forget my meds", ("medicine",)),
    ("i bet you say that to everyone", ()),
    ("I went for a walk and ran out of time", ()),
    ("spending time with my son", ()),
    ("lost it all on the horse racing", ("gambling",)),
]
"""(what a client writes, the topics that it names)"""


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(DATA)


@pytest.mark.parametrize(("topic", "question", "fact"), ASKED)
def test_a_question_finds_the_fact_about_it(content: Content, topic: str, question: str, fact: str | None) -> None:
    found = content.fact_about(question, topic)
    assert (found.id if found else None) == fact


@pytest.mark.parametrize(("text", "topics"), NAMED)
def test_a_client_who_names_a_topic_is_heard(content: Content, text: str, topics: tuple[str, ...]) -> None:
    assert content.topics_in(text) == topics


def test_the_words_on_a_topics_button_name_that_topic_and_no_other(content: Content) -> None:
    assert {name: content.topics_in(topic.label) for name, topic in content.topics.items()} == {
        name: (name,) for name in content.topics
    }
