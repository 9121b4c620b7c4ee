"""Screening questionnaires: their published items, how a typed answer is read, and their published scoring.

Pure: no database, no clock. The words and cut-offs are in `instruments/*.yml`, each with its source. A total is a
screening score for staff, never a diagnosis, and a client is never told one. Rule 1: an item that the client would
rather not answer is never guessed at; without it there is no total.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

INSTRUMENTS = Path(__file__).with_name("instruments")
MOST_WORDS = 8
"""A longer text is a story, not an answer, whatever it mentions."""
CLOSE = 0.88
"""How alike a mistyped answer has to be (difflib's ratio)."""
HEDGES = frozenset(
    {"not", "never", "no", "dont", "don't", "isnt", "isn't", "cant", "can't", "hardly", "less", "if", "but", "or"}
    | {"between", "used", "except", "only", "nothing"}
)
"""Beside an answer's words these can turn its meaning, so that the client is asked again."""

Answers = Mapping[str, int | None]
"""Item id -> the value that was answered, or None: the client would rather not say."""


class ScreenerError(Exception):
    """An instrument's file cannot be used; the message names it and says what is wrong."""


@dataclass(frozen=True)
class Option:
    """One answer that can be given; `also` are other ways of typing it."""

    value: int
    text: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One question.

    `numbers`: what a typed number means, "values" (the answer's own), upper ends of a range for each option, or
    None (nothing). `ends_at`: with this answer the rest is not asked and counts 0. `when_any`: asked only after an
    answer above 0. `risk_kind`, `risk_from`: from this answer on it is a safety matter.
    """

    id: str
    text: str
    stem: str
    options: tuple[Option, ...]
    scored: bool = True
    reversed: bool = False
    numbers: str | tuple[int, ...] | None = None
    ends_at: int | None = None
    when_any: bool = False
    risk_kind: str | None = None
    risk_from: int = 0

    @property
    def question(self) -> str:
        """The stem and the item, as a client reads it."""
        return f"{self.stem}\n{self.text}" if self.stem else self.text

    def option(self, value: int | None) -> Option | None:
        """The option with this value."""
        return next((option for option in self.options if option.value == value), None)

    def is_risk(self, value: int | None) -> bool:
        """Whether this answer goes to the safety protocol."""
        return self.risk_kind is not None and value is not None and value >= self.risk_from

    def read(self, text: str) -> int | None:
        """The value that a typed text means, or None when it is not surely one of them."""
        plain = _plain(text)
        said = {_plain(words): option.value for option in self.options for words in (option.text, *option.also)}
        if plain in said:
            return said[plain]
        number = re.fullmatch(r"(?:about |around |maybe |usually )?(\d{1,3})(?: drinks?)?", plain)
        if number:
            return self._by_number(int(number[1]))
        if not plain or len(plain.split()) > MOST_WORDS:
            return None
        close = get_close_matches(plain, [words for words in said if len(words) > 4], n=1, cutoff=CLOSE)
        return said[close[0]] if close else _inside(plain, said)

    def _by_number(self, number: int) -> int | None:
        if self.numbers == "values":
            return number if self.option(number) else None
        if isinstance(self.numbers, tuple) and number > 0:
            places = [place for place, end in enumerate(self.numbers) if number <= end]
            return self.options[places[0] if places else -1].value
        return None


@dataclass(frozen=True)
class Band:
    """A range of totals, from `start` up to the next band."""

    start: int
    label: str


@dataclass(frozen=True)
class Score:
    """`total` and `band` are None where a scored item has no answer; `missing` names those."""

    total: int | None
    band: str | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screener:
    """One questionnaire. `panel` and `total` are its LOINC codes; the choices of sharing have none."""

    id: str
    name: str
    title: str
    about: str
    source: str
    panel: str
    total: str
    highest: int
    items: tuple[Item, ...]
    bands: tuple[Band, ...]

    def item(self, id_: str) -> Item | None:
        """The item with this id."""
        return next((item for item in self.items if item.id == id_), None)

    def next_item(self, answers: Answers) -> Item | None:
        """The first item to ask now, or None when the questionnaire is complete."""
        if self._ended(answers):
            return None
        for item in self.items:
            if item.id in answers or (item.when_any and not any(answers.values())):
                continue
            return item
        return None

    def score(self, answers: Answers) -> Score:
        """The published sum, and the band that it falls into."""
        scored = [item for item in self.items if item.scored]
        total, missing = 0, []
        for item in scored:
            value = answers.get(item.id)
            if value is not None:
                total += max(o.value for o in item.options) - value if item.reversed else value
            elif not self._ended(answers):
                missing.append(item.id)
        return Score(None, None, tuple(missing)) if missing else Score(total, self.band(total))

    def band(self, total: int) -> str:
        """What the published cut-offs call a total."""
        return [band.label for band in self.bands if band.start <= total][-1]

    def _ended(self, answers: Answers) -> bool:
        return any(item.ends_at is not None and answers.get(item.id) == item.ends_at for item in self.items)


@functools.cache
def load(id_: str, words: Path | None = None) -> Screener:
    """The instrument `instruments/<id_>.yml`.

    Args:
        words: a file of the clinic's own with the texts of the items, for an instrument that comes without them:
            `items: {"1": "...", ...}`.

    Raises:
        ScreenerError: there is none, or it has no words.
    """
    path = INSTRUMENTS / f"{id_}.yml"
    raw = _read(path)
    texts: dict[str, str] = {}
    if raw.get("needs_words"):
        if words is None:
            raise ScreenerError(
                f"{raw['name']} comes without its questions, which are under another licence: put them into a file "
                f"and name it in clinic.yml under intake: {{{id_}_file: ...}} (docs/intake.md)"
            )
        texts = {str(key): str(text) for key, text in (_read(words).get("items") or {}).items()}
        lacking = [item["id"] for item in raw["items"] if not texts.get(item["id"], "").strip()]
        if lacking:
            raise ScreenerError(f"{words.name} has no words for item {', '.join(lacking)} of {raw['name']}")
    return Screener(
        id=id_,
        name=raw["name"],
        title=raw["title"],
        about=raw["about"],
        source=raw["source"],
        panel=raw.get("loinc", {}).get("panel", ""),
        total=raw.get("loinc", {}).get("total", ""),
        highest=raw["highest"],
        items=tuple(_item(item, raw, texts) for item in raw["items"]),
        bands=tuple(Band(band["from"], band["label"]) for band in raw["bands"]),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise ScreenerError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(raw, dict):
        raise ScreenerError(f"{path.name} holds no questionnaire")
    return raw


def _item(raw: Mapping[str, Any], instrument: Mapping[str, Any], texts: Mapping[str, str]) -> Item:
    options = raw.get("options") or instrument["options"]
    numbers = raw.get("numbers", None if raw.get("options") else instrument.get("numbers"))
    risk = raw.get("risk") or {}
    return Item(
        id=raw["id"],
        text=raw.get("text") or texts[raw["id"]],
        stem=raw.get("stem", instrument.get("stem", "")),
        options=tuple(Option(o["value"], o["text"], tuple(o.get("also", ()))) for o in options),
        scored=raw.get("scored", True),
        reversed=raw.get("reversed", False),
        numbers=tuple(numbers) if isinstance(numbers, list) else numbers,
        ends_at=raw.get("ends_at"),
        when_any=raw.get("when_any", False),
        risk_kind=risk.get("kind"),
        risk_from=risk.get("from", 0),
    )


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[^\w'+\- ]", " ", text.lower().replace("’", "'"))).strip(" -")


def _inside(plain: str, said: Mapping[str, int]) -> int | None:
    """The value whose words stand inside the text, if they leave nothing in doubt."""
    found = [words for words in said if (" " in words or len(words) > 4) and f" {words} " in f" {plain} "]
    if not found:
        return None
    longest = max(found, key=len)
    around = set(f" {plain} ".replace(f" {longest} ", " ").split())
    others = {said[words] for words in found if words not in longest}
    return None if around & HEDGES or others - {said[longest]} else said[longest]
