"""Recurring windows of time, such as opening hours: wall-clock times on days that a rule picks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr  # type: ignore[import-untyped]  # ships no types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FREQUENCIES = ("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY")
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.?[^@\s<>,;]*")


class Strict(BaseModel):
    """A frozen value of clinic.yml; a key that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def check_email(value: str | None) -> str | None:
    """The address as it is.

    Raises:
        ValueError: it is no e-mail address.
    """
    if value is not None and not _EMAIL.fullmatch(value):
        raise ValueError(f"{value!r} is not an e-mail address")
    return value


def _clock(value: Any) -> Any:
    """Minutes after midnight, 0 to 1440, from "09:30" ("24:00" is the day's end)."""
    if isinstance(value, int) and 0 <= value <= 24 * 60:
        return value
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", str(value))
    if match is None or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > 24 * 60:
        raise ValueError(f"{value!r} is not a time of day; one looks like 09:30")
    return int(match[1]) * 60 + int(match[2])


Clock = Annotated[int, BeforeValidator(_clock)]


class Rule(Strict):
    """A window from one wall-clock time to another, on weekdays or on the days of a recurrence rule.

    `days` is for the plain case. `rule` is an RFC 5545 recurrence (section 3.3.10) such as
    FREQ=WEEKLY;INTERVAL=2;BYDAY=FR, counted from `starting`. `until` is the last day of either.
    """

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    rule: str | None = None
    starting: date | None = None
    until: date | None = None
    begins: Clock = Field(alias="from")
    ends: Clock = Field(alias="to")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.days) == bool(self.rule):
            raise ValueError("give either 'days' or 'rule'")
        if self.begins >= self.ends:
            raise ValueError("'from' is not before 'to'; a window over midnight is written as two")
        if self.rule is not None:
            if self.starting is None:
                raise ValueError("'rule' is counted from a day: give 'starting'")
            if not any(frequency in self.rule.upper() for frequency in _FREQUENCIES):
                raise ValueError(f"{self.rule!r} repeats neither daily, weekly, monthly nor yearly")
            if re.search(r"INTERVAL=0*(;|$)", self.rule.upper()):  # dateutil would count for ever
                raise ValueError("INTERVAL is 1 or more")
            _recurrence(self.rule, self.starting)
        return self

    def on(self, day: date) -> bool:
        """Whether the window is there on a day."""
        if (self.starting and day < self.starting) or (self.until and day > self.until):
            return False
        if self.rule is None or self.starting is None:
            return DAYS[day.weekday()] in self.days
        midnight = datetime.combine(day, time())
        return bool(_recurrence(self.rule, self.starting).between(midnight, midnight, inc=True))

    def window(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Its beginning and end on a day, zone-aware: 09:00 stays 09:00 on both sides of a clock change."""
        return wall(day, self.begins, zone), wall(day, self.ends, zone)


class Absence(Strict):
    """Days, first and last included, on which a clinician is away."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first > self.last:
            raise ValueError("an absence ends before it begins")
        return self

    def covers(self, day: date) -> bool:
        """Whether the day is one of them."""
        return self.first <= day <= self.last


def wall(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A wall-clock time on a day; an hour later where a clock change skips it (PEP 495, fold=0)."""
    return datetime.combine(day, time(), zone) + timedelta(minutes=minutes)


def windows(rules: tuple[Rule, ...], day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The windows that the rules give on a day, in their order."""
    for rule in rules:
        if rule.on(day):
            yield rule.window(day, zone)


@functools.lru_cache(maxsize=256)
def _recurrence(rule: str, starting: date) -> rrule | rruleset:
    try:
        return rrulestr(rule, dtstart=datetime.combine(starting, time()), cache=True)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{rule!r} is not a recurrence rule: {error}") from None
