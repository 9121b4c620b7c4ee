"""`evoke check`: every problem in one sentence, warnings, and the crisis view with real times."""

import io
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bot.commands.check import check
from bot.core import DATA
from bot.settings import ROOT, Settings
from bot.store.models import Appointment, Base, Client, Conversation

MONDAY = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
"""08:00 in the demo clinic, an hour before it opens."""


def run(settings: Settings, now: datetime = MONDAY, data: Path = DATA) -> tuple[int, str]:
    out = io.StringIO()
    status = check(settings, Console(file=out, width=500), now=now, data=data)
    return status, out.getvalue()


def settings_with(tmp_path: Path, **changes: object) -> Settings:
    clinic = yaml.safe_load((ROOT / "clinic.yml").read_text())
    path = tmp_path / "clinic.yml"
    path.write_text(yaml.safe_dump({**clinic, **changes}))
    return Settings(home=tmp_path / "home", clinic_file=path)


def test_a_sound_clinic_passes_and_shows_number_lines_and_times(tmp_path: Path) -> None:
    status, said = run(settings_with(tmp_path))
    assert status == 0
    assert "Emergency number: 911" in said
    assert "988" in said
    for tier in ("check_in", "moderate", "high", "imminent"):
        assert f"{tier}: next free time Mon 23 Nov, 09:00 (America/New_York) with Dr Rivera" in said


def test_looking_makes_no_database(tmp_path: Path) -> None:
    run(settings_with(tmp_path))
    assert not (tmp_path / "home").exists()


def test_a_booked_time_is_not_shown_as_free(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    settings.home.mkdir()
    engine = create_engine(settings.database)
    Base.metadata.create_all(engine)
    nine = MONDAY + timedelta(hours=1)
    with Session(engine) as session, session.begin():
        session.add(Client(id="ana", created_at=MONDAY))
        session.flush()
        session.add(
            Conversation(id="t", client_id="ana", channel="web", address="x", created_at=MONDAY, updated_at=MONDAY)
        )
        session.flush()
        session.add(
            Appointment(
                id="a1",
                client_id="ana",
                conversation_id="t",
                clinician="rivera",
                kind="soon",
                starts_at=nine,
                ends_at=nine + timedelta(minutes=30),
                status="booked",
                slot_key="k",
                sequence=0,
                created_at=MONDAY,
                updated_at=MONDAY,
            )
        )
    engine.dispose()
    assert "high: next free time Mon 23 Nov, 09:30" in run(settings)[1]


def test_a_clinic_that_tells_only_the_console_is_warned(tmp_path: Path) -> None:
    status, said = run(settings_with(tmp_path))
    assert status == 0
    assert "nobody is told about a case outside the console" in said


def test_a_route_without_its_secret_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVOKE_WEBHOOK_SECRET", raising=False)
    route = {"name": "pager", "kind": "webhook", "url": "https://pager.clinic.example"}
    status, said = run(settings_with(tmp_path, notifications={"routes": [route]}))
    assert status == 1
    assert "EVOKE_WEBHOOK_SECRET" in said
    assert "outside the console" not in said


def test_a_week_without_free_times_is_warned(tmp_path: Path) -> None:
    status, said = run(settings_with(tmp_path, clinicians=[]))
    assert status == 0
    assert "no clinician has a free time in the next 7 days for a client with a case" in said
    assert "high: next free time none" in said


def test_a_wrong_setting_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    status, said = run(settings_with(tmp_path, time_zone="Mars/Olympus"))
    assert status == 1
    assert "clinic.yml, line" in said
    assert "Mars/Olympus" in said


@pytest.mark.parametrize("broken", ["mi/topics.yml", "mi/fidelity.yml", "mi/cues.yml", "safety/protocol.yml"])
def test_broken_content_is_named(tmp_path: Path, broken: str) -> None:
    data = tmp_path / "data"
    for part in ("mi", "safety"):
        shutil.copytree(DATA / part, data / part)
    (data / broken).write_text("{not yaml")
    status, said = run(settings_with(tmp_path), data=data)
    assert status == 1
    assert Path(broken).name in said


def test_a_database_that_is_none_is_a_problem(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    settings.home.mkdir()
    (settings.home / "evoke.db").write_text("this is no database at all, but it is long enough to be looked at")
    status, said = run(settings)
    assert status == 1
    assert "cannot be read" in said
