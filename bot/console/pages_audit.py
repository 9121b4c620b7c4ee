"""The audit: who looked at or changed what, filtered, as a page and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bot.console.csv_file import csv_file
from bot.console.desk import Desk
from bot.console.words import audit_line
from bot.store.models import Audit, Staff

LINES = 100
MOST_IN_FILE = 50_000
NOBODY = "evoke"
"""In the filter: what Evoke did by itself."""


@dataclass(frozen=True)
class Filter:
    """What is asked for; empty leaves it open. What cannot be read counts as empty."""

    who: str = ""
    what: str = ""
    about: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, request: Request) -> Filter:
        """As the address says."""
        return cls(**{field: request.query_params.get(field, "").strip()[:64] for field in cls.__dataclass_fields__})

    def apply(self, query: Select[Any, Any], zone: ZoneInfo) -> Select[Any, Any]:
        """The query with these conditions. Days are the clinic's, both included."""
        if self.who:
            query = query.where(Audit.staff_id.is_(None) if self.who == NOBODY else Audit.staff_id == self.who)
        if self.what:
            query = query.where(Audit.action == self.what)
        if self.about:
            query = query.where(Audit.subject.startswith(self.about, autoescape=True))
        since, until = _day(self.since), _day(self.until)
        if since:
            query = query.where(Audit.at >= datetime.combine(since, time(), zone))
        if until:
            query = query.where(Audit.at < datetime.combine(until + timedelta(days=1), time(), zone))
        return query

    def address(self, path: str, **more: object) -> str:
        """A path with this filter in it."""
        said = {field: getattr(self, field) for field in self.__dataclass_fields__}
        query = urlencode({key: value for key, value in {**said, **more}.items() if value})
        return f"{path}?{query}" if query else path


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    def lines() -> Select[Any, Any]:
        return select(Audit, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id).order_by(Audit.id.desc())

    @pages.get("/audit")
    async def audit_page(request: Request) -> Response:
        visitor, asked = await desk.visitor(request, "see_audit"), Filter.of(request)
        before = request.query_params.get("before", "")

        def load(session: Session) -> dict[str, Any]:
            desk.audit(session, visitor, "view_audit")
            session.flush()
            query = asked.apply(lines(), desk.clinic.zone)
            if before.isdigit() and len(before) < 10:
                query = query.where(Audit.id < int(before))
            rows = list(session.execute(query.limit(LINES + 1)))
            return {
                "lines": rows[:LINES],
                "older": rows[LINES - 1][0].id if len(rows) > LINES else None,
                "people": list(session.execute(select(Staff.id, Staff.name).order_by(Staff.name))),
                "actions": sorted(session.scalars(select(Audit.action).distinct()), key=audit_line),
            }

        return desk.page("audit.html", visitor, asked=asked, nobody=NOBODY, **await desk.write(load))

    @pages.get("/audit.csv")
    async def audit_file(request: Request) -> Response:
        visitor, asked = await desk.visitor(request, "see_audit"), Filter.of(request)

        def load(session: Session) -> list[Any]:
            desk.audit(session, visitor, "export_audit")
            query = asked.apply(lines(), desk.clinic.zone)
            return [
                (line.at.isoformat(), name or "Evoke", audit_line(line.action), line.subject)
                for line, name in session.execute(query.limit(MOST_IN_FILE))
            ]

        return csv_file("audit.csv", [("when (UTC)", "who", "what", "about"), *await desk.write(load)])


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None
