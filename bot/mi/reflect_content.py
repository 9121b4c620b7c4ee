"""What reflections are made of, read once from `data/mi`: frames, tones, and the bank of meanings and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .meanings import ContentError, Cue, MeaningBank, compile_pattern, read_meaning, template
from .parsing import Cleaner
from .reflect_answer import Answer
from .reflect_evidence import Tone

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KNOWN_PLACES = frozenset(("topic", "stuff", "stopping", "person", "child", "partner"))
"""Slots that a message fills by its topic and the people in it, without a cue."""
USES = frozenset(("first", "opinion", "yours", "pair", "if"))


@dataclass(frozen=True)
class Frame:
    """A way to say the client's clause back. `use`: first (about the client), yours (someone of theirs), opinion
    (a view of theirs), if (what would follow from what), pair (two clauses that pull apart)."""

    id: str
    kind: str
    use: str
    text: str


@dataclass(frozen=True)
class Opinion:
    """Clauses that judge, and the words that make the judgement the client's."""

    words: re.Pattern[str]
    lead: str


@dataclass(frozen=True)
class Topic:
    """A matter in play and how to name it inside a sentence."""

    id: str
    doing: str
    stuff: str
    stopping: str
    words: re.Pattern[str]
    habit: bool


@dataclass(frozen=True)
class ReflectionContent:
    """All words and tables a Reflector needs."""

    cleaner: Cleaner
    never_reflected: tuple[re.Pattern[str], ...]
    """A message with one of these gets no reflection at all."""
    never_said: tuple[re.Pattern[str], ...]
    """Nor is a clause with one of these said back."""
    asking: frozenset[str]
    elided: frozenset[str]
    dependent: frozenset[str]
    unfinished: frozenset[str]
    contrasting: frozenset[str]
    empty: re.Pattern[str]
    topics: tuple[Topic, ...]
    people: Mapping[str, bool]
    """Who can be "my ..." -> whether the word is plural."""
    roles: Mapping[str, frozenset[str]]
    """Slot -> the words that may fill it: person (anybody), child, partner."""
    leaning: Mapping[str, tuple[Cue, ...]]
    weighty: frozenset[str]
    frames: tuple[Frame, ...]
    opinions: tuple[Opinion, ...]
    refused: tuple[re.Pattern[str], ...]
    bank: MeaningBank
    tones: tuple[Tone, ...]
    answers: tuple[Answer, ...]
    codes: Mapping[str, tuple[str, ...]]
    """Kind of talk with its sign ("reason+") -> what a clause of that kind adds up to."""

    @classmethod
    def load(cls, directory: Path) -> ReflectionContent:
        """Read frames.yml, tones.yml, codes.yml, meanings/*.yml and shapes/*.yml under `directory` (data/mi).

        Raises ContentError, naming the file and the key, when something is missing, double or malformed.
        """
        path = directory / "frames.yml"
        data = _read(path)
        try:
            lists = data["lists"]
            topics = tuple(
                Topic(name, t["doing"], t["stuff"], t["stopping"], _any_word(t["words"]), name in data["habits"])
                for name, t in data["topics"].items()
            )
            people = dict.fromkeys(data["people"]["one"], False) | dict.fromkeys(data["people"]["many"], True)
            leaning = {
                side: tuple(compile_pattern(p, lists) for p in patterns) for side, patterns in data["leaning"].items()
            }
            return cls(
                cleaner=_cleaner(data["clean"]),
                never_reflected=_patterns(data["never"]["message"]),
                never_said=_patterns(data["never"]["message"] + data["never"]["clause"]),
                **{name: frozenset(words.split()) for name, words in data["clauses"].items()},
                empty=re.compile(data["empty"], re.IGNORECASE),
                topics=topics,
                people=people,
                roles={"person": frozenset(people), **_roles(data["roles"])},
                leaning=leaning,
                weighty=frozenset(data["weighty"]),
                opinions=tuple(Opinion(re.compile(o["words"], re.IGNORECASE), o["lead"]) for o in data["opinions"]),
                frames=tuple(_frame(f) for f in data["frames"]),
                refused=_patterns(data["refused"]),
                bank=_bank(directory, lists, frozenset(data["stop"].split())),
                answers=tuple(
                    Answer(n, re.compile(a["asked"], re.IGNORECASE), tuple(template(s, "simple") for s in a["say"]))
                    for n, a in data["answers"].items()
                ),
                tones=read_tones(directory / "tones.yml"),
                codes={code: tuple(tails) for code, tails in _read(directory / "codes.yml").items()},
            )
        except KeyError as missing:
            raise ContentError(f"{path}: {missing} is missing") from missing
        except re.error as error:
            raise ContentError(f"{path}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise ContentError(f"{path}: a mapping is expected")
    return data


def _patterns(entries: list[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(e, re.IGNORECASE) for e in entries)


def _any_word(words: list[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(re.escape(w) for w in words) + r")\b", re.IGNORECASE)


def _cleaner(entry: Mapping[str, Any]) -> Cleaner:
    return Cleaner(
        spellings=entry["spellings"],
        fillers=re.compile("|".join(entry["fillers"]), re.IGNORECASE),
        softened=tuple((re.compile(p, re.IGNORECASE), r) for p, r in entry["softened"]),
        openers=re.compile(entry["openers"], re.IGNORECASE),
        acronyms=frozenset(entry["acronyms"]),
    )


def _roles(entry: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {slot: frozenset(words.split()) for slot, words in entry.items()}


def _frame(entry: Mapping[str, str]) -> Frame:
    if entry["use"] not in USES:
        raise ContentError(f"frame {entry['id']!r}: unknown use {entry['use']!r}")
    return Frame(entry["id"], entry["kind"], entry["use"], entry["text"])


def read_tones(path: Path) -> tuple[Tone, ...]:
    """The tones of tones.yml. Raises ContentError, naming the file, when one is incomplete."""
    try:
        return tuple(
            Tone(name, frozenset(tone["meanings"]), tuple(tone["tails"]), tone.get("present", False))
            for name, tone in _read(path).items()
        )
    except (KeyError, TypeError) as error:
        raise ContentError(f"{path}: {error}") from error


def read_examples(directory: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Meaning -> (examples, reflections), as written, of every meaning that can be told by likeness to its examples:
    one with a reflection that needs no phrase caught by a cue.

    Raises ContentError, naming the file, when a file cannot be read.
    """
    found = {}
    for file in sorted(directory.glob("*.yml")):
        for name, entry in _read(file).items():
            try:
                forms = [template(reflection) for reflection in entry["reflections"]]
                if any(form.places <= KNOWN_PLACES for form in forms):
                    found[name] = ([str(example) for example in entry["examples"]], [form.text for form in forms])
            except (KeyError, TypeError, ContentError) as error:
                raise ContentError(f"{file}: {name}: {error}") from error
    return found


def _bank(directory: Path, lists: Mapping[str, str], stop: frozenset[str]) -> MeaningBank:
    meanings = {}
    for file in (*sorted((directory / "meanings").glob("*.yml")), *sorted((directory / "shapes").glob("*.yml"))):
        for name, entry in _read(file).items():
            if name in meanings:
                raise ContentError(f"{file}: meaning {name!r} is there twice")
            try:
                meanings[name] = read_meaning(name, entry, lists, stop)
            except ContentError as error:
                raise ContentError(f"{file}: {error}") from error
    return MeaningBank(meanings.values(), stop)
