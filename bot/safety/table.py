"""The protocol's table (`data/safety/protocol.yml`), read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.safety.answers import ANSWERS
from bot.safety.content import Section, read
from bot.safety.lines import PURPOSES
from bot.safety.state import Button
from bot.safety.tiers import KINDS, Evidence, Tier

CLOSE, QUIET = "close", "quiet"


@dataclass(frozen=True)
class Outcome:
    """What an answer changes: at least this tier, one more kind, and where to go next."""

    next: str
    tier: Tier = Tier.NONE
    kind: str | None = None


@dataclass(frozen=True)
class Question:
    """One direct question: an outcome per answer, and the rules that answer it with yes unasked."""

    name: str
    outcomes: Mapping[str, Outcome]
    said_by: frozenset[str]


@dataclass(frozen=True)
class Route:
    """One way through the questions. `line`: whose crisis line is named; `start`: first question by tier."""

    name: str
    line: str
    start: Mapping[Tier, str]


@dataclass(frozen=True)
class Choice:
    """Evidence that fits every given condition leads to `path`."""

    path: str
    kind: str
    about: str | None
    rules: frozenset[str]
    tiers: frozenset[Tier]

    def fits(self, evidence: Evidence) -> bool:
        return (
            evidence.kind == self.kind
            and self.about in (None, evidence.about)
            and (not self.rules or evidence.rule in self.rules)
            and (not self.tiers or evidence.tier in self.tiers)
        )


@dataclass(frozen=True)
class Table:
    """Everything in protocol.yml."""

    opens_case_from: Tier
    reask: int
    choices: tuple[Choice, ...]
    paths: Mapping[str, Route]
    questions: Mapping[str, Question]
    buttons: tuple[Button, ...]

    def path_for(self, evidence: Evidence) -> str:
        """The path that a piece of evidence leads to."""
        return next(choice.path for choice in self.choices if choice.fits(evidence))

    @classmethod
    def load(cls, directory: Path) -> Table:
        """Read and check `directory`/protocol.yml; SafetyContentError names the key of a mistake."""
        source = read(directory / "protocol.yml")
        source.only("opens_case_from", "reask", "choose", "paths", "questions", "buttons")
        names = source.section("questions")
        questions = {name: _question(name, names.section(name), frozenset(names.data)) for name in names.data}
        ways = source.section("paths")
        paths = {name: _path(name, ways.section(name), questions) for name in ways.data}
        choices = tuple(_choice(item, paths) for item in source.sections("choose"))
        for kind in KINDS:
            if not any(c.kind == kind and not (c.about or c.rules or c.tiers) for c in choices):
                raise source.error("choose", f"no line takes every {kind}")
        buttons = tuple(Button(item.text("title"), item.text("payload")) for item in source.sections("buttons"))
        return cls(_tier(source, "opens_case_from"), source.number("reask"), choices, paths, questions, buttons)


def _tier(source: Section, key: str) -> Tier:
    try:
        return Tier.of(source.text(key))
    except ValueError as error:
        raise source.error(key, str(error)) from None


def _question(name: str, source: Section, names: frozenset[str]) -> Question:
    source.only(*ANSWERS, "said_by")
    outcomes = {answer: _outcome(source.section(answer), names) for answer in ANSWERS if source.has(answer)}
    for answer in ("yes", "no", "unsure"):
        if answer not in outcomes:
            raise source.error(answer, "is missing")
    return Question(name, outcomes, frozenset(source.texts("said_by", ())))


def _outcome(source: Section, names: frozenset[str]) -> Outcome:
    source.only("tier", "kind", "next")
    following = source.text("next")
    if following not in names and following not in (CLOSE, QUIET):
        raise source.error("next", f"no question is called {following!r}")
    kind = source.text("kind") if source.has("kind") else None
    if kind is not None and kind not in KINDS:
        raise source.error("kind", f"{kind!r} is not one of {', '.join(KINDS)}")
    return Outcome(following, _tier(source, "tier") if source.has("tier") else Tier.NONE, kind)


def _path(name: str, source: Section, questions: Mapping[str, Question]) -> Route:
    source.only("line", "start")
    line = source.text("line")
    if line not in PURPOSES:
        raise source.error("line", f"{line!r} is not one of {', '.join(PURPOSES)}")
    table = source.section("start")
    start: dict[Tier, str] = {}
    for tier in list(Tier)[1:]:
        question = table.text(tier.label)
        if question not in questions:
            raise table.error(tier.label, f"no question is called {question!r}")
        start[tier] = question
    return Route(name, line, start)


def _choice(source: Section, paths: Mapping[str, Route]) -> Choice:
    source.only("kind", "about", "rules", "tiers", "path")
    path = source.text("path")
    if path not in paths:
        raise source.error("path", f"no path is called {path!r}")
    try:
        tiers = frozenset(Tier.of(label) for label in source.texts("tiers", ()))
    except ValueError as error:
        raise source.error("tiers", str(error)) from None
    about = source.text("about") if source.has("about") else None
    return Choice(path, source.text("kind"), about, frozenset(source.texts("rules", ())), tiers)
