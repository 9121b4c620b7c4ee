"""What a client writes is in the database and nowhere else: not in logs, metrics, error bodies or Rasa's output."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import structlog

from bot.rasa_process import environment, free_port
from bot.settings import ROOT, Settings
from tests.contract.clients import WebPerson
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.process import EvokeProcess
from tests.fakes.stack import Stack, until
from tests.integration.test_safety_everywhere import database_away, database_read_only

MARKER = "Xylophonquartz"


def test_the_marker_is_in_no_log_line_metric_or_error_of_a_running_evoke(tmp_path: Path, model: Path) -> None:
    evoke = EvokeProcess(tmp_path / "home", LOG_LEVEL="DEBUG", MODEL=str(model)).start()
    with httpx.Client(base_url=f"{evoke.url}/api/v1", timeout=30) as http:
        made = http.post("/conversations", json={}).json()
        http.headers["Authorization"] = f"Bearer {made['token']}"
        path = f"/conversations/{made['conversation_id']}/messages"
        texts = ["yes", f"I drink too much {MARKER}", f"i want to kill myself {MARKER}", f"no {MARKER}"]
        texts += ["can I talk to a person?", "the first one", MARKER, f"{MARKER}@example.org", f"/{MARKER}"]
        for number, text in enumerate(texts):
            http.post(path, json={"client_message_id": str(number), "text": text}).raise_for_status()
            until(lambda number=number: _answered(http, path, str(number)))
        errors = [
            http.post(path, json={"client_message_id": "x", "text": MARKER * 400}).text,
            http.post(path, json={"client_message_id": "x", "text": MARKER, MARKER: MARKER}).text,
            http.post(path, content=f'{{"text": "{MARKER}').text,
            http.get(path, params={"after": -1}).text,
            http.post("/conversations/none/messages", json={"client_message_id": "x", "text": MARKER}).text,
        ]
        metrics = http.get(evoke.url + "/metrics").text
    evoke.interrupt()
    assert MARKER.lower() not in evoke.log.lower()
    assert MARKER not in metrics
    assert [error for error in errors if MARKER in error] == []
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").glob("evoke.db*"))
    assert MARKER.encode() in kept, "the marker did come through"


@pytest.mark.parametrize("broken", [database_away, database_read_only])
def test_the_marker_is_in_no_error_or_log_when_the_database_fails(
    fake_dialogue_stack: Stack, capfd: pytest.CaptureFixture[str], broken: Callable[..., object]
) -> None:
    person = WebPerson(fake_dialogue_stack)
    person.open()
    path = f"/conversations/{person.conversation_id}/messages"
    with broken(fake_dialogue_stack):  # type: ignore[attr-defined]
        answer = person.http.post(path, json={"client_message_id": "1", "text": f"i want to die {MARKER}"})
    assert answer.status_code == 503
    assert MARKER not in answer.text
    person.close()
    printed = capfd.readouterr()
    assert MARKER not in printed.err + printed.out


def test_the_marker_is_in_no_log_when_the_screen_or_a_turn_fails(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue
) -> None:
    class Broken:
        def screen(self, text: str, history: object = ()) -> object:
            raise ValueError(text)

    async def broken_turn(turn_id: str, text: str, **_: object) -> object:
        raise ValueError(text)

    with structlog.testing.capture_logs() as logs:
        screening = make_stack(dialogue=dialogue, screen=Broken())
        _say_without_waiting(screening, f"i want to die {MARKER}")
        until(lambda: any(line["event"] == "screen_failed" for line in logs))
        screening.stop()
        dialogue.turn = broken_turn  # type: ignore[assignment,method-assign]
        talking = make_stack(dialogue=dialogue)
        _say_without_waiting(talking, f"hello {MARKER}")
        until(lambda: any(line["event"] == "turn_failed" for line in logs))
        talking.stop()
    assert MARKER not in str(logs)


def test_the_marker_is_not_in_rasas_output(tmp_path: Path, model: Path) -> None:
    port, log = free_port(), tmp_path / "rasa.log"
    command = [str(Settings().rasa_python), "-m", "bot.nlu.server", "run", "--model", str(model), "--quiet"]
    command += ["--interface", "127.0.0.1", "--port", str(port)]
    command += ["--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]
    keys = {"EVOKE_RASA_TOKEN": "t", "EVOKE_ACTIONS_URL": "http://127.0.0.1:9/none"}
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, env=environment() | keys, stdout=out, stderr=out) as rasa,
    ):
        try:
            with httpx.Client(headers={"Authorization": "Bearer t"}, timeout=20) as http:
                until(lambda: _parses(http, port), 100, pause=0.3)
                turn = {"turn_id": "a.1", "text": f"I drink {MARKER}", "slots": {"awaiting": "nothing"}, "loop": None}
                http.post(f"http://127.0.0.1:{port}/webhooks/turn/", json=turn)  # its action cannot be reached
                http.post(f"http://127.0.0.1:{port}/webhooks/turn/", json={"text": MARKER})
        finally:
            rasa.terminate()
    assert MARKER.lower() not in log.read_text().lower()


def _say_without_waiting(stack: Stack, text: str) -> None:
    person = WebPerson(stack)
    person.open()
    path = f"/conversations/{person.conversation_id}/messages"
    person.http.post(path, json={"client_message_id": "1", "text": text}).raise_for_status()
    person.close()


def _parses(http: httpx.Client, port: int) -> bool:
    try:
        return http.post(f"http://127.0.0.1:{port}/webhooks/turn/parse", json={"text": MARKER}).status_code == 200
    except httpx.HTTPError:
        return False


def _answered(http: httpx.Client, path: str, client_message_id: str) -> bool:
    messages = http.get(path).json()["messages"]
    asked = next(m["id"] for m in messages if m.get("client_message_id") == client_message_id)
    return any(m["in_reply_to"] == asked for m in messages)
