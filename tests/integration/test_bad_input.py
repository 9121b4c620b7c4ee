"""What an IT person can get wrong: one clear sentence, an exit status, nothing half-written. Ctrl-C ends it all."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.process import EvokeProcess, gone_within
from tests.fakes.rasa_server import as_python, empty_model


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def model(home: Path) -> Path:
    """The stand-in of Rasa reads no model."""
    return empty_model(home.parent)


def evoke_run(home: Path, model: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`evoke run` until it gives up, with a stand-in for Rasa unless told otherwise."""
    own = {"HOME": str(home), "PORT": "0", "MODEL": str(model), "RASA_PYTHON": str(as_python(home.parent))}
    variables = {f"EVOKE_{name}": value for name, value in (own | settings).items()}
    return subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        env=os.environ | {"COLUMNS": "1000"} | variables,
        capture_output=True,
        text=True,
        timeout=90,
    )


def is_one_clear_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """What is wrong and what to do, behind the line that says what is being started; no trace."""
    said = [
        line for line in done.stderr.splitlines() if line.strip() and not line.startswith(("Starting", "timestamp="))
    ]
    assert done.returncode not in (0, None), done.stderr
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in said[0]


def test_a_port_that_is_taken(home: Path, model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        is_one_clear_sentence(evoke_run(home, model, PORT=port), port, "EVOKE_PORT")


def test_no_python_for_rasa(home: Path, model: Path) -> None:
    done = evoke_run(home, model, RASA_PYTHON=str(home / "nowhere/python"))
    is_one_clear_sentence(done, "Rasa's environment is missing", "make setup")


def test_no_model(home: Path) -> None:
    is_one_clear_sentence(evoke_run(home, home / "none.tar.gz"), "none.tar.gz", "EVOKE_MODEL")


@pytest.mark.parametrize("content", [b"", b"this is not a model", b"cut short"])
def test_a_damaged_model(home: Path, model: Path, content: bytes) -> None:
    model.write_bytes(model.read_bytes()[:-40] if content == b"cut short" else content)
    is_one_clear_sentence(evoke_run(home, model), "model.tar.gz", "damaged", "make train")


def test_a_damaged_database(home: Path, model: Path) -> None:
    file = home / "evoke.db"
    file.write_bytes(b"this is not a database" * 400)
    is_one_clear_sentence(evoke_run(home, model), "evoke.db", "backup")
    assert file.read_bytes() == b"this is not a database" * 400


def test_a_database_of_a_newer_evoke(home: Path, model: Path) -> None:
    database = sqlite3.connect(home / "evoke.db")
    database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.commit()
    database.close()
    is_one_clear_sentence(evoke_run(home, model), "newer Evoke", "9999")
    database = sqlite3.connect(home / "evoke.db")
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    database.close()
    assert tables == ["alembic_version"]


@pytest.mark.parametrize("text", ["name: [", "name: Clinic\ncountry: Atlantis\n", "- a list\n", "nmae: Clinic\n"])
def test_a_wrong_clinic_file(home: Path, model: Path, text: str) -> None:
    file = home / "clinic.yml"
    file.write_text(text)
    done = evoke_run(home, model, CLINIC_FILE=str(file))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    troubles = [line for line in done.stderr.splitlines() if line and not line.startswith("Starting")]
    assert troubles
    assert all("clinic.yml" in line for line in troubles), "one sentence for each thing that is wrong"
    assert not (home / "evoke.db").exists()


def test_a_setting_that_is_no_number(home: Path, model: Path) -> None:
    is_one_clear_sentence(evoke_run(home, model, PORT="eighty"), "EVOKE_PORT")


def test_a_second_evoke_on_the_same_home(home: Path, model: Path) -> None:
    first = EvokeProcess(home, MODEL=str(model), RASA_PYTHON=str(as_python(home.parent))).start()
    try:
        is_one_clear_sentence(evoke_run(home, model), str(first.pid), "EVOKE_HOME")
    finally:
        first.interrupt()


@pytest.mark.parametrize("when", ["running", "still starting"])
def test_ctrl_c_ends_everything(home: Path, model: Path, when: str) -> None:
    evoke = EvokeProcess(home, MODEL=str(model), RASA_PYTHON=str(as_python(home.parent)))
    evoke.start(ready=when == "running")
    children = evoke.children()
    began = time.monotonic()
    assert evoke.interrupt() == 0
    assert time.monotonic() - began < 10
    assert gone_within(children, 2)
    assert "Traceback" not in evoke.log


def test_a_killed_evoke_leaves_no_rasa_behind(home: Path, model: Path) -> None:
    evoke = EvokeProcess(home, MODEL=str(model), RASA_PYTHON=str(as_python(home.parent))).start()
    children = evoke.children()
    assert children
    os.kill(evoke.pid, signal.SIGKILL)
    assert gone_within(children, 5)
    evoke.kill()
