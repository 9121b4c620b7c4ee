"""The docs keep up: whatever the code has, they name, and whatever they name or link to is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main
import yaml

from bot.__main__ import app
from bot.console.roles import ALLOWED, ROLES
from bot.mi.process import PROCESSES, diagram
from bot.settings import ROOT, Settings

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md")])
DOMAIN: dict[str, Any] = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
LINK = re.compile(r"(?:\]\(|<img src=\")([^)\s\"]+)")
MOST_BYTES = 200_000
"""For a picture: the README has to open quickly."""


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def table(page: str, heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading: what stands in backticks in the first cell -> the other cells."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text(page), maxsplit=1, flags=re.M)[1]
    lines = re.split(r"^#", section, maxsplit=1, flags=re.M)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def names(items: list[Any]) -> set[str]:
    """Names in a list of the domain, where an entry may carry options."""
    return {next(iter(item)) if isinstance(item, dict) else item for item in items}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*##", text("Makefile"), flags=re.M))


def commands() -> Iterator[tuple[str, Any]]:
    """Every command, a subcommand with its group's name before it."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        if below is None:
            yield name, command
        else:
            yield from ((f"{name} {sub}", one) for sub, one in below.items())


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shown(default: Any) -> str:
    """How docs/settings.md writes a default."""
    if hasattr(default, "get_secret_value"):
        default = default.get_secret_value()
    if isinstance(default, Path):
        default = default.relative_to(ROOT)
    return "none" if default is None else "empty" if default == "" else f"`{default}`"


def test_every_setting_is_in_the_docs_with_its_variable_and_default() -> None:
    documented = table("docs/settings.md", "Settings")
    expected = {
        name: [f"`EVOKE_{name.upper()}`", shown(field.get_default(call_default_factory=True))]
        for name, field in Settings.model_fields.items()
    }
    assert {name: cells[:2] for name, cells in documented.items()} == expected
    assert all(cells[2] for cells in documented.values())


def test_every_environment_variable_in_the_code_is_in_the_docs() -> None:
    sources = [
        *(ROOT / "bot").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *ROOT.glob("*.yml"),
        *(ROOT / "requirements").glob("*.sh"),
        ROOT / "Makefile",
    ]
    named = {
        name for source in sources for name in re.findall(r"\bEVOKE_[A-Z][A-Z_]*[A-Z]\b", source.read_text("utf-8"))
    }
    documented = set(re.findall(r"\bEVOKE_[A-Z_]+\b", text("docs/settings.md")))
    assert not named - documented


@pytest.mark.parametrize(
    ("heading", "key"), [("Intents", "intents"), ("Slots", "slots"), ("Actions", "actions")], ids=str.lower
)
def test_the_domain_and_its_docs_name_the_same(heading: str, key: str) -> None:
    assert set(table("docs/dialogue.md", heading)) == names(list(DOMAIN[key]))


def test_every_form_is_in_the_docs() -> None:
    assert all(f"`{form}`" in text("docs/dialogue.md") for form in DOMAIN["forms"])


def test_every_value_that_a_rule_can_look_at_is_in_the_docs() -> None:
    cells = table("docs/dialogue.md", "Slots")["awaiting"]
    assert all(value in cells[0] for value in DOMAIN["slots"]["awaiting"]["values"])


def test_every_file_of_rules_and_stories_is_in_the_docs() -> None:
    there = {
        str(file.relative_to(ROOT)) for part in ("rules", "stories") for file in (ROOT / "data" / part).rglob("*.yml")
    }
    assert set(table("docs/dialogue.md", "Rules and stories")) == there


def test_every_action_has_its_class_and_every_class_its_line() -> None:
    tree = [node for file in (ROOT / "actions").glob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    named = {
        node.body[-1].value.value
        for node in tree
        if isinstance(node, ast.FunctionDef)
        and node.name == "name"
        and isinstance(node.body[-1], ast.Return)
        and isinstance(node.body[-1].value, ast.Constant)
    }
    assert named == set(table("docs/dialogue.md", "Actions"))


def test_the_processes_and_their_diagram_are_those_of_the_table() -> None:
    page = text("docs/dialogue.md")
    assert set(table("docs/dialogue.md", "Processes")) == set(PROCESSES)
    assert re.findall(r"^```mermaid\n(.*?)\n```$", page, flags=re.M | re.S) == [diagram()]


def test_every_command_is_in_the_docs_with_its_options() -> None:
    page = text("docs/commands.md")
    sections = dict(re.findall(r"^## evoke ([a-z ]+)\n(.*?)(?=^## |\Z)", page, flags=re.M | re.S))
    assert set(sections) == {name for name, _ in commands()}
    missing = [
        (name, option)
        for name, command in commands()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in ("--help", *re.findall(r"--[a-z]+", sections[name]))
    ]
    assert not missing


def test_the_docs_say_who_may_do_what_in_the_console() -> None:
    names = {"admin": "administrator", "clinician": "clinician", "front_desk": "front desk", "auditor": "auditor"}
    documented = {deed: cells[1] for deed, cells in table("docs/console.md", "Roles").items()}
    assert documented == {
        deed: ", ".join(names[role] for role in ROLES if role in roles) for deed, roles in ALLOWED.items()
    }


def test_every_make_target_is_in_the_docs() -> None:
    assert set(table("docs/commands.md", "make")) == {f"make {target}" for target in make_targets()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_named_is_a_target(page: Path) -> None:
    code = re.findall(r"```(?:sh|ini)\n(.*?)```|`(make [^`]+)`", page.read_text("utf-8"), flags=re.S)
    lines = [line.split("#")[0] for block in code for part in block for line in part.splitlines()]
    named = {
        word
        for line in lines
        if (match := re.search(r"(?:^|\s)make((?: [a-z]+| [A-Z]+=\S+)+)", line))
        for word in match.group(1).split()
        if "=" not in word
    }
    assert named <= make_targets()


def test_the_readme_shows_the_commands_that_matter() -> None:
    assert all(f"make {target}" in text("README.md") for target in ("run", "test", "chat", "help"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text("utf-8"))]
    assert set(PAGES) <= reached


def test_every_environment_and_file_at_the_root_is_in_the_readme() -> None:
    readme = text("README.md")
    files = [path.name for path in ROOT.glob("*.yml")]
    folders = re.findall(r"^(?:VENV|RASA) := (\S+)", text("Makefile"), flags=re.M)
    assert not [name for name in [*files, *folders] if f"`{name}`" not in readme]


def test_every_picture_is_shown_and_small() -> None:
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    for picture in (DOCS / "images").iterdir():
        assert f"images/{picture.name}" in pages
        assert picture.stat().st_size < MOST_BYTES
