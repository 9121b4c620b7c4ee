"""Fidelity and use over the weeks, and the charts themselves."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from bot.console.charts import Point, bars, both_ways, columns, lines
from bot.store.messages import Outbound, add_inbound, add_outbound
from bot.store.models import Base, Conversation
from tests.fakes.console import NOW, SAID, sign_in, tab

UTC_ZONE = ZoneInfo("UTC")


async def test_the_weeks_are_counted_without_showing_what_anybody_wrote(browser, clinic):
    def talked(session):
        conversation = session.get(Conversation, "talk")
        for back in (0, 7):
            at = NOW - timedelta(days=back)
            message, _ = add_inbound(session, "talk", external_id=None, kind="text", text=SAID, payload={}, now=at)
            reply = Outbound(
                "Peace is what you want. What would help?",
                moves=("complex_reflection:reflect", "open_question:evoke.open"),
            )
            add_outbound(session, conversation, [reply], message.id, at)

    clinic.db.write_now(talked)
    await sign_in(browser)
    page = (await browser.get("/console/use")).text
    assert "marker-88ab" not in page
    figure = next(one for one in page.split("<figure>") if "<figcaption>Messages from clients" in one)
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td></tr>', figure))
    assert (rows["23 Nov"], rows["16 Nov"], rows["9 Nov"]) == ("2", "1", "0")
    assert "Complex reflection" in page
    assert page.count("<svg") == page.count("<desc") == page.count("<table") >= 6


async def test_a_clinic_without_a_single_client_has_a_page_too(clinic):
    def empty(session):
        for table in ("alert", "appointment", "case", "message", "conversation", "client"):
            session.execute(delete(Base.metadata.tables[table]))

    clinic.db.write_now(empty)
    async with tab(clinic, role="clinician") as browser:
        for page in ("use", "clients", "supervision", "notifications", "appointments?view=week"):
            assert (await browser.get(f"/console/{page}")).status_code == 200, page
        assert "Nothing has happened yet" in (await browser.get("/console/use")).text


def test_a_chart_says_in_words_and_numbers_what_it_shows():
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    chart = lines("r", "Rulers", {"Sure": [Point(at, 3), Point(at + timedelta(days=8), 6.5)]}, UTC_ZONE, most=10)
    assert chart is not None
    assert chart.summary == "From 2 Nov to 10 Nov. Sure: 3 to 6.5."
    assert chart.rows == (("2 Nov, 12:00", "3"), ("10 Nov, 12:00", "6.5"))
    assert 'aria-labelledby="r-t r-d"' in chart.svg
    assert "style=" not in chart.svg


def test_charts_of_nothing_are_not_drawn():
    assert lines("a", "A", {"x": []}, UTC_ZONE, most=10) is None
    assert columns("a", "A", "Week", [("1", 0), ("2", 0)]) is None
    assert both_ways("a", "A", "Day", "up", "down", [("1", 0, 0)]) is None


def test_names_in_a_chart_cannot_become_markup():
    hostile = '<script>alert("x")</script>'
    chart = bars("a", hostile, [(hostile, 1.0, hostile)], most=2)
    assert "<script" not in chart.svg


def test_labels_at_the_ends_of_lines_do_not_touch():
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    series = {name: [Point(at, 5)] for name in ("Importance", "Confidence", "Readiness")}
    chart = lines("a", "A", series, UTC_ZONE, most=10)
    assert chart is not None
    heights = [float(y) for y in re.findall(r'<text x="280.0" y="([\d.]+)"', chart.svg)]
    assert len(heights) == 3
    assert min(b - a for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False)) >= 11
