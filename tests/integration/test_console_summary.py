"""The clinician's summary in the console: who sees it, what it holds, and that each look is noted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import select

from bot.clinic.config import ClinicConfig
from bot.clinic.sharing import ITEMS, choose
from bot.store.models import Client, Message
from tests.fakes.console import NOW, audit, tab
from tests.unit.clinic.conftest import add_client
from tests.unit.clinic.stories import tell

PAGES = ("summary", "summary.pdf", "summary.fhir.json")
HOSTILE = " <script>alert(1)</script>"


@pytest.fixture
def told(clinic: Any) -> Any:
    """A client "eve" with something in every part, sharing everything; their words are hostile."""

    def fill(session: Any) -> None:
        add_client(session, "eve")
        client = tell(session, ClinicConfig.demo(), NOW, "eve", marker=HOSTILE)
        choose(client, dict.fromkeys(ITEMS, True))

    clinic.db.write_now(fill)
    return clinic


async def test_the_page_shows_every_part_and_links_each_line_to_its_turn(told: Any) -> None:
    async with tab(told, role="clinician") as browser:
        page = (await browser.get("/console/clients/eve/summary")).text
    for expected in ("drinking", "PHQ-9: 8 of 27: mild", "Importance: 8", "Leave the wine", "no diagnosis", "Plan, in"):
        assert expected in page
    for link in ("turn-web-2", "turn-web-4", "turn-web-8"):
        assert f'href="#{link}"' in page
        assert f'id="{link}"' in page
    assert "<script>alert" not in page


async def test_the_files_are_downloads_and_the_bundle_is_valid(told: Any) -> None:
    async with tab(told, role="clinician") as browser:
        pdf = await browser.get("/console/clients/eve/summary.pdf")
        fhir = await browser.get("/console/clients/eve/summary.fhir.json")
    assert pdf.content.startswith(b"%PDF-")
    Bundle.model_validate(json.loads(fhir.text))
    for answer in (pdf, fhir):
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["cache-control"] == "no-store"


async def test_what_the_client_takes_back_is_gone_from_the_next_look(told: Any) -> None:
    told.db.write_now(lambda session: choose(session.get_one(Client, "eve"), dict.fromkeys(ITEMS, False)))
    async with tab(told, role="clinician") as browser:
        page = (await browser.get("/console/clients/eve/summary")).text
    assert page.count("Not shared by the client.") == 4
    assert "Safety case: moderate" in page, "what concerns safety is always there"
    said = told.db.read_now(
        lambda session: list(session.scalars(select(Message.text).where(Message.conversation_id == "eve-talk")))
    )
    assert not [text for text in said if text.removesuffix(HOSTILE) in page and len(text) > 40]


async def test_each_look_and_each_download_is_in_the_audit(told: Any) -> None:
    async with tab(told, role="clinician") as browser:
        for name in PAGES:
            await browser.get(f"/console/clients/eve/{name}")
    assert audit(told)[-3:] == [
        ("clinician", "view_summary", "eve"),
        ("clinician", "take_summary_pdf", "eve"),
        ("clinician", "take_summary_fhir", "eve"),
    ]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("role", "status"), [("clinician", 200), ("admin", 200), ("front_desk", 403), ("auditor", 403)]
)
async def test_only_clinicians_and_administrators_see_it(told: Any, role: str, status: int, name: str) -> None:
    async with tab(told, role=role) as browser:
        assert (await browser.get(f"/console/clients/eve/{name}")).status_code == status


async def test_an_erased_client_has_none(told: Any) -> None:
    async with tab(told, role="clinician") as browser:
        assert (await browser.get("/console/clients/gone/summary.pdf")).status_code == 404
