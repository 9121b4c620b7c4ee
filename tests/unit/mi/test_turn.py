"""Turns of the MI core: real content and parser, what Rasa would have heard given by hand."""

import random

import pytest

from bot.core import load_core
from bot.mi.client_language import ClientLanguage, Span
from bot.mi.draft import Heard, clause_around
from bot.mi.state import MIState, Quote, RulerValue
from bot.mi.turn import MICore, Turn


@pytest.fixture(scope="module")
def core() -> MICore:
    return load_core()


def language(talk: str = "neutral", *codes: tuple[str, str, str], ambivalent: bool = False) -> ClientLanguage:
    spans = tuple(Span(code, sign, text, 0, len(text)) for code, sign, text in codes)
    return ClientLanguage(talk, ambivalent, spans, 0.9, ())


def take(core: MICore, state: MIState, text: str, intent: str = "share", talk: str = "neutral", **more) -> Turn:
    seed = more.pop("seed", 1)
    return core.take(state, Heard(text, intent, language(talk)), rng=random.Random(seed), **more)


def words(turn: Turn) -> str:
    return " ".join(say.text for say in turn.says)


def in_evoke(**values) -> MIState:
    return MIState(**{"process": "evoke", "topic": "drinking", "topics": ("drinking",), "turns": 6, **values})


def test_a_conversation_opens_with_an_open_question(core):
    turn = core.open(MIState(), rng=random.Random(1))
    assert turn.says[-1].text.endswith("?")
    assert turn.state.awaiting == "engage.open"


def test_a_topic_in_the_first_answer_leads_to_evoking(core):
    state = core.open(MIState(), rng=random.Random(1)).state
    turn = take(core, state, "i think i drink too much", "change_talk", "change")
    assert (turn.state.process, turn.state.topic) == ("evoke", "drinking")
    assert any("reflection" in move for say in turn.says for move in say.moves)


def test_without_a_topic_the_client_is_asked_for_one_with_buttons(core):
    state = core.open(MIState(), rng=random.Random(1)).state
    turn = take(core, state, "idk", "dont_know")
    assert turn.state.awaiting == "focus.ask_topic"
    assert "Something else" in turn.says[-1].buttons


def test_a_topic_nobody_foresaw_is_taken_as_it_is(core):
    state = MIState(process="focus", awaiting="focus.ask_topic", turns=2)
    turn = take(core, state, "my collection of old radios fills the house")
    assert (turn.state.process, turn.state.topic) == ("evoke", "other")


def test_three_topics_are_put_to_the_client_to_choose_from(core):
    state = core.open(MIState(), rng=random.Random(1)).state
    turn = take(core, state, "i smoke, i drink, and i never sleep")
    assert turn.state.awaiting == "focus.agenda"
    assert len(turn.says[-1].buttons) == 3


@pytest.mark.parametrize("n", range(11))
def test_every_number_of_a_ruler_is_met(core, n):
    state = in_evoke(awaiting="importance.ask", asked="How important is it?")
    turn = take(core, state, str(n), "ruler_answer")
    assert turn.state.ruler("importance") == n
    said = words(turn)
    assert said.count("?") <= 1
    if n == 0:
        assert turn.state.awaiting == "importance.at_zero_ask"
    elif n == 10:
        assert "why_not_lower" not in turn.state.awaiting
    else:
        assert turn.state.awaiting == "importance.why_not_lower"
        lower = int(max(0, n - (3 if n >= 5 else 2)))
        assert str(n) in said
        assert str(lower) in said


def test_a_ruler_without_a_number_is_asked_once_more_and_then_left(core):
    state = in_evoke(awaiting="importance.ask")
    again = take(core, state, "hard to say", "dont_know")
    assert again.state.awaiting == "importance.reask"
    left = take(core, again.state, "no idea", "dont_know")
    assert not left.state.awaiting.startswith("importance")


def test_a_number_nobody_asked_for_yet_is_taken_for_its_ruler(core):
    turn = take(core, in_evoke(), "importance? id say 9", "ruler_answer")
    assert turn.state.ruler("importance") == 9


def test_discord_goes_back_to_engaging_and_is_never_argued_with(core):
    turn = take(core, in_evoke(awaiting="evoke.likes"), "you dont get it at all", "discord", "sustain")
    assert turn.state.process == "engage"
    assert any(move.endswith("discord.repair") for say in turn.says for move in say.moves)


def test_sustain_talk_stays_in_evoke(core):
    turn = take(core, in_evoke(), "i like my wine and nobody will take it from me", "sustain_talk", "sustain")
    assert turn.state.process == "evoke"


def test_not_knowing_is_met_and_not_interrogated(core):
    state = in_evoke(awaiting="evoke.likes")
    questions = 0
    for seed in range(4):
        turn = take(core, state, "idk", "dont_know", seed=seed)
        questions += words(turn).count("?")
        state = turn.state
    assert questions <= 3


def test_advice_is_given_the_mi_way(core):
    state = in_evoke(topic="smoking", topics=("smoking",))
    first = take(core, state, "what should i do to quit smoking", "ask_advice")
    assert first.state.awaiting == "advice.ask_idea"
    second = take(core, first.state, "patches maybe")
    assert second.state.awaiting == "advice.permission"
    third = take(core, second.state, "yes", "affirm")
    assert any(move.startswith("give_information") for say in third.says for move in say.moves)
    assert "(" in words(third)  # the fact names its source


def test_a_refused_fact_is_not_told(core):
    state = in_evoke(topic="smoking", topics=("smoking",), awaiting="advice.permission", query="patches")
    turn = take(core, state, "no", "deny")
    assert not any(move.startswith("give_information") for say in turn.says for move in say.moves)


def test_a_summary_quotes_the_client_and_asks_what_was_missed(core):
    quotes = tuple(
        Quote(text, sign, "reason", turn)
        for turn, (text, sign) in enumerate(
            [("you like the first glass", "-"), ("you want your mornings back", "+"), ("you hate hiding bottles", "+"),
             ("your kids have started to notice it", "+")]
        )
    )  # fmt: skip
    turn = take(core, in_evoke(quotes=quotes, since_summary=5), "and work is suffering too", "change_talk", "change")
    said = words(turn)
    assert "you like the first glass" in said
    assert sum(q.text in said for q in quotes if q.sign == "+") >= 2
    assert turn.state.awaiting == "summary.close"


def ready_state(**more) -> MIState:
    quotes = tuple(
        Quote(text, "+", "reason", n)
        for n, text in enumerate(["you want your mornings back", "you hate hiding bottles", "your kids notice it now"])
    )
    rulers = (RulerValue("importance", 8, 4), RulerValue("confidence", 5, 6))
    return in_evoke(quotes=quotes, rulers=rulers, turns=9, since_summary=5, **more)


def test_enough_change_talk_leads_to_the_key_question(core):
    turn = take(core, ready_state(), "i miss how i used to be", "change_talk", "change")
    assert turn.state.awaiting == "key_question"


def test_a_no_to_the_key_question_is_accepted(core):
    state = take(core, ready_state(), "i miss how i used to be", "change_talk", "change").state
    turn = take(core, state, "nothing for now", "sustain_talk", "sustain")
    assert turn.state.process == "evoke"
    assert turn.state.awaiting != "key_question"


def test_a_yes_to_the_key_question_leads_to_a_plan_in_the_clients_words_and_an_offer(core):
    state = take(core, ready_state(), "i miss how i used to be", "change_talk", "change").state
    turn = take(core, state, "i want to stop on weekdays", "change_talk", "change")
    assert turn.state.process == "plan"
    answers = {
        "plan.what": "no wine from monday to thursday",
        "plan.first_step": "pour the rest away",
        "plan.when": "tonight after the news",
        "plan.who": "my sister",
        "plan.obstacle": "a bad day at work",
        "plan.if_then": "ring my sister and go round the block",
        "plan.sign": "i wake up clear",
        "plan.confidence": "8",
        "plan.change_anything": "no thats it",
    }
    shown = {}
    for _ in range(12):
        asked = turn.state.awaiting
        if asked not in answers:
            break
        intent = "deny" if asked == "plan.change_anything" else "share"
        turn = take(core, turn.state, answers[asked], intent)
        shown = dict(turn.says[0].card) if turn.says[0].card else shown
    assert shown["first_step"] == "Pour the rest away"
    assert shown["who"] == "My sister"
    assert turn.state.process == "close"
    assert turn.state.awaiting == "offer.after_plan"
    wanted = take(core, turn.state, "yes please", "affirm")
    assert wanted.wants == "appointment"


def test_low_confidence_has_the_plan_made_easier(core):
    state = in_evoke(process="plan", awaiting="plan.confidence", plan={"change": "Stop", "first_step": "Walk"})
    turn = take(core, state, "4", "ruler_answer")
    assert turn.state.awaiting == "plan.revise"


def test_with_an_open_case_nothing_is_evoked_or_amplified(core):
    for text, intent in (
        ("i feel so low today", "share"),
        ("i might stop drinking", "change_talk"),
        ("6", "ruler_answer"),
    ):
        turn = take(core, in_evoke(awaiting="importance.ask"), text, intent, gentle=True)
        moves = [move for say in turn.says for move in say.moves]
        assert not any(move.split(":")[1].startswith(("evoke.", "importance.", "plan.")) for move in moves)
        assert not any(move.endswith("amplified") for move in moves)


def test_two_reflections_stand_behind_each_question_in_evoke(core):
    state = in_evoke()
    texts = [
        "i hate waking up with a headache every day", "my wife worries and she tells me at dinner",
        "i used to run before work and i miss it", "i want to feel like myself again",
        "my father drank and i swore i would be different", "i lie about how much i had",
        "i would love to have my saturdays back", "i think about it all the time at work",
    ]  # fmt: skip
    for n, text in enumerate(texts):
        state = take(core, state, text, "change_talk", "change", seed=n).state
    assert state.reflections >= 1.5 * state.questions


def test_no_sentence_comes_twice_and_one_question_at_most_is_asked(core):
    state, seen = core.open(MIState(), rng=random.Random(2)).state, []
    for n in range(25):
        text = ["i drink too much wine", "it helps me relax", "i dont sleep well", "yeah", "my kids notice it"][n % 5]
        turn = take(core, state, text, seed=n)
        for say in turn.says:
            assert say.text.count("?") <= 1
            assert len(say.text.split()) <= 75
            seen.append(say.text)
        state = turn.state
    assert len(seen) == len(set(seen))


def test_the_same_turn_worked_twice_says_the_same(core):
    state = in_evoke()
    one, two = (take(core, state, "i miss my mornings", "change_talk", "change") for _ in range(2))
    assert one == two


def test_a_state_survives_its_row(core):
    turn = take(core, ready_state(), "i miss how i used to be", "change_talk", "change")
    import json

    assert MIState.from_dict(json.loads(json.dumps(turn.state.to_dict()))) == turn.state


@pytest.mark.parametrize(
    ("text", "start", "end", "clause"),
    [
        ("i like it but my kids notice. so", 14, 25, "my kids notice"),
        ("one, two, three", 5, 8, "two"),
        ("all of it", 0, 3, "all of it"),
    ],
)
def test_a_quote_is_cut_at_marks_and_buts(text, start, end, clause):
    assert clause_around(text, start, end) == clause


@pytest.mark.parametrize(
    ("text", "talk", "move"),
    [
        ("so i poured it all down the sink yesterday", "change", "affirm:affirm.took_step"),
        ("i want to be there for my kids and i mean it", "change", "affirm:affirm.cares_family"),
        ("i have never told anyone that before", "neutral", "affirm:affirm.honesty"),
        ("ill ring them on monday", "change", "affirm:affirm.commitment"),
    ],
)
def test_an_affirmation_names_what_the_words_show(core, text, talk, move):
    turn = take(core, in_evoke(), text, "change_talk", talk)
    assert move in [m for say in turn.says for m in say.moves]


@pytest.mark.parametrize(
    "text",
    ["i go back to bed till its time to fetch him", "i poured myself another one yesterday and started drinking again",
     "i'll probably just mess it up like last time", "haha nah ok it did bother me a bit"],
)  # fmt: skip
def test_nothing_is_affirmed_that_the_words_do_not_show(core, text):
    turn = take(core, in_evoke(), text, "change_talk", "change")
    assert not any(m.startswith("affirm") for say in turn.says for m in say.moves)


def test_only_what_speaks_for_its_side_by_itself_comes_back_later(core):
    love = "i love that first glass though"
    heard = Heard(love, "change_talk", language("change", ("ability", "+", love)))
    assert not core.take(in_evoke(), heard, rng=random.Random(1)).state.quotes
    want = "i want to see my girl finish school"
    heard = Heard(want, "change_talk", language("change", ("desire", "+", want)))
    assert [q.text for q in core.take(in_evoke(), heard, rng=random.Random(1)).state.quotes] == [
        "you want to see your girl finish school"
    ]


def test_a_number_while_the_plan_is_made_says_how_sure_the_client_is(core):
    state = in_evoke(process="plan", awaiting="plan.first_step", asked="Where will you start?", plan={"change": "Walk"})
    turn = take(core, state, "7. 8 if tony helps", "ruler_answer")
    assert turn.state.ruler("confidence") == 7
    assert "first_step" not in turn.state.plan
    assert turn.state.awaiting == "plan.first_step"
