"""Everything that is kept about a client as a page to read: the same as the JSON, in words."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ruamel.yaml import YAML
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.intake import SHARING
from bot.clinic.rights import export_client
from bot.clinic.screeners import ScreenerError, load
from bot.clinic.sharing import ITEMS, agreed
from bot.clinic.slots import MONTHS
from bot.clinic.summary import words as summary_words
from bot.mi.state import MIState
from bot.mi.strategy import PLAN_LABELS
from bot.store.models import Client

SHOWN = {"client", "conversation", "message", "questionnaire", "appointment", "case"}
"""Tables that have a section of their own; what is in others is listed under "other things"."""
INNER = ("id", "client_id", "conversation_id", "case_id", "message_id")


@dataclass(frozen=True)
class Entry:
    text: str
    about: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """One heading with facts (name and value) and lines."""

    title: str
    note: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    lines: list[Entry] = field(default_factory=list)


def export_page(session: Session, config: ClinicConfig, client_id: str, now: datetime) -> str:
    """The page, complete in itself: no script, nothing fetched.

    Raises:
        ClientNotFound: there is no such client.
    """
    kept = export_client(session, client_id)
    client = session.get_one(Client, client_id)
    zone = ZoneInfo(client.time_zone or config.time_zone)
    sections = list(_Page(kept, client, config, zone).sections())
    made = _when(now.isoformat(), zone)
    return str(_template().render(words=_words(), clinic=config.name, made=made, sections=sections))


class _Page:
    def __init__(self, kept: Mapping[str, Any], client: Client, config: ClinicConfig, zone: ZoneInfo) -> None:
        self.kept, self.client, self.config, self.zone, self.words = kept, client, config, zone, _words()

    def sections(self) -> Iterable[Section]:
        titles, notes = self.words["sections"], self.words["notes"]
        yield Section(titles["you"], facts=self._you())
        yield Section(titles["shared"], facts=self._shared())
        yield Section(titles["talk"], lines=[self._message(row) for row in self.kept["message"]])
        yield Section(titles["thoughts"], notes["thoughts"], *self._thoughts())
        yield Section(titles["questionnaires"], lines=list(self._answers()))
        yield Section(titles["appointments"], lines=[self._appointment(row) for row in self.kept["appointment"]])
        yield Section(titles["safety"], notes["safety"], lines=[self._case(row) for row in self.kept["case"]])
        yield Section(titles["others"], lines=list(self._others()))
        yield Section(titles["looked"], notes["looked"], lines=[self._look(row) for row in self.kept["audit"]])

    def _you(self) -> list[tuple[str, str]]:
        row, facts = self.kept["client"][0], self.words["facts"]
        found = [
            (facts[name], str(row[name])) for name in ("id", "name", "contact", "language", "time_zone") if row[name]
        ]
        found.append((facts["created_at"], _when(row["created_at"], self.zone)))
        if row["consented_at"]:
            when = _when(row["consented_at"], self.zone)
            found.append((facts["consent"], facts["consent_value"].format(version=row["consent_version"], when=when)))
        return found

    def _shared(self) -> list[tuple[str, str]]:
        now = agreed(self.client)
        return [(summary_words()["shares"][item], self.words["yes_no"][item in now]) for item in ITEMS]

    def _message(self, row: Mapping[str, Any]) -> Entry:
        who = "client" if row["direction"] == "in" else "clinician" if row["kind"] == "clinician" else "bot"
        about = f"{self.words['speakers'][who]}, {_when(row['created_at'], self.zone)}"
        return Entry(row["text"], about, "you" if who == "client" else "")

    def _thoughts(self) -> tuple[list[tuple[str, str]], list[Entry]]:
        facts: list[tuple[str, str]] = []
        lines: list[Entry] = []
        for row in self.kept["conversation"]:
            state = MIState.from_dict(row["mi_state"])
            if state.topic:
                facts.append((self.words["facts"]["topic"], state.topic.replace("_", " ")))
            facts += [(summary_words()["rulers"].get(r.name, r.name), str(r.value)) for r in state.rulers]
            facts += [(PLAN_LABELS.get(name, name), str(value)) for name, value in state.plan.items() if value]
            lines += [
                Entry(quote.text, self.words["talk_for" if quote.sign == "+" else "talk_against"])
                for quote in state.quotes
            ]
        return facts, lines

    def _answers(self) -> Iterable[Entry]:
        for row in self.kept["questionnaire"]:
            if row["instrument"] in SHARING:
                continue
            status = self.words["statuses"].get(row["status"], row["status"])
            try:
                words = self.config.intake.dast10_file if row["instrument"] == "dast10" else None
                screener = load(row["instrument"], words)
            except ScreenerError:
                yield Entry(str(row["answers"]), f"{row['instrument']}, {status}")
                continue
            about = f"{screener.name}, {status}, {_when(row['offered_at'], self.zone)}"
            if not row["answers"]:
                yield Entry(screener.title, about)
            for answer in row["answers"]:
                item = screener.item(answer["item"])
                option = item.option(answer["value"]) if item else None
                said = option.text if option else self.words["skipped"]
                yield Entry(f"{item.text if item else answer['item']}: {said}", about)

    def _appointment(self, row: Mapping[str, Any]) -> Entry:
        clinician = self.config.clinician(row["clinician"])
        who = clinician.name if clinician else row["clinician"]
        return Entry(f"{_when(row['starts_at'], self.zone)}, {who}", self.words["statuses"].get(row["status"], ""))

    def _case(self, row: Mapping[str, Any]) -> Entry:
        labels = summary_words()
        kinds = ", ".join(labels["kinds"].get(kind, kind) for kind in row["kinds"])
        what = labels["reasons"][row["reason"]] + (f" ({kinds})" if kinds else "")
        state = self.words["case_closed" if row["closed_at"] else "case_open"]
        about = f"{_when(row['opened_at'], self.zone)}, {state}" + (f": {row['outcome']}" if row["outcome"] else "")
        return Entry(self.words["case"].format(what=what, tier=labels["tiers"][row["tier"]]), about)

    def _others(self) -> Iterable[Entry]:
        """Whatever tables there are besides, column by column, so that nothing that is kept is left out."""
        for table, rows in self.kept.items():
            if table in SHOWN or not isinstance(rows, list) or table == "audit":
                continue
            for row in rows:
                held = {
                    name: value for name, value in row.items() if value not in (None, "", [], {}) and name not in INNER
                }
                yield Entry("; ".join(f"{name}: {value}" for name, value in held.items()), table.replace("_", " "))

    def _look(self, row: Mapping[str, Any]) -> Entry:
        actions = self.words["actions"]
        said = actions.get(row["action"]) or actions["other"].format(action=row["action"].replace("_", " "))
        return Entry(said, _when(row["at"], self.zone))


def _when(moment: str, zone: ZoneInfo) -> str:
    local = datetime.fromisoformat(moment).astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"


@functools.cache
def _words() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("export.yml").read_text(encoding="utf-8")))


def _template() -> Any:
    folder = Path(__file__).with_name("templates")
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("export.html")
