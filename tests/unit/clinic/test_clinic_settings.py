"""clinic.yml: what it may say, and how a mistake in it is told."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.clinic import config as config_module
from bot.clinic import rules, sign_in
from bot.clinic.config import ClinicConfig, ClinicConfigError
from bot.clinic.hours import is_open, next_open
from bot.clinic.yaml_file import _model_in

ROOT = Path(__file__).resolve().parents[3]
GOOD = """\
name: Test clinic
country: GB
time_zone: Europe/London
opening_hours:
  - {days: [mon, tue], from: "09:00", to: "17:00"}
appointment_kinds:
  - {id: talk, title: Talk, minutes: 30}
clinicians:
  - id: rivera
    name: Dr Rivera
    availability:
      - {days: [mon], from: "09:00", to: "12:00"}
"""


def load(tmp_path: Path, text: str) -> ClinicConfig:
    path = tmp_path / "clinic.yml"
    path.write_text(text, encoding="utf-8")
    return ClinicConfig.load(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ClinicConfigError) as error:
        load(tmp_path, text)
    return error.value.problems


def test_the_demo_clinic_in_the_repository_is_valid():
    config = ClinicConfig.load(ROOT / "clinic.yml")
    assert config.clinician("okafor").is_away(date(2026, 12, 24))


def test_there_is_a_clinic_without_a_file():
    assert ClinicConfig.demo().routes_for("imminent")[0].kind == "console"


def test_a_good_file_is_read(tmp_path):
    config = load(tmp_path, GOOD)
    assert config.zone.key == "Europe/London"
    assert config.clinicians[0].availability[0].begins == 9 * 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("country: GB", "country: Britain", "clinic.yml, line 2: country"),
        ("time_zone: Europe/London", "time_zone: London/Europe", "line 3: time_zone: 'London/Europe' is not"),
        ("time_zone: ", "timezone: ", "'timezone' is not a setting here; did you mean 'time_zone'?"),
        ("minutes: 30", "minutes: 0", "line 7: appointment_kinds.0.minutes"),
        ('to: "12:00"', 'to: "08:00"', "line 12: clinicians.0.availability.0: 'from' is not before 'to'"),
        ('from: "09:00", to: "12:00"', 'from: 9am, to: "12:00"', "'9am' is not a time of day"),
        ("    name: Dr Rivera\n", "", "line 9: clinicians.0.name is missing."),
        (
            "    name: Dr Rivera\n",
            "    nmae: Dr Rivera\n",
            "line 10: 'nmae' is not a setting here; did you mean",
        ),
        ("id: rivera", "id: Dr. Rivera", "line 9: clinicians.0.id"),
        ("name: Test clinic", "name: [", "(in what begins on line 1)"),
        ("country: GB", "country: GB\ncountry: IE", "clinic.yml, line 3: found duplicate key"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_with_its_line(tmp_path, old, new, said):
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("clinic.yml, line ") and "\n" not in problem for problem in found)


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path):
    found = problems(tmp_path, GOOD.replace("GB", "Britain").replace("minutes: 30", "minutes: -1"))
    assert ["line 2" in found[0], "line 7" in found[1]] == [True, True]


def test_a_missing_file_is_told_by_name(tmp_path):
    with pytest.raises(ClinicConfigError, match=r"nowhere\.yml cannot be read"):
        ClinicConfig.load(tmp_path / "nowhere.yml")


def test_an_empty_file_is_told(tmp_path):
    assert problems(tmp_path, "") == ["clinic.yml, line 1: the file holds no settings."]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("{name: m, kind: mail, sender: a@b.example}", "the mail route 'm' needs 'to'"),
        ("{name: w, kind: webhook}", "the webhook route 'w' needs 'url'"),
        ("{name: w, kind: webhook, url: ftp://x}", "starts with neither"),
        ("{name: t, kind: telegram_group}", "needs 'chat_id'"),
        ("{name: m, kind: mail, sender: nobody, to: [a@b.example]}", "'nobody' is not an e-mail address"),
        ("{name: c, kind: console}, {name: c, kind: console}", "the route name 'c' is used twice"),
    ],
)
def test_a_route_that_could_not_work_is_refused(tmp_path, route, said):
    found = problems(tmp_path, f"{GOOD}notifications:\n  routes: [{route}]\n")
    assert said in found[0]


def test_the_bot_does_not_come_back_before_anybody_was_paged(tmp_path):
    limits = "take_over: {page_minutes: 30, hand_back_minutes: 30}\n"
    assert "has to be more than 'page_minutes'" in problems(tmp_path, GOOD + limits)[0]


def test_the_console_is_told_whatever_the_routes(tmp_path):
    routes = "[{name: w, kind: webhook, url: https://x.example, from_tier: high}]"
    config = load(tmp_path, f"{GOOD}notifications:\n  routes: {routes}\n")
    assert [route.name for route in config.routes_for("moderate")] == ["console"]
    assert [route.name for route in config.routes_for("high")] == ["w", "console"]


def test_a_consent_text_that_is_not_there_is_told(tmp_path):
    assert "terms.txt is not there" in problems(tmp_path, f"{GOOD}consent: {{text_file: terms.txt}}\n")[0]


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=WEEKLY;BYDAY=XX", "every second Monday", "FREQ=WEEKLY;INTERVAL=0"]
)
def test_a_recurrence_that_is_none_is_refused(tmp_path, rule):
    window = f'{{rule: "{rule}", starting: 2026-01-05, from: "09:00", to: "12:00"}}'
    text = GOOD.replace('{days: [mon], from: "09:00", to: "12:00"}', window)
    assert "line 12" in problems(tmp_path, text)[0]


def test_repaging_repeats_its_last_interval():
    minutes = ClinicConfig.demo().notifications.repage_minutes
    assert [minutes.after("imminent", round_) for round_ in range(5)] == [5, 5, 10, 10, 10]


def test_out_of_hours_the_next_opening_is_found_over_a_weekend_and_a_holiday():
    config = ClinicConfig.load(ROOT / "clinic.yml")
    thursday_night = datetime(2026, 12, 24, 23, 0, tzinfo=UTC)  # 18:00; Friday the 25th is a holiday
    assert next_open(config, thursday_night) == datetime(2026, 12, 28, 14, 0, tzinfo=UTC)
    assert is_open(config, datetime(2026, 12, 24, 21, 59, tzinfo=UTC))
    assert not is_open(config, thursday_night)


HEADINGS: dict[type[BaseModel], tuple[str, ...]] = {
    ClinicConfig: ("The clinic", "Writing first", "Appointments"),
    config_module.Clinician: ("Clinicians",),
    rules.Absence: ("Clinicians",),
    rules.Rule: ("Windows",),
    config_module.AppointmentKind: ("Appointments",),
    config_module.Crisis: ("Crisis lines",),
    config_module.CrisisLine: ("Crisis lines",),
    config_module.Notifications: ("Notifications",),
    config_module.Route: ("Notifications",),
    config_module.RepageMinutes: ("Notifications",),
    config_module.TakeOver: ("When somebody took over and does not write",),
    config_module.Consent: ("Consent",),
    config_module.Intake: ("Questionnaires",),
    config_module.SignIn: ("Signing in",),
    sign_in.OpenIdConnect: ("Signing in",),
}
"""Part of the settings -> under which headings of docs/clinic-settings.md its table stands."""
IN_ITS_OWN_ROW = {config_module.QuietHours}
"""Documented where it is named: {from, to}."""


def models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A part of the settings and every part inside it."""
    inside = [_model_in(field.annotation) for field in model.model_fields.values()]
    return {model}.union(*(models(one) for one in inside if one is not None))


def documented(headings: tuple[str, ...]) -> dict[str, str]:
    """What stands in backticks in the first cell of a table's row below these headings -> the rest of the row."""
    text = (ROOT / "docs" / "clinic-settings.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^#+ (.+)\n((?:(?!#).*\n?)*)", text, flags=re.M))
    rows = [
        row.strip("|").split("|", 1) for at in headings for row in sections[at].splitlines() if row.startswith("| `")
    ]
    return {name: rest for first, rest in rows for name in re.findall(r"`([a-z0-9_]+)`", first)}


def test_every_part_of_the_settings_has_its_place_in_the_docs():
    assert models(ClinicConfig) - IN_ITS_OWN_ROW == set(HEADINGS)


@pytest.mark.parametrize("part", HEADINGS, ids=lambda part: part.__name__)
def test_every_setting_has_a_row_of_its_own_with_what_counts_without_it(part):
    rows = documented(HEADINGS[part])
    missing = [field.alias or name for name, field in part.model_fields.items() if (field.alias or name) not in rows]
    assert missing == []
    if part is config_module.Route:  # a table by kind of route, which says the defaults in words
        return
    wrong = [
        (name, field.default)
        for name, field in part.model_fields.items()
        if type(field.default) in (int, tuple)
        and field.default != ()
        and not any(isinstance(one, BaseModel) for one in (field.default if isinstance(field.default, tuple) else ()))
        and str(field.default).strip("()").rstrip(",").replace("'", "") not in rows[field.alias or name]
    ]
    assert wrong == []


def test_the_dast10_needs_its_words_before_it_can_be_asked(tmp_path):
    assert "dast10 needs 'dast10_file'" in problems(tmp_path, GOOD + "intake: {screeners: [dast10]}\n")[0]
    with_file = GOOD + "intake: {screeners: [phq9, dast10], dast10_file: words.yml}\n"
    assert "line 13: the file words.yml is not there" in problems(tmp_path, with_file)[0]
    words = tmp_path / "words.yml"
    words.write_text('items: {"1": "Question 1?"}')
    assert "line 13: words.yml has no words for item 2" in problems(tmp_path, with_file)[0]
    words.write_text("items:\n" + "".join(f'  "{n}": "Question {n}?"\n' for n in range(1, 11)))
    assert load(tmp_path, with_file).intake.dast10_file == words.resolve()
