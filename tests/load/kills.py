"""Clients that write without a pause while processes are killed: `python -m tests.load.kills --kills 50`.

Every client keeps sending its numbered messages until each is acknowledged (202), as the widget does. In the end
every acknowledged message must have been answered exactly once, in order, and every client in danger must have one
case, one held time and one page on each route. Rasa is a stand-in here (tests/fakes/rasa_server.py) unless --real.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.fakes.process import EvokeProcess
from tests.fakes.rasa_server import as_python, empty_model
from tests.fakes.stack import until

STORY = "Drink number {n} was one too many and my wife is worried"
DESPAIR = "i want to kill myself"
PAUSE_SECONDS = {"stand-in": 0.25, "real": 4.0}
"""Between two messages of a client: what piles up while something is down has to be worked off in the end."""
DRAIN_SECONDS = 300
"""How long that may take."""


@dataclass
class Outcome:
    """What came of it. All but the first three have to be nought."""

    bot_kills: int = 0
    rasa_kills: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    answered_twice: int = 0
    out_of_order: int = 0
    lost: int = 0
    wrong_cases: int = 0
    wrong_holds: int = 0
    doubled_alerts: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not any(value for name, value in vars(self).items() if name not in GOOD)

    def line(self) -> str:
        return " ".join(f"{name}={round(value, 1)}" for name, value in vars(self).items())


GOOD = ("bot_kills", "rasa_kills", "acknowledged", "seconds")


@dataclass
class Client:
    """Sends until it is told to stop; `acknowledged` holds the ids of what got a 202, in order."""

    number: int
    url: str
    stop: threading.Event
    in_danger: bool
    pause: float = PAUSE_SECONDS["stand-in"]
    acknowledged: list[str] = field(default_factory=list)
    conversation_id: str = ""

    def run(self) -> None:
        with httpx.Client(base_url=f"{self.url}/api/v1", timeout=10) as http:
            token = self._begin(http)
            if not token:
                return
            http.headers["Authorization"] = f"Bearer {token}"
            n = 0
            while not self.stop.is_set():
                n += 1
                text = "yes" if n == 1 else DESPAIR if self.in_danger and n in (3, 4) else STORY.format(n=n)
                self._send(http, f"{self.number}-{n}", text)
                time.sleep(self.pause)

    def _begin(self, http: httpx.Client) -> str:
        while not self.stop.is_set():
            try:
                made = http.post("/conversations", json={})
                if made.status_code == 201:
                    self.conversation_id = made.json()["conversation_id"]
                    return str(made.json()["token"])
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        return ""

    def _send(self, http: httpx.Client, message_id: str, text: str) -> None:
        """The same message again and again until it is acknowledged."""
        while not self.stop.is_set():
            try:
                sent = http.post(
                    f"/conversations/{self.conversation_id}/messages",
                    json={"client_message_id": message_id, "text": text},
                )
                if sent.status_code == 202:
                    self.acknowledged.append(message_id)
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)


def run(home: Path, *, bot_kills: int, rasa_kills: int, clients: int = 4, seed: int = 1, real: bool = False) -> Outcome:
    """Kills at random moments under load, waits until all is answered, and counts what went wrong."""
    began, rng = time.monotonic(), random.Random(seed)
    fake = {} if real else {"RASA_PYTHON": str(as_python(home)), "MODEL": str(empty_model(home))}
    evoke = EvokeProcess(home, NEW_CONVERSATIONS_PER_MINUTE="1000", LOG_LEVEL="ERROR", **fake).start()
    stop = threading.Event()
    pause = PAUSE_SECONDS["real" if real else "stand-in"]
    people = [Client(n, evoke.url, stop, in_danger=n % 2 == 0, pause=pause) for n in range(clients)]
    threads = [threading.Thread(target=person.run, daemon=True) for person in people]
    for thread in threads:
        thread.start()
    until(lambda: all(len(person.acknowledged) > 3 for person in people), 120)
    targets = ["bot"] * bot_kills + ["rasa"] * rasa_kills
    rng.shuffle(targets)
    try:
        for target in targets:
            time.sleep(rng.uniform(0.05, 1.5))
            if target == "bot":
                evoke.kill()
                evoke.start(ready=real)
            else:
                until(evoke.children, 60)
                evoke.kill_rasa()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join(30)
        database = home / "evoke.db"
        until(lambda: _open_messages(database) == 0, DRAIN_SECONDS, pause=0.2)
    finally:
        stop.set()
        evoke.interrupt()
    outcome = Outcome(bot_kills, rasa_kills, seconds=time.monotonic() - began)
    count(outcome, home / "evoke.db", people)
    return outcome


def count(outcome: Outcome, database: Path, people: list[Client]) -> None:
    """Compares what clients were promised with what the database holds."""
    with sqlite3.connect(database) as db:
        for person in people:
            rows = db.execute(
                "SELECT id, external_id, direction, in_reply_to, kind, answered_at FROM message"
                " WHERE conversation_id = ? ORDER BY seq",
                (person.conversation_id,),
            ).fetchall()
            asked = {row[1]: row[0] for row in rows if row[2] == "in"}
            turns = [row[3] for row in rows if row[2] == "out" and row[3] is not None and row[4] != "holding"]
            outcome.acknowledged += len(person.acknowledged)
            outcome.lost += sum(name not in asked for name in person.acknowledged)
            # A message that one of despair overtook is answered by the safety reply to that one.
            safety = max((row[3] for row in rows if row[4] == "safety" and row[3]), default=0)
            overtaken = {row[0] for row in rows if row[2] == "in" and row[5] and row[0] < safety}
            outcome.unanswered += sum(asked.get(name) not in overtaken.union(turns) for name in person.acknowledged)
            # The replies to one message stand together: a second run of them would show up further down.
            runs = [turn for place, turn in enumerate(turns) if place == 0 or turns[place - 1] != turn]
            outcome.answered_twice += sum(times - 1 for times in Counter(runs).values())
            outcome.out_of_order += runs != sorted(runs)
            outcome.out_of_order += [asked[n] for n in person.acknowledged if n in asked] != sorted(
                asked[n] for n in person.acknowledged if n in asked
            )
            # A wish for a human is no risk: a conversation that gets as far as the clinic's offer may hold one.
            cases = db.execute(
                "SELECT id FROM \"case\" WHERE conversation_id = ? AND reason <> 'wish'", (person.conversation_id,)
            ).fetchall()
            outcome.wrong_cases += len(cases) != (1 if person.in_danger else 0)
            holds = db.execute(
                "SELECT count(*) FROM appointment WHERE conversation_id = ? AND status = 'held'",
                (person.conversation_id,),
            ).fetchone()[0]
            outcome.wrong_holds += holds != (1 if person.in_danger else 0)
        alerts = db.execute("SELECT count(*) FROM alert GROUP BY case_id, tier, route, round").fetchall()
        outcome.doubled_alerts = sum(number - 1 for (number,) in alerts)
    db.close()


def _open_messages(database: Path) -> int:
    db = sqlite3.connect(database)
    try:
        query = "SELECT count(*) FROM message WHERE direction = 'in' AND answered_at IS NULL"
        return int(db.execute(query).fetchone()[0])
    finally:
        db.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=50, help="half of them the bot, half of them Rasa")
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--real", action="store_true", help="with the real Rasa: about 20 s a kill")
    given = arguments.parse_args()
    os.environ.setdefault("EVOKE_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory(prefix="evoke-kills-") as folder:
        bot = given.kills - given.kills // 2
        outcome = run(
            Path(folder),
            bot_kills=bot,
            rasa_kills=given.kills // 2,
            clients=given.clients,
            seed=given.seed,
            real=given.real,
        )
    print(outcome.line(), "GOOD" if outcome.is_good else "BAD")
    raise SystemExit(0 if outcome.is_good else 1)


if __name__ == "__main__":
    main()
