"""What the MI core remembers of a conversation. Frozen: a turn makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Quote:
    """Something the client said for ("+") or against ("-") change, turned to the second person."""

    text: str
    sign: str
    code: str
    turn: int


@dataclass(frozen=True)
class RulerValue:
    """An answer of 0 to 10 to the importance, confidence or readiness ruler."""

    name: str
    value: int
    turn: int


@dataclass(frozen=True)
class MIState:
    """Where the conversation stands.

    `awaiting` is the id of the move whose question stands ("" when none does) and `asked` its words; `done` holds the
    tools already used, `said` the ids of wordings and reflections, `frames` those of the last reflections.
    `query` is what the client wanted to know, while a fact is being offered.
    """

    process: str = "engage"
    awaiting: str = ""
    asked: str = ""
    topic: str | None = None
    topic_words: str = ""
    topics: tuple[str, ...] = ()
    turns: int = 0
    quotes: tuple[Quote, ...] = ()
    summarised: int = 0
    since_summary: int = 0
    rulers: tuple[RulerValue, ...] = ()
    values: tuple[str, ...] = ()
    plan: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    reflections: int = 0
    questions: int = 0
    silent_turns: int = 0
    discord: int = 0
    idk: int = 0
    last_affirm: int = -9
    facts: tuple[str, ...] = ()
    query: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, for the conversation's row."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> MIState:
        """The state that `to_dict` gave; unknown keys (of another version) are left out, missing ones are new."""
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in known}
        values["quotes"] = tuple(Quote(**q) for q in raw.get("quotes", ()))
        values["rulers"] = tuple(RulerValue(**r) for r in raw.get("rulers", ()))
        return cls(**values)

    def ruler(self, name: str) -> int | None:
        """The latest answer to this ruler."""
        return next((r.value for r in reversed(self.rulers) if r.name == name), None)

    def change_quotes(self) -> tuple[Quote, ...]:
        return tuple(q for q in self.quotes if q.sign == "+")

    def sustain_quotes(self) -> tuple[Quote, ...]:
        return tuple(q for q in self.quotes if q.sign == "-")
