"""Staff see that a client with an open case cannot be reached any more."""

from __future__ import annotations

from bot.store import places
from bot.store.models import Conversation
from tests.fakes.console import sign_in


async def test_a_client_who_has_blocked_the_bot_is_marked_in_the_queue_and_the_case(clinic, browser):
    def block(session):
        places.use(session, session.get_one(Conversation, "talk"), "telegram", "7", clinic.now)
        places.set_unreachable(session, "telegram", "7", clinic.now)

    await sign_in(browser)
    assert "blocked the bot" not in (await browser.get("/console/queue")).text
    clinic.db.write_now(block)
    assert "blocked the bot" in (await browser.get("/console/queue")).text
    page = (await browser.get(f"/console/cases/{clinic.case}")).text
    assert "Nothing arrives at this client since Mon 23 Nov 2026" in page
    assert "ana@mail.example" in page
