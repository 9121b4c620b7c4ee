"""Invitations in the console: made, shown once, withdrawn."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from bot.settings import Settings
from bot.store.models import Invitation
from tests.fakes.console import audit, post, sign_in


@pytest.fixture(autouse=True)
def _addresses(clinic):
    clinic.app.state.settings = Settings(public_url="https://bot.clinic.example")
    clinic.app.state.telegram_name = lambda: "evoke_test_bot"


def kept(clinic):
    return clinic.db.read_now(lambda session: list(session.scalars(select(Invitation))))


async def test_an_invitation_is_made_shown_once_and_withdrawn(clinic, browser):
    await sign_in(browser, "front_desk")
    made = await post(browser, "/console/invitations", note="referral <b>4711</b>", days="7")
    found = re.search(r"https://bot\.clinic\.example/join#(i_[\w-]{22})", made.text)
    assert found
    assert f"https://t.me/evoke_test_bot?start={found[1]}" in made.text
    later = (await browser.get("/console/invitations")).text
    assert found[1] not in later
    assert "referral &lt;b&gt;4711&lt;/b&gt;" in later
    assert "open until Mon 30 Nov 2026" in later
    [row] = kept(clinic)
    assert found[1] not in f"{row.id} {row.digest} {row.note}"
    await post(browser, f"/console/invitations/{row.id}/withdraw")
    assert "withdrawn" in (await browser.get("/console/invitations")).text
    assert [line[:2] for line in audit(clinic) if line[2] == row.id] == [
        ("front_desk", "invite"),
        ("front_desk", "withdraw_invitation"),
    ]


@pytest.mark.parametrize("fields", [{"days": "0"}, {"days": "9999"}, {"days": "x"}, {"days": "7", "note": "x" * 121}])
async def test_an_invitation_with_odd_fields_is_not_made(clinic, browser, fields):
    await sign_in(browser, "front_desk")
    assert (await post(browser, "/console/invitations", **fields)).status_code == 400
    assert kept(clinic) == []


async def test_an_auditor_cannot_invite(clinic, browser):
    await sign_in(browser, "auditor")
    assert (await post(browser, "/console/invitations", days="7")).status_code == 403
    assert (await browser.get("/console/invitations")).status_code == 403
