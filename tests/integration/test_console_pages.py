"""The console as a browser without JavaScript sees it."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.console.router import router
from bot.store.messages import add_inbound
from bot.store.models import Appointment, Case, Client, Conversation, Message
from tests.fakes.console import audit, post, sign_in, stored, stored_messages

# Cases


async def test_the_queue_says_who_waits_how_long_and_how_serious_it_is(browser, clinic):
    clinic.now += timedelta(minutes=65)
    await sign_in(browser)
    page = (await browser.get("/console/queue")).text
    for words in ("High", "Client ana", "1 h 5 min", "Safety risk: suicide", "Nobody has acknowledged it"):
        assert words in page
    assert "url=/console/queue?refresh=1" in page
    assert "marker-88ab" not in page


async def test_the_page_can_be_kept_still(browser):
    await sign_in(browser)
    assert "url=/console/queue?refresh=1" not in (await browser.get("/console/queue?still=1")).text


async def test_a_case_is_acknowledged_and_closed_with_an_outcome(browser, clinic):
    await sign_in(browser)
    address = f"/console/cases/{clinic.case}"
    await post(browser, f"{address}/acknowledge")
    assert stored(clinic, Case, clinic.case).acknowledged_by == "clinician"
    refused = await post(browser, f"{address}/close", outcome="made up")
    assert refused.status_code == 400
    assert stored(clinic, Case, clinic.case).closed_at is None
    outcome = "Spoke with the client; no current risk"
    answer = await post(browser, f"{address}/close", outcome=outcome, note="Will ring again.")
    assert answer.headers["location"] == "/console/queue"
    assert stored(clinic, Case, clinic.case).outcome == f"{outcome}. Will ring again."
    assert "Nobody is waiting" in (await browser.get("/console/queue")).text


async def test_what_a_client_wrote_is_shown_as_text_and_never_run(browser, clinic):
    await sign_in(browser)
    page = (await browser.get(f"/console/cases/{clinic.case}")).text
    assert "marker-88ab &lt;script&gt;" in page
    assert "<script>" not in page


async def test_the_conversation_is_closed_to_staff_once_no_risk_is_open_unless_the_client_shares_it(browser, clinic):
    await sign_in(browser)
    address = f"/console/cases/{clinic.case}"
    assert "marker-88ab" in (await browser.get(address)).text
    await post(browser, f"{address}/close", outcome="Not a safety concern")
    page = (await browser.get(address)).text
    assert "marker-88ab" not in page
    assert "has not agreed to share" in page

    def share(session: Any) -> None:
        session.get(Client, "ana").share_with_clinic = True

    clinic.db.write_now(share)
    assert "marker-88ab" in (await browser.get(address)).text


async def test_every_view_of_a_case_is_noted_without_content(browser, clinic):
    await sign_in(browser)
    before = len(audit(clinic))
    await browser.get(f"/console/cases/{clinic.case}")
    for _ in range(2):
        await browser.get(f"/console/cases/{clinic.case}?refresh=1")
    assert audit(clinic)[before:] == [("clinician", "view_case", clinic.case)]
    await browser.get("/console/queue?refresh=1")
    assert audit(clinic)[-1] == ("clinician", "view_queue", "")  # whoever asks like the page itself is noted too
    assert not [line for line in audit(clinic) if "marker" in str(line)]


async def test_an_unknown_case_is_a_page_too(browser):
    await sign_in(browser)
    answer = await browser.get("/console/cases/none")
    assert answer.status_code == 404
    assert "No such case" in answer.text


async def test_a_clinician_writes_to_the_client_under_their_own_name(browser, clinic):
    await sign_in(browser)
    address, case = "/console/clients/ana", {"case": clinic.case}
    answer = await post(browser, f"{address}/write", text="Can I ring you at six?", **case)
    assert answer.headers["location"] == f"/console/cases/{clinic.case}#conversation"
    last = stored_messages(clinic)[-1]
    assert last.text == "Sam clinician, Demo clinic:\nCan I ring you at six?"
    assert (last.kind, last.direction, clinic.signals) == ("clinician", "out", ["talk"])
    assert ("clinician", "write_to_client", "ana") in audit(clinic)
    for text in ("  ", "x" * 2001):
        assert (await post(browser, f"{address}/write", text=text)).status_code == 400
    await post(browser, f"/console/cases/{clinic.case}/close", outcome="Not a safety concern")
    assert (await post(browser, f"{address}/write", text="Hello?")).status_code == 403
    assert (await post(browser, f"{address}/take-over")).status_code == 403
    assert len(clinic.signals) == 1


async def test_a_case_is_assigned_and_noted_on(browser, clinic):
    await sign_in(browser)
    address = f"/console/cases/{clinic.case}"
    await post(browser, f"{address}/assign", to="admin")
    assert "Meant for Sam admin" in (await browser.get("/console/queue")).text
    assert stored(clinic, Case, clinic.case).acknowledged_at is None
    assert (await post(browser, f"{address}/assign", to="front_desk")).status_code == 400
    await post(browser, f"{address}/notes", note="Rang twice, no answer.")
    assert (await post(browser, f"{address}/notes", note="   ")).status_code == 400
    page = (await browser.get(address)).text
    assert page.count("Rang twice, no answer.") == 1
    assert [line for line in audit(clinic) if line[1] in ("assign_case", "note_case")] == [
        ("clinician", "assign_case", clinic.case),
        ("clinician", "note_case", clinic.case),
    ]


async def test_a_clinician_takes_over_and_hands_back_and_the_client_is_told(browser, clinic):
    await sign_in(browser)
    case = {"case": clinic.case}
    assert "Evoke is answering this client" in (await browser.get(f"/console/cases/{clinic.case}")).text
    await post(browser, "/console/clients/ana/take-over", **case)
    assert stored_messages(clinic)[-1].text.startswith("Sam clinician from Demo clinic is here now")
    assert "You are talking with this client" in (await browser.get(f"/console/cases/{clinic.case}")).text
    assert "You are" in (await browser.get("/console/queue")).text
    await post(browser, "/console/clients/ana/hand-back", **case)
    assert stored_messages(clinic)[-1].text.startswith("Sam clinician has left this chat")
    assert clinic.signals == ["talk", "talk"]
    deeds = [line for line in audit(clinic) if line[1] in ("take_over", "hand_back")]
    assert deeds == [("clinician", "take_over", "ana"), ("clinician", "hand_back", "ana")]


async def test_a_colleague_cannot_take_over_what_is_taken_but_can_hand_it_back(browser, clinic):
    await sign_in(browser)
    await post(browser, "/console/clients/ana/take-over")
    await post(browser, "/console/sign-out")
    await sign_in(browser, "admin")
    answer = await post(browser, "/console/clients/ana/take-over")
    assert answer.status_code == 409
    assert "Sam clinician is talking with this client already" in answer.text
    assert (await post(browser, "/console/clients/ana/hand-back")).status_code == 303
    assert stored(clinic, Client, "ana").taken_by is None


async def test_closing_the_last_case_hands_the_client_back(browser, clinic):
    await sign_in(browser)
    await post(browser, "/console/clients/ana/take-over")
    await post(browser, f"/console/cases/{clinic.case}/close", outcome="Not a safety concern")
    assert stored(clinic, Client, "ana").taken_by is None
    assert stored_messages(clinic)[-1].text.startswith("Sam clinician has left this chat")


async def test_without_consent_or_risk_only_what_is_said_to_a_person_is_shown(browser, clinic):
    def wish(session: Any) -> None:
        session.get(Case, clinic.case).reason = "wish"

    clinic.db.write_now(wish)
    await sign_in(browser)
    clinic.now += timedelta(minutes=5)
    await post(browser, "/console/clients/ana/take-over")

    def answer(session: Any) -> None:
        conversation = session.get(Conversation, "talk")
        add_inbound(session, conversation.id, external_id=None, kind="text", text="to-you", payload={}, now=clinic.now)

    clinic.db.write_now(answer)
    page = (await browser.get("/console/clients/ana")).text
    assert "to-you" in page
    assert "marker-88ab" not in page
    clinic.now += timedelta(minutes=7)
    assert "They have waited 7 min for an answer" in (await browser.get("/console/queue")).text
    await post(browser, "/console/clients/ana/hand-back")
    assert "to-you" not in (await browser.get("/console/clients/ana")).text


# Clients


async def test_a_client_is_found_by_name_contact_or_id(browser, clinic):
    await sign_in(browser)
    for wanted in ("", "ana", "ANA@mail"):
        assert "/console/clients/ana" in (await browser.get("/console/clients", params={"q": wanted})).text
    page = (await browser.get("/console/clients", params={"q": "%"})).text
    assert "/console/clients/ana" in page
    assert "Nobody is called that" in (await browser.get("/console/clients", params={"q": "zoe<script>"})).text
    assert (await browser.get("/console/clients/none")).status_code == 404


async def test_a_client_s_page_shows_what_they_share_and_no_more(browser, clinic):
    def talked(session: Any) -> None:
        session.get(Message, 1).heard = {"turn": 3, "process": "evoke", "talk": "change", "codes": ["+reason"]}
        quotes = [{"text": "you want to see your son grow up", "sign": "+", "code": "reason", "turn": 3}]
        state = {"topic": "drinking", "quotes": quotes, "plan": {"first_step": "Ring my sister"}}
        state["rulers"] = [{"name": "importance", "value": 7, "turn": 3}]
        session.get(Conversation, "talk").mi_state = state

    clinic.db.write_now(talked)
    await sign_in(browser)
    page = (await browser.get("/console/clients/ana")).text
    for words in ("see my son grow up", "Ring my sister", "<svg", "drinking"):
        assert words not in page

    def share(session: Any) -> None:
        session.get(Client, "ana").share_with_clinic = True

    clinic.db.write_now(share)
    page = (await browser.get("/console/clients/ana")).text
    for words in ("“I want to see my son grow up”", 'href="#m1"', "Ring my sister", "drinking", "Importance 7"):
        assert words in page
    assert page.count("<svg") == page.count("<desc") == 2
    assert ("clinician", "view_client", "ana") in audit(clinic)


# Live


async def test_a_page_that_renews_itself_asks_for_a_sign_in_where_the_person_sees_it(browser):
    answer = await browser.get("/console/queue?refresh=1", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/console/sign-in")


def test_the_scripts_are_the_ones_that_the_licence_names():
    folder = Path(router.__code__.co_filename).parent / "static"
    named = re.findall(r"^(\S+\.js): .*\nsha256 (\w{64})$", (folder / "htmx-LICENSE.txt").read_text(), flags=re.M)
    assert {name for name, _ in named} == {path.name for path in folder.glob("htmx*.js")}
    for name, digest in named:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


# Appointments


async def test_the_front_desk_sees_and_cancels_appointments(browser, clinic):
    await sign_in(browser, "front_desk")
    page = (await browser.get("/console/appointments")).text
    assert "Mon 23 Nov 2026" in page
    assert "Dr Rivera" in page
    assert "ana@mail.example" in page
    appointment = clinic.db.read_now(lambda session: session.scalars(select(Appointment.id)).one())
    await post(browser, f"/console/appointments/{appointment}/cancel")
    assert stored(clinic, Appointment, appointment).status == "cancelled"
    assert ("front_desk", "cancel_appointment", appointment) in audit(clinic)
    last = stored_messages(clinic)[-1]
    assert last.text.startswith("Demo clinic had to cancel your appointment on Mon 23 Nov, 10:30 with Dr Rivera.")
    assert (last.direction, last.delivered_at, clinic.signals) == ("out", None, ["talk"])
    await post(browser, f"/console/appointments/{appointment}/cancel")
    assert clinic.signals == ["talk"]
    assert "No appointments on this day" in (await browser.get("/console/appointments")).text
    assert (await post(browser, "/console/appointments/none/cancel")).status_code == 404
