"""Crisis lines by country, from `data/safety/lines.yml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.safety.content import Section, read
from bot.safety.tiers import KINDS

PURPOSES = (*KINDS, "child")
_NUMBER = re.compile(r"\+?\d[\d -]{1,18}")
_TEXT = re.compile(r"(?:[A-Z]+ to )?\d{3,12}")
_URL = re.compile(r"[a-z0-9.-]+\.[a-z]{2,}(?:/\S*)?")
_SPOKEN_EMERGENCY = "your local emergency number"


@dataclass(frozen=True)
class Line:
    """One service. `purposes`: the kinds of risk (and "child") it is for."""

    name: str
    call: str | None = None
    text: str | None = None
    url: str | None = None
    purposes: tuple[str, ...] = ()

    def say(self) -> str:
        """How to reach it, as the end of a sentence: "call or text 988 (988 Suicide & Crisis Lifeline)"."""
        named = "" if self.name in (self.call, self.text) else f" ({self.name})"
        if self.call and self.text == self.call:
            return f"call or text {self.call}{named}"
        if self.call and self.text:
            return f"call {self.call}{named} or text {self.text}"
        if self.call:
            return f"call {self.call}{named}"
        return f"text {self.text}{named}" if self.text else f"visit {self.url}"


@dataclass(frozen=True)
class CountryLines:
    """What a person in one country can call. `emergency` is a number, or "your local emergency number"."""

    country: str
    emergency: str
    lines: tuple[Line, ...]

    def lines_for(self, purpose: str) -> tuple[Line, ...]:
        """The lines for `purpose`; where there is none, those for suicide, which take any call; else all."""
        for wanted in (purpose, "suicide"):
            found = tuple(line for line in self.lines if wanted in line.purposes)
            if found:
                return found
        return self.lines


@dataclass(frozen=True)
class CrisisLines:
    """All countries. A country that is not listed gets the default."""

    countries: Mapping[str, CountryLines]
    default: CountryLines

    @classmethod
    def load(cls, directory: Path) -> CrisisLines:
        """Read `directory`/lines.yml; SafetyContentError names the key of a mistake."""
        source = read(directory / "lines.yml")
        source.only("countries")
        table = source.section("countries")
        found: dict[str, CountryLines] = {}
        default: CountryLines | None = None
        for code in table.data:
            entry = table.section(code)
            parsed = _country(code, entry)
            if code == "default":
                default = parsed
                continue
            found[code] = parsed
            for member in entry.texts("members", ()):
                found.setdefault(member, parsed)
        if default is None:
            raise table.error("default", "is missing")
        return cls(found, default)

    def for_country(self, code: str) -> CountryLines:
        """The lines for an ISO 3166 country code ("UK" is taken as GB), in any case of letters."""
        code = code.strip().upper()
        return self.countries.get("GB" if code == "UK" else code, self.default)


def _country(code: str, source: Section) -> CountryLines:
    source.only("emergency", "lines", "members")
    emergency = source.text("emergency")
    if not _NUMBER.fullmatch(emergency) and emergency != _SPOKEN_EMERGENCY:
        raise source.error("emergency", f"{emergency!r} is not a number (write it in quotes)")
    lines = tuple(parse_line(item) for item in source.sections("lines"))
    if not any("suicide" in line.purposes for line in lines):
        raise source.error("lines", "none of them is for suicide")
    return CountryLines(code, emergency, lines)


def parse_line(source: Section) -> Line:
    """One entry of `lines`; also for a clinic's own lines."""
    source.only("name", "call", "text", "url", "for")
    values: dict[str, str | None] = {}
    for key, shape in (("call", _NUMBER), ("text", _TEXT), ("url", _URL)):
        value = source.text(key) if source.has(key) else None
        if value is not None and not shape.fullmatch(value):
            raise source.error(key, f"{value!r} cannot be right")
        values[key] = value
    if not any(values.values()):
        raise source.error("call", "give call, text or url")
    purposes = source.texts("for")
    for purpose in purposes:
        if purpose not in PURPOSES:
            raise source.error("for", f"{purpose!r} is not one of {', '.join(PURPOSES)}")
    return Line(source.text("name"), values["call"], values["text"], values["url"], purposes)
