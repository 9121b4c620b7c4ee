"""The files in data/safety: what they hold, and what a mistake in one of them says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bot.safety.content import SafetyContentError
from bot.safety.lines import CrisisLines, Line
from bot.safety.patterns import Macros, PatternError, compile_pattern
from bot.safety.protocol import Protocol
from bot.safety.rules import load_rules
from bot.safety.screen import Screener

NO_MACROS = Macros({})


@pytest.fixture
def copy(tmp_path: Path, data: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "safety"))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("rules/suicide.yml", "tier: moderate", "tier: grave", r"suicide\.yml: signs\[wish_to_be_dead\]\.tier"),
        ("rules/suicide.yml", "tags: [ideation]", "tagz: [ideation]", r"suicide\.yml: .*tagz: unknown key"),
        ("rules/suicide.yml", "<want_to>", "<wanting>", r"patterns\[0\]: no macro is called <wanting>"),
        ("rules/combine.yml", "[ideation, method]", "[ideation, magic]", r"combine\.yml: .*'magic'"),
        ("rules/medical.yml", "kind: medical", "kind: medicine", r"medical\.yml: .*'medicine' is not one of"),
        ("modifiers.yml", "negated: none", "negated: nothing", r"modifiers\.yml: effects\.negated"),
        ("normalise.yml", "core: >", "cores: >", r"normalise\.yml: cores: unknown key"),
        ("hints.yml", "turns_read: 6", "turns_read: six", r"hints\.yml: turns_read: must be a whole number"),
    ],
)
def test_a_mistake_in_the_rules_names_file_and_key(copy: Path, file: str, old: str, new: str, message: str) -> None:
    replace(copy / file, old, new)
    with pytest.raises(SafetyContentError, match=message):
        Screener.load(copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("protocol.yml", "next: suicide.thoughts", "next: suicide.feelings", r"'suicide\.feelings'"),
        ("protocol.yml", "moderate: suicide.wish", "moderate: suicide.wishes", r"paths\.suicide\.start\.moderate"),
        ("protocol.yml", "path: medical_other", "path: elsewhere", r"no path is called 'elsewhere'"),
        ("words.yml", "  joked:", "  jested:", r"words\.yml: words\.joked: is missing"),
        ("words.yml", "Call {emergency}", "Call {number}", r"words\.yml: .*can stand in braces"),
        ("answers.yml", "starts:", "begins:", r"answers\.yml: begins: unknown key"),
    ],
)
def test_a_mistake_in_the_protocol_names_file_and_key(copy: Path, file: str, old: str, new: str, message: str) -> None:
    replace(copy / file, old, new)
    with pytest.raises(SafetyContentError, match=message):
        Protocol.load(copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('emergency: "911"', "emergency: nine", r"countries\.US\.emergency"),
        ('call: "988"', 'call: "nine"', r"lines\[988 Suicide & Crisis Lifeline\]\.call"),
        ("for: [child]", "for: [children]", r"'children' is not one of"),
        ("default:", "other:", r"countries\.default: is missing"),
    ],
)
def test_a_mistake_in_the_lines_names_file_and_key(copy: Path, old: str, new: str, message: str) -> None:
    replace(copy / "lines.yml", old, new)
    with pytest.raises(SafetyContentError, match=message):
        CrisisLines.load(copy)


def test_a_missing_file_and_a_broken_one_are_named(copy: Path) -> None:
    (copy / "lines.yml").write_text("countries: [", encoding="utf-8")
    with pytest.raises(SafetyContentError, match=r"lines\.yml: is not YAML"):
        CrisisLines.load(copy)
    (copy / "lines.yml").unlink()
    with pytest.raises(SafetyContentError, match=r"lines\.yml: cannot be read"):
        CrisisLines.load(copy)


@pytest.mark.parametrize(
    ("country", "emergency", "reach"),
    [
        ("US", "911", "call or text 988"),
        ("us", "911", "call or text 988"),
        ("UK", "999", "call 116 123 (Samaritans)"),
        ("GB", "999", "call 116 123 (Samaritans)"),
        ("IE", "112", "call 116 123 (Samaritans)"),
        ("AU", "000", "call 13 11 14 (Lifeline)"),
        ("CA", "911", "call or text 988"),
        ("NZ", "111", "call or text 1737"),
        ("PL", "112", "call 116 123"),
        ("ZZ", "your local emergency number", "visit findahelpline.com"),
    ],
)
def test_each_country_has_its_numbers(lines: CrisisLines, country: str, emergency: str, reach: str) -> None:
    where = lines.for_country(country)
    assert where.emergency == emergency
    assert where.lines_for("suicide")[0].say().startswith(reach)


def test_the_us_also_names_the_text_line(lines: CrisisLines) -> None:
    assert "text HOME to 741741" in [line.say() for line in lines.for_country("US").lines_for("suicide")][1]


def test_a_kind_without_a_line_gets_the_suicide_line(lines: CrisisLines) -> None:
    assert lines.for_country("NL").lines_for("abuse") == lines.for_country("NL").lines_for("suicide")


def test_a_line_says_how_to_reach_it() -> None:
    assert Line("Help", call="1", text="1").say() == "call or text 1 (Help)"
    assert Line("Help", call="1", text="GO to 22222").say() == "call 1 (Help) or text GO to 22222"
    assert Line("Help", url="help.example").say() == "visit help.example"


def test_rules_that_answer_questions_exist(data: Path, protocol: Protocol) -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in (data / "rules").glob("*.yml"))
    names = set(re.findall(r"^  - name: (\w+)", text, re.MULTILINE))
    wanted = set().union(*(question.said_by for question in protocol.table.questions.values()))
    wanted |= set().union(*(choice.rules for choice in protocol.table.choices))
    assert wanted <= names


def test_patterns_read_as_written() -> None:
    text = " i really want to die\tnow "
    for pattern in ("want to die", "want ~2 die", "[really] want to (die|go)", "to die $", "^ i", "die now", "^ now"):
        assert compile_pattern(pattern, NO_MACROS).regex.search(text), pattern
    for pattern in ("to ~3 now", "want die", "^ want", "want $", "real", "dies"):
        assert compile_pattern(pattern, NO_MACROS).regex.search(text) is None, pattern


def test_a_gap_does_not_cross_a_clause() -> None:
    assert compile_pattern("want ~3 now", NO_MACROS).regex.search(" want to\tdie now ") is None


@pytest.mark.parametrize("pattern", ["(a|b", "a)", "a | ", "[]", "Wrong!", "<nobody>"])
def test_an_unreadable_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern, NO_MACROS)


def test_a_macro_that_contains_itself_is_refused() -> None:
    with pytest.raises(PatternError, match="contains itself"):
        compile_pattern("<a>", Macros({"a": "x <a>"}))


def test_every_pattern_waits_for_a_word(data: Path) -> None:
    """A pattern without an anchor would be tried on every sentence."""
    assert not load_rules(data).rules._always
