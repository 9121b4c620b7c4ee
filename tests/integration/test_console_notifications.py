"""The page of notifications: what was sent where, what failed, and what is next."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.clinic.config import ClinicConfig, Notifications
from bot.store.messages import Outbound, add_outbound
from bot.store.models import Alert, Conversation
from tests.fakes.console import NOW, post, sign_in


async def test_the_notifications_say_what_was_sent_what_failed_and_what_is_next(browser, clinic):
    mail = {"name": "on-call", "kind": "mail", "to": ["a@clinic.example"], "sender": "evoke@clinic.example"}
    routes = [mail, {"name": "console", "kind": "console"}]
    notifications = Notifications.model_validate({"routes": routes})
    clinic.app.state.clinic = ClinicConfig.demo().model_copy(update={"notifications": notifications})

    def fail(session: Any) -> None:
        sent = session.scalars(select(Alert)).one()
        sent.sent_at, sent.attempts = NOW, 1
        session.add(
            Alert(
                case_id=clinic.case,
                tier="high",
                route="on-call",
                round=0,
                created_at=NOW,
                due_at=NOW + timedelta(minutes=2),
                attempts=3,
                error="it answered 500",
            )
        )

    clinic.db.write_now(fail)
    await sign_in(browser)
    page = re.sub(r"<[^>]+>|\s+", " ", (await browser.get("/console/notifications")).text)
    page = re.sub(" +", " ", page)
    assert "on-call mail failing: it answered 500" in page
    assert (
        "Failed 3 times on on-call : High Client ana , first page it answered 500. Next try Mon 23 Nov 2026, 10:02"
        in page
    )
    assert "Sent Mon 23 Nov 2026, 10:00 on console" in page
    assert "High Client ana : Mon 23 Nov 2026, 10:10" in page
    assert "marker-88ab" not in page
    await post(browser, f"/console/cases/{clinic.case}/acknowledge")
    page = (await browser.get("/console/notifications")).text
    assert "Not needed any more" in page
    assert "Next reminders" not in page


async def test_a_clinic_that_only_has_the_console_is_told_so(browser):
    await sign_in(browser)
    assert "Only this console is told" in (await browser.get("/console/notifications")).text


async def test_messages_that_telegram_does_not_take_are_shown(browser, clinic):
    def wait(session: Any) -> None:
        session.get(Conversation, "talk").channel = "telegram"
        add_outbound(session, session.get(Conversation, "talk"), [Outbound("Hello")], None, NOW)

    clinic.db.write_now(wait)
    await sign_in(browser)
    assert "not got through" not in (await browser.get("/console/notifications")).text
    clinic.now += timedelta(minutes=3)
    assert "1 message to clients on Telegram has not got through" in (await browser.get("/console/notifications")).text
