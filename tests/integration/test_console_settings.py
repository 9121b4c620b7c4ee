"""The page of settings: what the clinic has set, in words, and what the check says now."""

import html
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clinic.config import ClinicConfig
from bot.console.settings_words import SECTIONS, in_words, minutes
from bot.settings import ROOT
from tests.fakes.console import tab

FULL: dict[str, Any] = {
    "name": "Riverside",
    "country": "GB",
    "time_zone": "Europe/London",
    "email": "post@riverside.example",
    "opening_hours": [{"days": ["mon", "tue"], "from": "09:00", "to": "17:00"}],
    "holidays": ["2026-12-25"],
    "crisis": {"lines": [{"name": "Riverside night line", "call": "020 7946 0000"}]},
    "clinicians": [
        {
            "id": "lee",
            "name": "Dr Lee",
            "availability": [
                {"rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "starting": "2026-01-05", "from": "09:00", "to": "12:30"}
            ],
            "absences": [{"from": "2026-12-21", "to": "2027-01-03"}],
        }
    ],
    "appointment_kinds": [
        {"id": "talk", "title": "Talk", "minutes": 50, "lead_minutes": 90, "tiers": ["none", "high"]}
    ],
    "notifications": {
        "routes": [
            {"name": "pager", "kind": "webhook", "url": "https://pager.example/evoke", "from_tier": "high"},
            {"name": "mail", "kind": "mail", "to": ["a@b.example"], "sender": "e@b.example", "backup": True},
        ]
    },
    "sign_in": {
        "second_factor_for": ["admin"],
        "oidc": {"issuer": "https://id.riverside.example", "client_id": "evoke", "roles": {"doctors": "clinician"}},
    },
    "retention_days": 90,
}


def words(config: ClinicConfig) -> str:
    return "\n".join(f"{name} {line}" for _, rows in in_words(config) for name, _, lines in rows for line in lines)


def test_every_setting_has_its_words():
    told = [key for settings in SECTIONS.values() for key in settings]
    assert sorted(told) == sorted(ClinicConfig.model_fields)


def test_the_words_say_what_is_set():
    said = words(ClinicConfig.model_validate(FULL))
    for line in (
        "Open Mon, Tue: 09:00 to 17:00",
        "Closed on 25 Dec 2026",
        "Dr Lee. by the rule FREQ=WEEKLY;INTERVAL=2;BYDAY=MO: 09:00 to 12:30, from 5 Jan 2026; away 21 Dec 2026 to",
        "Talk: 50 min, earliest 90 min ahead, for: clients without a case, high",
        "Riverside night line: 020 7946 0000",
        "pager: a signed call to https://pager.example/evoke, from “high” up",
        "mail: mail to a@b.example by localhost:587 (starttls), when another fails and with reminders",
        "Told again (happening now): after 5 min, then 5 min, then 10 min …",
        "A second factor with it has to be set up by: Administrator.",
        "doctors: clinician",
        "90 days of silence",
        "PHQ-9, GAD-7, AUDIT-C, offered before an appointment",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("count", "said"), [(5, "5 min"), (90, "90 min"), (60, "1 h"), (720, "12 h"), (1440, "a day"), (40320, "28 days")]
)
def test_minutes_are_said_as_people_do(count, said):
    assert minutes(count) == said


async def test_the_page_shows_the_settings_the_check_and_the_crisis_view(clinic):
    async with tab(clinic, role="auditor") as auditor:
        page = html.unescape((await auditor.get("/console/settings")).text)
    for text in (
        "The settings and all content can be used.",
        "Nobody is told about a case outside the console",
        "A password alone signs an administrator in",
        "988",
        "next free time Mon 23 Nov, 11:00 (America/New_York) with Dr Rivera",
        "There is no clinic.yml",
        "Ms Okafor. Tue, Thu: 13:00 to 17:00",
    ):
        assert text in page


async def test_a_mistake_made_since_the_start_is_named_with_its_line_and_what_counts_stays(clinic, tmp_path: Path):
    file: Path = clinic.app.state.settings.clinic_file
    file.write_text((ROOT / "clinic.yml").read_text().replace("America/New_York", "Mars/Olympus"))
    async with tab(clinic, role="admin") as admin:
        page = html.unescape((await admin.get("/console/settings")).text)
        assert "1 problem to put right" in page
        assert "clinic.yml, line 8" in page
        assert "America/New York" in page
        file.write_text(yaml.safe_dump({**yaml.safe_load((ROOT / "clinic.yml").read_text()), "name": "Newer"}))
        assert "1 problem" in (await admin.get("/console/settings")).text  # a minute's memory: a look takes a while
        clinic.now += timedelta(minutes=2)
        page = html.unescape((await admin.get("/console/settings")).text)
    assert "has changed since Evoke was started" in page
    assert "Demo clinic" in page


async def test_a_secret_that_is_missing_is_a_problem_and_none_is_shown(clinic, monkeypatch):
    monkeypatch.delenv("EVOKE_OIDC_SECRET", raising=False)
    monkeypatch.setenv("EVOKE_WEBHOOK_SECRET", "marker-secret")
    clinic.app.state.settings.clinic_file.write_text(yaml.safe_dump(FULL))
    async with tab(clinic, role="admin") as admin:
        page = (await admin.get("/console/settings")).text
    assert "needs the environment variable EVOKE_OIDC_SECRET" in page
    assert "marker-secret" not in page
