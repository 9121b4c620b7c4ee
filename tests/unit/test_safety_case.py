"""The safety case keeps up: every control names tests that exist, every risk follows the matrix, every check is run."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from bot.settings import ROOT

CASE = ROOT / "docs" / "safety"
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
HAZARDS = re.split(r"^## ", (CASE / "hazards.md").read_text("utf-8"), flags=re.M)[1:]
FIELDS = ("Cause", "Effect", "Risk before", "Controls", "Risk left", "Tests")
RISK = re.compile(r"\*\*(Risk before|Risk left):\*\* severity (\d), likelihood (\d): (\d)")


@functools.cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name.startswith("test_")}


def missing(text: str) -> list[str]:
    """Tests that a text names and that are not there."""
    return [f"{file}::{name}" for file, name in NODE.findall(text) if name not in names_in(file)]


def matrix() -> dict[tuple[int, int], int]:
    """(severity, likelihood) -> risk, as the assessment prints it."""
    rows = re.findall(
        r"^\| (\d) \| (\d) \| (\d) \| (\d) \| (\d) \| (\d) \|$", (CASE / "clinical-risk.md").read_text(), re.M
    )
    return {(severity, int(row[0])): int(row[severity]) for row in rows for severity in range(1, 6)}


def name(hazard: str) -> str:
    return hazard.split(" ")[0]


@pytest.mark.parametrize("hazard", HAZARDS, ids=name)
def test_a_hazard_has_everything_that_a_log_needs(hazard: str) -> None:
    assert all(f"**{field}:**" in hazard for field in FIELDS)
    assert NODE.search(hazard), "a control that no test watches is a wish"


@pytest.mark.parametrize("hazard", HAZARDS, ids=name)
def test_every_test_that_controls_a_hazard_exists(hazard: str) -> None:
    assert not missing(hazard)


def test_every_risk_follows_the_matrix_and_no_control_raises_one() -> None:
    table = matrix()
    assert len(table) == 25
    for hazard in HAZARDS:
        risks = {when: (int(s), int(p), int(risk)) for when, s, p, risk in RISK.findall(hazard)}
        assert {when: table[s, p] for when, (s, p, _) in risks.items()} == {k: v[2] for k, v in risks.items()}, hazard
        assert risks["Risk left"][2] <= risks["Risk before"][2], hazard


def test_the_overview_and_the_summary_say_what_the_log_says() -> None:
    log = (CASE / "hazards.md").read_text("utf-8")
    for hazard in HAZARDS:
        title, risks = hazard.splitlines()[0], RISK.findall(hazard)
        assert f"| {title} | {risks[0][3]} | {risks[1][3]} |" in log
    left = {name(hazard) for hazard in HAZARDS if int(RISK.findall(hazard)[1][3]) >= 4}
    summary = (CASE / "clinical-risk.md").read_text("utf-8").split("## What it comes to")[1].split("\n## ")[0]
    assert set(re.findall(r"\bH\d\d\b", summary)) == left


def test_all_twelve_checks_are_run_by_tests_that_exist() -> None:
    section = (ROOT / "docs" / "safety.md").read_text("utf-8").split("## The twelve checks")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 13))
    assert all(NODE.search(row) for row in rows)
    assert not missing(section)


@pytest.mark.parametrize("page", sorted(CASE.glob("*.md")), ids=lambda page: page.name)
def test_the_safety_case_is_reached_from_the_docs_and_its_links_lead_somewhere(page: Path) -> None:
    assert f"safety/{page.name}" in (ROOT / "docs" / "safety.md").read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
