"""The tables behind the fidelity report: `data/mi/fidelity.yml`, checked and compiled once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.mi.content import ACTS, ContentError

CODES = (
    "simple_reflection",
    "complex_reflection",
    "open_question",
    "closed_question",
    "affirm",
    "seek",
    "emphasise_autonomy",
    "persuade",
    "persuade_with_permission",
    "confront",
    "give_information",
)
"""What is counted; MITI 4.2.1's ten behaviours, with its one question code told apart as open and closed."""
UNCOUNTED = ("structure", "filler", "safety", "none")
PATTERNS = (
    *("asking", "open_questions", "closed_questions", "seek", "permission", "refusal", "asks_for_advice", "autonomy"),
    *("affirm", "advice_questions", "persuade", "persuade_weak", "confront", "confront_weak", "reflection_stems"),
    *("about_client", "about_counsellor", "mind_verbs", "deeper", "information", "structure"),
)
WORD_LISTS = ("hesitations", "openers", "fillers", "stopwords")
THRESHOLDS = ("echo_share", "new_share", "new_words", "statement_words", "long_statement_words", "client_words")
PROBLEMS = ("confront", "persuade", "questions_in_a_row", "question_alone", "closed_question", "simple_only", "nothing")
REASONS = ("move", "asked_in_move", "filler", "none", "structure", *CODES)


@dataclass(frozen=True)
class FidelityTables:
    """Every table of `data/mi/fidelity.yml`.

    `patterns` match even text (`bot.mi.fidelity_text.even`): lower-case words, each followed by one space.
    """

    acts: Mapping[str, str]
    safety_moves: frozenset[str]
    practical: frozenset[str]
    words: Mapping[str, frozenset[str]]
    opener: re.Pattern[str]
    patterns: Mapping[str, re.Pattern[str]]
    thresholds: Mapping[str, float]
    reasons: Mapping[str, str]
    stronger: Mapping[str, str]
    stronger_example: str

    @classmethod
    def load(cls, path: Path) -> FidelityTables:
        """Reads and compiles.

        Args:
            path: of fidelity.yml.

        Raises:
            ContentError: it is missing or wrong; the message names the key.
        """
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ContentError(f"{path.name}: cannot be read: {error}") from error
        if not isinstance(raw, dict):
            raise ContentError(f"{path.name}: expected a mapping of tables")
        words = {name: frozenset(w.replace("_", " ") for w in _list(raw, name)) for name in WORD_LISTS}
        openers = sorted((re.escape(w) for w in words["openers"]), key=len, reverse=True)
        opener = re.compile(f"(?:(?:{'|'.join(openers)}) )*")
        acts = _mapping(raw, "acts", ACTS)
        for act, code in acts.items():
            if code not in (*CODES, *UNCOUNTED):
                raise ContentError(f"{path.name}: acts.{act}: {code} is no code")
        return cls(
            acts=acts,
            safety_moves=frozenset(_list(raw, "safety_moves")),
            practical=frozenset(_list(raw, "practical_moves")),
            words=words,
            opener=opener,
            patterns={name: _compiled(_list(raw, name), opener.pattern) for name in PATTERNS},
            thresholds={k: float(v) for k, v in _mapping(raw, "thresholds", THRESHOLDS).items()},
            reasons=_mapping(raw, "reasons", REASONS),
            stronger=_mapping(raw, "stronger", PROBLEMS),
            stronger_example=str(raw.get("stronger_example") or "{advice}"),
        )


def _list(raw: Mapping[str, Any], key: str) -> list[str]:
    """The strings under `key`; a text stands for its parts between commas."""
    value = raw.get(key)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        raise ContentError(f"fidelity.yml: {key}: expected patterns (quote yes, no, on, off and numbers)")
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def _mapping(raw: Mapping[str, Any], key: str, wanted: tuple[str, ...]) -> dict[str, str]:
    value = raw.get(key)
    if not isinstance(value, dict) or set(value) != set(wanted):
        raise ContentError(f"fidelity.yml: {key}: needs exactly {', '.join(wanted)}")
    return {str(k): str(v) for k, v in value.items()}


def _compiled(patterns: list[str], opener: str) -> re.Pattern[str]:
    """One expression for all patterns; the longest is tried first, since Python takes the first that fits."""
    made = sorted((_pattern(text, opener) for text in patterns), key=len, reverse=True)
    return re.compile("|".join(made))


def _pattern(text: str, opener: str) -> str:
    at_start = text.startswith("^")
    parts = []
    for word in text.lstrip("^").split():
        if word == "..":
            parts.append(r"(?:\S+ ){0,3}")
            continue
        optional, body = word.endswith("?"), word.rstrip("?")
        alternatives = sorted((_word(w) for w in body.split("/")), key=len, reverse=True)
        parts.append(f"(?:(?:{'|'.join(alternatives)}) )" + ("?" if optional else ""))
    lead = f"^{opener}" if at_start else "(?:^|(?<= ))"
    return lead + "".join(parts)


def _word(text: str) -> str:
    return re.escape(text.replace("_", " ")).replace(r"\*", r"[\w']*").replace(r"\ ", " ")
