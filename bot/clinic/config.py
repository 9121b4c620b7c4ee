"""The clinic's own settings: clinic.yml as frozen, checked values. docs/clinic-settings.md lists every key.

Nothing secret is in the file: passwords, tokens and signing keys are named there and read from the
environment.
"""

from __future__ import annotations

import functools
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from bot.clinic import screeners, yaml_file
from bot.clinic.rules import Absence, Clock, Rule, Strict, check_email
from bot.clinic.sign_in import SignIn
from bot.clinic.tiers import TIERS, rank


def _matches(pattern: str, what: str) -> AfterValidator:
    """A validator that says in plain words what it expects."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is not {what}")
        return value

    return AfterValidator(check)


Identifier = Annotated[
    str, _matches(r"[a-z][a-z0-9_-]{0,31}", "an id; one looks like dr_rivera: small letters, digits, _ and -")
]
Country = Annotated[str, _matches(r"[A-Z]{2}", "a country code; one looks like GB (ISO 3166-1)")]
Language = Annotated[str, _matches(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", "a language code; one looks like en")]


def _unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"the {what} {value!r} is used twice")


class ClinicConfigError(Exception):
    """The settings cannot be used; `problems` holds one clear sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CrisisLine(Strict):
    """A line that a client in crisis is shown. `text` is a number, or words such as HOME to 741741."""

    name: str = Field(min_length=1)
    call: str | None = None
    text: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.call and not self.text:
            raise ValueError(f"the crisis line {self.name!r} has neither a number to call nor one to text")
        return self


class Crisis(Strict):
    """What stands in for the country's own lines (data/safety/lines.yml); empty leaves those."""

    emergency: str | None = None
    lines: tuple[CrisisLine, ...] = ()


class Clinician(Strict):
    """Someone whom clients can meet."""

    id: Identifier
    name: str = Field(min_length=1, max_length=200)
    email: str | None = None
    calendar_env: str | None = Field(None, description="names the variable that holds their own calendar's address")
    availability: tuple[Rule, ...] = ()
    absences: tuple[Absence, ...] = ()

    _email = field_validator("email")(check_email)

    def is_away(self, day: date) -> bool:
        """Whether an absence covers the day."""
        return any(absence.covers(day) for absence in self.absences)


class AppointmentKind(Strict):
    """A kind of appointment: how long it is, and how soon it can be had."""

    id: Identifier
    title: str = Field(min_length=1, max_length=80)
    minutes: int = Field(ge=5, le=480)
    tiers: tuple[Literal["none", "check_in", "moderate", "high", "imminent"], ...] = ("none",)
    lead_minutes: int = Field(24 * 60, ge=0, description="from now to the first slot that is offered")


class Route(Strict):
    """One way in which the clinic is told about a case."""

    name: Identifier
    kind: Literal["console", "mail", "webhook", "telegram_group"]
    from_tier: Literal["none", "check_in", "moderate", "high", "imminent"] = "none"
    backup: bool = Field(False, description="used when a route fails, and from the first re-page on")
    # mail
    to: tuple[str, ...] = ()
    sender: str | None = None
    host: str = "localhost"
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_env: str = "EVOKE_MAIL_PASSWORD"
    # webhook
    url: str | None = None
    secret_env: str = "EVOKE_WEBHOOK_SECRET"
    # telegram_group
    chat_id: int | None = None
    token_env: str = "EVOKE_TELEGRAM_TOKEN"
    api_base: str = "https://api.telegram.org"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"mail": ("to", "sender"), "webhook": ("url",), "telegram_group": ("chat_id",)}
        for setting in needed.get(self.kind, ()):
            if not getattr(self, setting):
                raise ValueError(f"the {self.kind} route {self.name!r} needs {setting!r}")
        for address in (*self.to, self.sender):
            check_email(address)
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"the url of {self.name!r} starts with neither https:// nor http://")
        return self

    def takes(self, tier: str) -> bool:
        """Whether cases of this tier go out on this route."""
        return rank(tier) >= rank(self.from_tier)


CONSOLE = Route(name="console", kind="console")


class RepageMinutes(Strict):
    """Minutes from one page to the next while nobody acknowledges; the last one repeats."""

    none: tuple[int, ...] = (480,)
    check_in: tuple[int, ...] = (480,)
    moderate: tuple[int, ...] = (120, 240)
    high: tuple[int, ...] = (10, 15, 30)
    imminent: tuple[int, ...] = (5, 5, 10)

    @field_validator("*")
    @classmethod
    def _sensible(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise ValueError("at least one number of minutes is needed, and each is 1 or more")
        return value

    def after(self, tier: str, round_: int) -> int:
        """Minutes from round `round_` (0 is the first page) to the next."""
        steps: tuple[int, ...] = getattr(self, tier)
        return steps[min(round_, len(steps) - 1)]


class Notifications(Strict):
    """Routes in the order in which they stand in for each other, and how often a page is repeated."""

    routes: tuple[Route, ...] = (CONSOLE,)
    repage_minutes: RepageMinutes = RepageMinutes()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _unique("route name", [route.name for route in self.routes])
        return self


class Consent(Strict):
    """The consent that clients give. A new version is asked for again."""

    version: str = Field("1", min_length=1, max_length=32)
    text_file: Path | None = Field(None, description="the clinic's own words, shown before the question")

    @functools.cached_property
    def text(self) -> str:
        """The clinic's own words; empty where it has none."""
        return self.text_file.read_text(encoding="utf-8").strip() if self.text_file else ""


class Intake(Strict):
    """Questionnaires in conversation."""

    screeners: tuple[Literal["phq9", "gad7", "audit_c", "dast10"], ...] = ("phq9", "gad7", "audit_c")
    when: Literal["before_appointment", "on_request"] = "before_appointment"
    dast10_file: Path | None = Field(None, description="the words of the DAST-10, which are under another licence")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _unique("screener", list(self.screeners))
        if "dast10" in self.screeners and self.dast10_file is None:
            raise ValueError("dast10 needs 'dast10_file', since its words are under another licence (docs/intake.md)")
        return self


class QuietHours(Strict):
    """From when to when a client's phone must not ring, by their own clock. May go over midnight."""

    begins: Clock = Field(21 * 60, alias="from")
    ends: Clock = Field(8 * 60, alias="to")


class TakeOver(Strict):
    """How long a client may wait for a person who took over and does not write."""

    page_minutes: int = Field(10, ge=1, le=1440, description="then the clinic is paged, and the client is told so")
    hand_back_minutes: int = Field(30, ge=2, le=2880, description="then the bot answers again")

    @model_validator(mode="after")
    def _in_this_order(self) -> Self:
        if self.hand_back_minutes <= self.page_minutes:
            raise ValueError("'hand_back_minutes' has to be more than 'page_minutes': somebody has to have the time")
        return self


class ClinicConfig(Strict):
    """Everything a clinic sets. Times are in `time_zone` unless they say otherwise."""

    name: str = Field(min_length=1, max_length=200)
    country: Country = Field(description="picks the crisis lines")
    language: Language = "en"
    time_zone: str
    email: str | None = Field(None, description="organiser of calendar invitations")
    address: str = ""
    calendar_title: str = Field("Appointment", description="what a calendar shows; no health information")
    opening_hours: tuple[Rule, ...]
    holidays: frozenset[date] = frozenset()
    crisis: Crisis = Crisis()
    clinicians: tuple[Clinician, ...] = ()
    appointment_kinds: tuple[AppointmentKind, ...]
    booking_horizon_days: int = Field(28, ge=1, le=365)
    hold_minutes: int = Field(30, ge=1)
    waiting_list_hold_minutes: int = Field(240, ge=5, description="a slot held for the next on the waiting list")
    case_hold_minutes: int = Field(720, ge=1, description="a slot held for a client with an open case")
    notifications: Notifications = Notifications()
    take_over: TakeOver = TakeOver()
    consent: Consent = Consent()
    intake: Intake = Intake()
    sign_in: SignIn = SignIn()
    quiet_hours: QuietHours | None = QuietHours()
    reminder_hours: tuple[Annotated[int, Field(ge=1, le=240)], ...] = (24, 2)
    retention_days: int = Field(365, ge=1)

    _email = field_validator("email")(check_email)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # what ZoneInfo raises for names that are none
            raise ValueError(f"{value!r} is not a time zone; one looks like Europe/London") from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.opening_hours or not self.appointment_kinds:
            raise ValueError("at least one of opening_hours and one of appointment_kinds is needed")
        _unique("clinician id", [clinician.id for clinician in self.clinicians])
        _unique("appointment kind id", [kind.id for kind in self.appointment_kinds])
        return self

    @classmethod
    def load(cls, path: Path) -> ClinicConfig:
        """The settings in a file.

        Raises:
            ClinicConfigError: it cannot be read, is no YAML, or holds mistakes, each named with its line.
        """
        try:
            data = yaml_file.read(path)
        except OSError as error:
            raise ClinicConfigError([f"{path} cannot be read: {error.strerror or error}."]) from None
        except yaml_file.YamlProblem as error:
            raise ClinicConfigError([f"{path.name}, line {error.line}: {error}."]) from None
        if not isinstance(data, dict):
            raise ClinicConfigError([f"{path.name}, line 1: the file holds no settings."])
        try:
            config = cls.model_validate(data)
        except ValidationError as error:
            raise ClinicConfigError(yaml_file.problems(error, data, cls, path.name)) from None
        return config._with_files(path, data)

    def _with_files(self, path: Path, data: Any) -> Self:
        """The settings with the files they name, which are looked for beside clinic.yml."""
        found: dict[str, Any] = {}
        for section, setting, what in (("consent", "text_file", "consent text"), ("intake", "dast10_file", "file")):
            named = getattr(getattr(self, section), setting)
            if named is None:
                continue
            if not (path.parent / named).is_file():
                line = yaml_file.line_of(data, (section, setting))
                raise ClinicConfigError([f"{path.name}, line {line}: the {what} {named} is not there."])
            found[section] = getattr(self, section).model_copy(update={setting: (path.parent / named).resolve()})
            if setting == "dast10_file":
                self._check_words(path, data, found[section])
        return self.model_copy(update=found)

    def _check_words(self, path: Path, data: Any, intake: Intake) -> None:
        """The clinic's own words of a questionnaire have to be there before a client is asked."""
        try:
            screeners.load("dast10", intake.dast10_file)
        except screeners.ScreenerError as error:
            line = yaml_file.line_of(data, ("intake", "dast10_file"))
            raise ClinicConfigError([f"{path.name}, line {line}: {error}."]) from None

    @classmethod
    def of(cls, path: Path) -> ClinicConfig:
        """The settings in a file, or the demo clinic where there is none.

        Raises:
            ClinicConfigError: the file is wrong; the message names the line.
        """
        return cls.load(path) if path.exists() else cls.demo()

    @classmethod
    def demo(cls) -> ClinicConfig:
        """A made-up clinic, to try everything without a file. It tells nobody but the console."""
        return cls.model_validate(_DEMO)

    @functools.cached_property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)

    def kind_for(self, tier: str | None) -> AppointmentKind:
        """The kind of appointment that a tier gets (None: no case); the first kind where none names it."""
        kinds = self.appointment_kinds
        return next((kind for kind in kinds if (tier or "none") in kind.tiers), kinds[0])

    def clinician(self, id_: str) -> Clinician | None:
        """The clinician with this id, or None when the clinic has removed them."""
        return next((clinician for clinician in self.clinicians if clinician.id == id_), None)

    def kind(self, id_: str) -> AppointmentKind | None:
        """The appointment kind with this id, or None when the clinic has removed it."""
        return next((kind for kind in self.appointment_kinds if kind.id == id_), None)

    def routes_for(self, tier: str) -> tuple[Route, ...]:
        """The routes that a case of this tier takes, in the clinic's order, the console among them."""
        routes = tuple(route for route in self.notifications.routes if route.takes(tier))
        return routes if any(route.kind == "console" for route in routes) else (*routes, CONSOLE)


_WORKING_DAYS = ["mon", "tue", "wed", "thu", "fri"]
_DEMO: dict[str, Any] = {
    "name": "Demo clinic",
    "country": "US",
    "time_zone": "America/New_York",
    "opening_hours": [{"days": _WORKING_DAYS, "from": "09:00", "to": "17:00"}],
    "clinicians": [
        {
            "id": "rivera",
            "name": "Dr Rivera",
            "availability": [{"days": ["mon", "wed", "fri"], "from": "09:00", "to": "12:30"}],
        },
        {
            "id": "okafor",
            "name": "Ms Okafor",
            "availability": [{"days": ["tue", "thu"], "from": "13:00", "to": "17:00"}],
        },
    ],
    "appointment_kinds": [
        {"id": "first_talk", "title": "First talk", "minutes": 30},
        {
            "id": "soon",
            "title": "Talk with someone soon",
            "minutes": 30,
            "tiers": list(TIERS[1:]),
            "lead_minutes": 15,
        },
    ],
}
