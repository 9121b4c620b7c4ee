"""The measuring itself: statistics against worked examples, and the report's sections."""

from pathlib import Path

import pytest

from tests.eval import client_language_report, report, risk_report
from tests.eval.risk_report import Found
from tests.eval.statistics import Share, bootstrap, class_figures, kappa, macro_f1, percentile


def test_wilson_interval_of_eight_in_ten() -> None:
    low, high = Share(8, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)


def test_wilson_interval_stays_within_zero_and_one() -> None:
    assert Share(0, 5).interval[0] == 0.0
    assert Share(5, 5).interval[1] == 1.0
    assert str(Share(0, 0)) == "no cases"


def test_kappa_is_one_for_agreement_and_zero_for_chance() -> None:
    assert kappa(["a", "b"], ["a", "b"]) == 1.0
    assert kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"]) == 0.0


def test_f1_of_a_class() -> None:
    figures = class_figures(["a", "a", "b"], ["a", "b", "b"], "a")
    assert (figures.precision, figures.recall) == (1.0, 0.5)
    assert figures.f1 == pytest.approx(2 / 3)
    assert macro_f1(["a", "b"], ["a", "b"], ["a", "b"]) == 1.0


def test_bootstrap_draws_whole_groups_and_repeats() -> None:
    groups = ["x", "x", "y", "y"]
    seen: list[int] = []

    def measure(numbers: object) -> float:
        drawn = list(numbers)  # type: ignore[call-overload]
        seen.append(len(drawn))
        return float(drawn.count(0) == drawn.count(1))

    assert bootstrap(groups, measure, times=50) == (1.0, 1.0)
    assert set(seen) == {4}


def test_percentile() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile([1.0], 0.95) == 1.0


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.md"
    report.put("one", "first", path)
    report.put("two", "second", path)
    report.put("one", "anew", path)
    text = path.read_text()
    assert "first" not in text
    assert text.index("anew") < text.index("second")
    assert text.startswith("# What was measured")


def test_the_keyword_list_has_twelve_stems() -> None:
    assert len(risk_report.STEMS) == 12
    assert risk_report.keywords({"turns": ["hello", "i want to die"]}).turn == 2
    assert risk_report.keywords({"text": "a nice day"}).tier == "none"


def test_a_catch_two_turns_late_is_no_catch() -> None:
    rows = [{"turn": 2, "tier": "high", "kinds": ["suicide"], "turns": []}]
    late = risk_report.in_time(rows, [Found("high", ("suicide",), 4)], [Found("none", ())])
    assert "0/1" in late.splitlines()[3].split("|")[2]
    caught = risk_report.in_time(rows, [Found("high", ("suicide",), 3)], [Found("none", ())])
    assert "1/1" in caught.splitlines()[3].split("|")[2]


def test_false_alarms_count_only_texts_without_risk() -> None:
    rows = [{"tier": "none", "kinds": []}, {"tier": "high", "kinds": ["suicide"]}]
    found = [Found("check_in", ("suicide",)), Found("high", ("suicide",))]
    lines = risk_report.alarms(rows, found, found).splitlines()
    assert "1/1" in lines[2]
    assert "0/1" in lines[3].split("|")[2]


def test_the_baseline_learns_from_training_data_alone() -> None:
    examples = client_language_report.training_examples()
    assert {talk for _, talk in examples} == {"change", "sustain", "neutral"}
    tested = {item.text.lower() for item in client_language_report.typed() if len(item.text.split()) > 4}
    assert not tested & {text.lower() for text, _ in examples}
