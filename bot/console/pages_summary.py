"""The clinician's summary of a client: a page, and its downloads as PDF and FHIR. Each look is in the audit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.fhir import bundle
from bot.clinic.summary import Source, Summary, summarise, words
from bot.clinic.summary_pdf import risk_text, score_text, summary_pdf
from bot.console.charts import Chart, Point, lines
from bot.console.desk import Desk, Refused, Visitor
from bot.console.talks import called
from bot.store.models import Client

FILES: dict[str, tuple[str, str, Callable[[Summary, ClinicConfig], bytes]]] = {
    # name -> media type, what the audit calls it, how it is made
    "summary.pdf": ("application/pdf", "take_summary_pdf", summary_pdf),
    "summary.fhir.json": (
        "application/fhir+json",
        "take_summary_fhir",
        lambda summary, config: json.dumps(bundle(summary, config), indent=2, ensure_ascii=False).encode(),
    ),
}


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    async def load(client_id: str, visitor: Visitor, action: str) -> Summary:
        def read(session: Session) -> Summary | None:
            client = session.get(Client, client_id)
            if client is None:
                return None
            desk.audit(session, visitor, action, client.id)
            return summarise(session, desk.clinic, client, desk.now())

        summary: Summary | None = await desk.write(read)
        if summary is None:
            raise Refused(404, "No such client", "They may have had everything erased.")
        return summary

    @pages.get("/clients/{client_id}/summary")
    async def summary_page(client_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "see_client")
        summary = await load(client_id, visitor, "view_summary")
        return desk.page(
            "summary.html",
            visitor,
            summary=summary,
            who=called(summary.client),
            words=words(),
            chart=_chart(summary, desk.clinic),
            score=score_text,
            risk=risk_text,
            where=where,
        )

    def add_file(name: str) -> None:
        media_type, action, make = FILES[name]

        @pages.get(f"/clients/{{client_id}}/{name}")
        async def summary_file(client_id: str, request: Request) -> Response:
            visitor = await desk.visitor(request, "see_client")
            summary = await load(client_id, visitor, action)
            body = await asyncio.to_thread(make, summary, desk.clinic)  # a PDF takes half a second
            headers = {"Content-Disposition": f'attachment; filename="{summary.client.id[:8]}-{name}"'}
            return Response(body, media_type=media_type, headers=headers)

    for name in FILES:
        add_file(name)


def where(source: Source) -> str:
    """ "turn 12", with the channel where it is not the web page's chat."""
    return f"turn {source.turn}" + ("" if source.channel == "web" else f" on {source.channel.capitalize()}")


def _chart(summary: Summary, config: ClinicConfig) -> Chart | None:
    """The rulers over time."""
    series: dict[str, list[Point]] = {}
    for line in summary.rulers:
        if line.source is not None and line.value is not None:
            name = words()["rulers"].get(line.label, line.label)
            series.setdefault(name, []).append(Point(line.source.at, line.value))
    return lines("rulers", words()["chart"], series, config.zone, most=10)
