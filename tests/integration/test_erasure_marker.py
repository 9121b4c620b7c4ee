"""A marker in everything that a client can leave behind, and a look everywhere after the erasure.

Everything is real here, Rasa included: the client talks, risks, answers questionnaires and books; staff take notes,
take over and write; then the client says "delete everything". Afterwards the marker is looked for in every column of
every table of every database, in every file of the home folder, of the temporary folder and of Rasa's own folders,
and in what Rasa and the application print.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from bot.clinic.cases import acknowledge, add_note, queue
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import write_to_client
from bot.settings import ROOT
from bot.store.database import Database
from bot.store.models import Base, Client, Staff
from tests.fakes.process import EvokeProcess
from tests.fakes.stack import until
from tests.unit.clinic.conftest import MONDAY

MARKER = "Xylophonquartz"
STAYS = {"audit", "alembic_version"}
NOT_OF_CLIENTS = {"staff", "staff_visit", "staff_link", "recovery_code", "sign_in_address"}


class Person:
    """A client on the web API."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", timeout=120)
        made = self.http.post("/conversations", json={"time_zone": "Europe/London"}).json()
        self.id, self.number = made["conversation_id"], 0
        self.http.headers["Authorization"] = f"Bearer {made['token']}"

    def say(self, text: str, payload: str | None = None) -> list[dict[str, Any]]:
        self.number += 1
        body = {"client_message_id": str(self.number), "text": text} | ({"payload": payload} if payload else {})
        sent = self.http.post(f"/conversations/{self.id}/messages", json=body).raise_for_status().json()
        answers: list[dict[str, Any]] = []
        until(lambda: answers.extend(self._answers(sent["message"])) or answers, 120, pause=0.1)
        return answers

    def _answers(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        found = self.http.get(f"/conversations/{self.id}/messages", params={"after": 0}).json()["messages"]
        # after an erasure the last word stands alone: it answers a message that is gone
        gone = not any(m["id"] == message["id"] for m in found)
        return [m for m in found if m["in_reply_to"] == message["id"] or (gone and m["from"] == "bot")]


def databases(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]


def cells_with(path: Path, words: str) -> list[str]:
    """table.column of every cell that holds the words, in a database that may be in use."""
    found = []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = database.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor:
                cells = zip(names, row, strict=True)
                found += [f"{table}.{name}" for name, value in cells if words.lower() in str(value).lower()]
    database.close()
    return found


def files_with(folder: Path, words: str) -> list[str]:
    wanted = words.encode()
    return [
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and wanted in path.read_bytes()
    ]


def test_an_erasure_leaves_no_trace_but_one_line_without_content(
    tmp_path: Path, model: Path, monkeypatch: Any, request: Any
) -> None:
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    begun = time.time()
    evoke = EvokeProcess(home, LOG_LEVEL="DEBUG", MODEL=str(model)).start(ready=False)
    request.addfinalizer(evoke.kill)
    until(lambda: evoke._answers("/readyz"), 240, pause=0.5)
    person = Person(evoke.url)
    request.addfinalizer(person.http.close)
    person.say("yes")
    person.say(f"I drink too much {MARKER} and my kids hate it")
    times = person.say("can I talk to a person?")
    slot = next(m["slots"][0] for m in times if m.get("slots"))
    person.say(slot["label"], f"slot:{slot['id']}")
    person.say(MARKER)
    person.say(f"{MARKER}@example.org")
    person.say("yes")
    person.say("questionnaire")
    person.say(f"well {MARKER} it is a long story with my mother and the house and all of that")
    for _ in range(3):
        person.say("several days")
    answers = person.say(f"i want to kill myself {MARKER}")
    for _ in range(8):  # the safety protocol's own questions come first, whatever else is typed
        if any(m["kind"] == "safety" and m.get("buttons") for m in answers):
            answers = person.say("no")

    database = Database(f"sqlite:///{home / 'evoke.db'}")
    request.addfinalizer(database.close)

    def staff_do(session: Any) -> str:
        session.add(
            Staff(id="sam", email="s@c.example", name="Sam", role="clinician", password_hash="", created_at=MONDAY)
        )
        session.flush()
        case = next(case for case in queue(session) if case.reason == "risk")
        acknowledge(session, case.id, "sam", MONDAY)
        add_note(session, case.id, "sam", f"{MARKER} noted", MONDAY)
        client = session.get_one(Client, case.client_id)
        write_to_client(session, ClinicConfig.demo(), client, who="Sam", text=f"Hello {MARKER}", now=MONDAY)
        return client.id

    client_id = database.write_now(staff_do)
    held = {name.partition(".")[0] for path in databases(home) for name in cells_with(path, MARKER)}
    assert {"message", "client", "conversation", "case_note"} <= held, "the marker did come through"
    related = {name.partition(".")[0] for path in databases(home) for name in cells_with(path, client_id)}
    assert {"questionnaire", "case", "appointment"} <= related

    for text in ("delete everything", "Yes, delete it"):
        last = person.say(text)
    assert "deleted" in " ".join(m["text"] for m in last)

    assert [(path.name, cells_with(path, MARKER)) for path in databases(home) if cells_with(path, MARKER)] == []
    left = {
        table.name: [dict(row) for row in database.read_now(lambda s, t=table: s.execute(select(t)).mappings().all())]
        for table in Base.metadata.sorted_tables
        if table.name not in STAYS | NOT_OF_CLIENTS
    }
    shell = {"client", "conversation", "message", "endpoint"}  # the empty conversation that the last word is in
    assert {name for name, rows in left.items() if rows} <= shell
    assert [(row["name"], row["contact"], row["consent_version"]) for row in left["client"]] == [(None, None, None)]
    assert all(row["direction"] == "out" for row in left["message"])
    lines = [c for c in cells_with(home / "evoke.db", client_id) if c.startswith("audit.")]
    assert lines == ["audit.subject"], "one line without content"
    until(lambda: files_with(home, MARKER) == [], 10, pause=0.2)  # the write-ahead log too
    assert files_with(scratch, MARKER) == []
    for folder in (ROOT / ".rasa", ROOT / "models", ROOT / "var"):
        recent = [p for p in folder.rglob("*") if p.is_file() and p.stat().st_mtime >= begun]
        assert not [path for path in recent if MARKER.encode() in path.read_bytes()]
    evoke.interrupt()
    assert MARKER.lower() not in evoke.log.lower()
    assert files_with(home, MARKER) == []
