"""Codes, counts and ratios after MITI 4.2.1."""

from pathlib import Path

import pytest
import yaml

from bot.mi.content import ContentError
from bot.mi.fidelity import FidelityCoder, Volley, figures
from bot.mi.fidelity_tables import FidelityTables

TABLES = Path(__file__).parents[3] / "data" / "mi" / "fidelity.yml"


@pytest.fixture(scope="module")
def coder() -> FidelityCoder:
    return FidelityCoder(FidelityTables.load(TABLES))


def codes(coder: FidelityCoder, said: str, client: str = "", moves: tuple[str, ...] = ()) -> list[str]:
    return [code.code for code in coder.code([Volley(1, client, (said,), moves)])[0].codes]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("What worries you about the drinking?", "open_question"),
        ("Tell me more about that evening.", "open_question"),
        ("How many drinks do you have on a Friday?", "closed_question"),
        ("Do you smoke in the mornings?", "closed_question"),
        ("Would it be okay if I shared something about sleep?", "seek"),
        ("It's up to you what happens next.", "emphasise_autonomy"),
        ("Nobody can decide this for you, and you can choose.", "emphasise_autonomy"),
        ("That took a lot of courage.", "affirm"),
        ("You've worked really hard at this.", "affirm"),
        ("You should cut down on the wine.", "persuade"),
        ("Why don't you try a patch?", "persuade"),
        ("If I were you I'd call them.", "persuade"),
        ("You're just making excuses.", "confront"),
        ("You don't care what happens to your kids.", "confront"),
        ("Research shows that most people need several tries.", "give_information"),
        ("Mm-hmm.", "filler"),
        ("Thank you, see you next week.", "structure"),
    ],
)
def test_a_sentence_gets_the_code_of_what_it_does(coder: FidelityCoder, said: str, code: str) -> None:
    assert codes(coder, said, "my boss keeps calling") == [code]


def test_saying_it_back_is_a_simple_reflection(coder: FidelityCoder) -> None:
    assert codes(coder, "You drink at night after work.", "i drink at night after work") == ["simple_reflection"]


def test_a_feeling_the_client_did_not_name_makes_it_complex(coder: FidelityCoder) -> None:
    assert codes(coder, "You're afraid of losing them.", "my kids won't talk to me") == ["complex_reflection"]
    assert codes(coder, "You're afraid of losing them.", "i'm afraid of losing them") == ["simple_reflection"]


def test_a_rising_statement_about_the_client_is_a_reflection(coder: FidelityCoder) -> None:
    assert codes(coder, "So you had a rough night?", "i had such a rough night") == ["simple_reflection"]


def test_the_clients_own_duty_said_back_is_no_advice(coder: FidelityCoder) -> None:
    assert codes(coder, "You feel you have to keep going.", "i have to keep going") == ["simple_reflection"]


def test_advice_that_was_asked_for_or_allowed_is_told_apart(coder: FidelityCoder) -> None:
    assert codes(coder, "You could try a patch.", "what should i do?") == ["persuade_with_permission"]
    volleys = [
        Volley(1, "i can't sleep", ("Would it be okay if I shared an idea?",)),
        Volley(2, "sure", ("You could try going to bed later.",)),
    ]
    assert coder.code(volleys)[1].counted == {"persuade_with_permission"}
    refused = [volleys[0], Volley(2, "no thanks", volleys[1].said)]
    assert coder.code(refused)[1].counted == {"persuade"}


def test_within_a_volley_each_code_counts_once_and_complex_stands_above_simple(coder: FidelityCoder) -> None:
    said = "You drink at night. You're afraid of where it goes. What happened? When was it?"
    done = coder.code([Volley(1, "i drink at night", (said,))])
    assert done[0].counted == {"complex_reflection", "open_question"}
    assert figures(done)["reflections_to_questions"] == 1.0


def test_moves_give_the_codes_and_keep_their_words(coder: FidelityCoder) -> None:
    said = "You miss them. That took courage. What would you like instead?"
    moves = ("simple_reflection:reflection.simple", "affirm:affirm.took_step", "open_question:evoke.best")
    done = coder.code([Volley(1, "i miss them", (said,), moves)])[0].codes
    assert [code.text for code in done] == ["You miss them.", "That took courage.", "What would you like instead?"]


def test_a_move_cannot_hide_advice_or_a_question(coder: FidelityCoder) -> None:
    assert "persuade" in codes(coder, "You should see a doctor.", "i cough", ("support:warmth",))
    assert "closed_question" in codes(coder, "You cough?", "i cough", ("simple_reflection:reflection.simple",))


def test_crisis_talk_is_left_out(coder: FidelityCoder) -> None:
    done = coder.code([Volley(1, "i want to die", ("You should call 988 now. Are you safe?",), ("support:safety",))])
    assert done[0].counted == frozenset()
    assert done[0].stronger is None


def test_ratios_over_one_process_only(coder: FidelityCoder) -> None:
    volleys = [
        Volley(1, "hi", ("What brings you?",), ("open_question:engage.open",), "engage"),
        Volley(2, "i drink", ("You drink.",), ("simple_reflection:r",), "evoke"),
        Volley(3, "a lot", ("More than you want to.",), ("complex_reflection:r",), "evoke"),
        Volley(4, "yes", ("What for?",), ("open_question:q",), "evoke"),
    ]
    evoke = figures(coder.code(volleys), "evoke")
    assert evoke["reflections_to_questions"] == 2.0
    assert evoke["percent_complex"] == 50.0
    assert evoke["counts"]["client_turns"] == 3


def test_a_question_on_its_own_could_have_been_stronger(coder: FidelityCoder) -> None:
    volley = Volley(1, "my wife is leaving me over this", ("When did she say so?",))
    [done] = coder.code([volley], lambda text, kinds: "You stand to lose her.")
    assert done.stronger is not None
    assert "You stand to lose her." in done.stronger


def test_a_good_turn_is_left_alone(coder: FidelityCoder) -> None:
    [done] = coder.code([Volley(1, "my wife is leaving me", ("You're scared of being alone. What helps?",))])
    assert done.stronger is None


def test_no_questions_give_no_ratio(coder: FidelityCoder) -> None:
    assert figures([])["reflections_to_questions"] is None
    assert figures([])["percent_complex"] is None


@pytest.mark.parametrize("text", ["", "!", "\n", "???", "…" * 50, "a" * 4000, "I " * 3000])
def test_odd_text_does_no_harm(coder: FidelityCoder, text: str) -> None:
    figures(coder.code([Volley(1, text, (text,)), Volley(2, text, (text,), ("a:b", "c:d", "e:f"))]))


def test_a_wrong_table_is_named(tmp_path: Path) -> None:
    raw = yaml.safe_load(TABLES.read_text())
    raw["acts"].pop("affirm")
    path = tmp_path / "fidelity.yml"
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(ContentError, match="acts"):
        FidelityTables.load(path)
