"""The console as a browser without JavaScript sees it."""

import hashlib
import html
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from bot.bus import Bus
from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import book, free_slots
from bot.console.roles import ALLOWED, ROLES, may
from bot.console.router import router
from bot.console.staff import FIRST_EMAIL, StaffError, create_staff, first_admin, hash_password
from bot.store.database import Database
from bot.store.messages import add_inbound
from bot.store.models import Appointment, Audit, Base, Case, Client, Conversation, Message, Staff

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SAID = "marker-88ab <script>alert(1)</script>"
PAGES = {"/console/queue": "see_queue", "/console/appointments": "see_appointments"}
PAGES |= {"/console/clients": "see_client"}
PAGES |= {"/console/staff": "manage_staff", "/console/audit": "see_audit", "/console/password": "own_password"}


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)  # slow on purpose: once is enough


@pytest.fixture
def clinic(tmp_path: Path, password_hash: str) -> Iterator[SimpleNamespace]:
    """The application with a case, an appointment and one person for each role."""
    db = Database(f"sqlite:///{tmp_path / 'console.db'}")
    Base.metadata.create_all(db.engine)
    config = ClinicConfig.demo()

    def fill(session: Any) -> None:
        for role in ROLES:
            session.add(
                Staff(
                    id=role,
                    email=f"{role}@clinic.example",
                    name=f"Sam {role}",
                    role=role,
                    password_hash=password_hash,
                    created_at=NOW,
                )
            )
        session.add(Client(id="ana", contact="ana@mail.example", created_at=NOW))
        session.flush()
        session.add(
            Conversation(
                id="talk", client_id="ana", channel="web", address="x", last_seq=1, created_at=NOW, updated_at=NOW
            )
        )
        session.flush()
        session.add(
            Message(id=1, conversation_id="talk", seq=1, direction="in", text=SAID, tier="high", created_at=NOW)
        )
        session.flush()
        open_case(
            session,
            config,
            client_id="ana",
            conversation_id="talk",
            message_id=1,
            reason="risk",
            tier="high",
            kinds=["suicide"],
            now=NOW,
        )
        slot = free_slots(session, config, now=NOW, tier="high")[0]
        book(session, config, slot.id, client_id="ana", conversation_id="talk", now=NOW, key="k")

    db.write_now(fill)
    world = SimpleNamespace(now=NOW, db=db)
    app = FastAPI()
    app.state.db, app.state.clinic, app.state.session_key = db, config, "a key for tests"
    app.state.clock, app.state.bus = lambda: world.now, Bus()
    world.signals = []
    app.state.bus.listen(world.signals.append)
    app.include_router(router(app.state))
    world.app = app
    world.case = db.read_now(lambda session: session.scalars(select(Case.id)).one())
    yield world
    db.close()


@pytest.fixture
async def browser(clinic: SimpleNamespace) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(clinic.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        yield client


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def sign_in(
    browser: httpx.AsyncClient, role: str = "clinician", password: str = PASSWORD, next_page: str = ""
) -> httpx.Response:
    page = await browser.get("/console/sign-in", params={"next": next_page} if next_page else {})
    fields = {"email": f"{role}@clinic.example", "password": password, "token": token_of(page)}
    return await browser.post("/console/sign-in", data={**fields, "next": next_page})


async def post(browser: httpx.AsyncClient, address: str, page: str = "/console/password", **fields: str) -> Any:
    token = token_of(await browser.get(page))
    return await browser.post(address, data={**fields, "token": token})


def audit(clinic: Any) -> list[tuple[str | None, str, str]]:
    rows = clinic.db.read_now(lambda session: list(session.scalars(select(Audit).order_by(Audit.id))))
    return [(row.staff_id, row.action, row.subject) for row in rows]


def stored(clinic: Any, model: Any, id_: str) -> Any:
    return clinic.db.read_now(lambda session: session.get(model, id_))


def stored_messages(clinic: Any) -> list[Message]:
    return clinic.db.read_now(lambda session: list(session.scalars(select(Message).order_by(Message.seq))))


# Signing in


@pytest.mark.parametrize("page", [*PAGES, "/console", "/console/cases/x"])
async def test_every_page_asks_for_a_sign_in(browser, page):
    answer = await browser.get(page)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


async def test_after_signing_in_one_is_where_one_wanted_to_be(browser, clinic):
    answer = await sign_in(browser, next_page=f"/console/cases/{clinic.case}")
    assert answer.headers["location"] == f"/console/cases/{clinic.case}"


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/console//evil", "/console/\\x"])
async def test_a_sign_in_sends_nobody_to_another_site(browser, wanted):
    assert (await sign_in(browser, next_page=wanted)).headers["location"] == "/console/queue"


async def test_a_wrong_password_and_an_unknown_address_look_the_same(browser):
    wrong, unknown = await sign_in(browser, password="wrong"), await sign_in(browser, role="nobody")
    assert wrong.status_code == unknown.status_code == 401
    blank = [re.sub(r'value="[^"]*"', "", answer.text) for answer in (wrong, unknown)]
    assert blank[0] == blank[1]


async def test_five_wrong_passwords_lock_the_account_for_a_while(browser, clinic):
    for _ in range(5):
        await sign_in(browser, password="wrong")
    assert (await sign_in(browser)).status_code == 401
    assert (None, "lock_staff", "clinician") in audit(clinic)
    clinic.now += timedelta(minutes=16)
    assert (await sign_in(browser)).status_code == 303


async def test_a_right_password_clears_the_count(browser, clinic):
    for _ in range(4):
        await sign_in(browser, password="wrong")
    assert (await sign_in(browser)).status_code == 303
    assert stored(clinic, Staff, "clinician").failed_attempts == 0


async def test_twenty_idle_minutes_sign_out_and_the_pages_own_refresh_is_no_click(browser, clinic):
    await sign_in(browser)
    for _ in range(3):
        clinic.now += timedelta(minutes=15)
        assert (await browser.get("/console/queue")).status_code == 200
    for minutes, status in ((15, 200), (6, 303)):
        clinic.now += timedelta(minutes=minutes)
        assert (await browser.get("/console/queue?refresh=1")).status_code == status


async def test_a_day_s_work_ends_in_a_sign_out(browser, clinic):
    await sign_in(browser)
    for _ in range(49):
        clinic.now += timedelta(minutes=15)
        answer = await browser.get("/console/queue")
    assert answer.status_code == 303


async def test_a_form_from_elsewhere_is_refused(browser, clinic):
    await sign_in(browser)
    for fields in ({}, {"token": "made up"}):
        answer = await browser.post(f"/console/cases/{clinic.case}/acknowledge", data=fields)
        assert answer.status_code == 403
    assert stored(clinic, Case, clinic.case).acknowledged_at is None


async def test_a_form_token_from_before_the_sign_in_is_of_no_use(browser, clinic):
    planted = token_of(await browser.get("/console/sign-in"))
    await sign_in(browser)
    answer = await browser.post("/console/sign-out", data={"token": planted})
    assert answer.status_code == 403


async def test_a_cookie_that_was_changed_is_not_believed(browser):
    await sign_in(browser)
    cookie = browser.cookies["evoke_console"]
    browser.cookies.clear()
    browser.cookies.set("evoke_console", "x" + cookie[1:], path="/console")
    assert (await browser.get("/console/queue")).status_code == 303


async def test_signing_out_ends_it(browser):
    await sign_in(browser)
    await post(browser, "/console/sign-out")
    assert (await browser.get("/console/queue")).status_code == 303


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser):
    cookie = (await sign_in(browser)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    page = await browser.get("https://console.test/console/sign-in")
    assert "Secure" in page.headers["set-cookie"]


async def test_every_answer_has_the_security_headers(browser, clinic):
    await sign_in(browser)
    for page in ("/console/queue", "/console/console.css", "/console/cases/none", "/console/sign-in"):
        headers = (await browser.get(page)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
    assert (await browser.get("/console/queue")).headers["cache-control"] == "no-store"


# Roles


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_opens_its_own_pages_and_no_others(browser, role):
    await sign_in(browser, role)
    for page, deed in PAGES.items():
        assert (await browser.get(page)).status_code == (200 if may(role, deed) else 403), page
    assert (await browser.get("/console")).status_code == 303


@pytest.mark.parametrize("role", ["front_desk", "auditor"])
async def test_who_may_not_see_cases_may_not_work_on_them_either(browser, clinic, role):
    await sign_in(browser, role)
    assert (await browser.get(f"/console/cases/{clinic.case}")).status_code == 403
    answer = await post(browser, f"/console/cases/{clinic.case}/acknowledge")
    assert answer.status_code == 403
    assert stored(clinic, Case, clinic.case).acknowledged_at is None


def test_an_unknown_role_may_do_nothing():
    assert not any(may("visitor", deed) for deed in ALLOWED)


# Cases


async def test_the_queue_says_who_waits_how_long_and_how_serious_it_is(browser, clinic):
    clinic.now += timedelta(minutes=65)
    await sign_in(browser)
    page = (await browser.get("/console/queue")).text
    for words in ("High", "Client ana", "1 h 5 min", "Safety risk: suicide", "Nobody has acknowledged it"):
        assert words in page
    assert 'http-equiv="refresh"' in page
    assert "marker-88ab" not in page


async def test_the_page_can_be_kept_still(browser):
    await sign_in(browser)
    assert "http-equiv" not in (await browser.get("/console/queue?still=1")).text


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
    assert "no appointments ahead" in (await browser.get("/console/appointments")).text
    assert (await post(browser, "/console/appointments/none/cancel")).status_code == 404


# Staff


async def test_an_administrator_adds_someone_whose_password_is_shown_once(browser, clinic):
    await sign_in(browser, "admin")
    fields = {"email": "Kim@Clinic.example", "name": "Kim", "role": "clinician"}
    page = await post(browser, "/console/staff", **fields)
    password = re.search(r"<code>([^<]+)</code>", page.text)[1]
    assert password not in (await browser.get("/console/staff")).text
    await post(browser, "/console/sign-out")
    token = token_of(await browser.get("/console/sign-in"))
    answer = await browser.post(
        "/console/sign-in", data={"email": "kim@clinic.example", "password": password, "token": token}
    )
    assert answer.headers["location"] == "/console/queue"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "admin@clinic.example", "name": "A", "role": "admin"}, "already in use"),
        ({"email": "nobody", "name": "A", "role": "admin"}, "is not an e-mail address"),
        ({"email": "a@b.example", "name": " ", "role": "admin"}, "A name is needed"),
        ({"email": "a@b.example", "name": "A", "role": "king"}, "is not a role"),
    ],
)
async def test_a_mistake_in_the_form_is_told(browser, fields, said):
    await sign_in(browser, "admin")
    answer = await post(browser, "/console/staff", **fields)
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)


async def test_who_loses_access_is_out_at_once(browser, clinic):
    await sign_in(browser, "clinician")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(clinic.app), base_url="http://console.test") as admin:
        await sign_in(admin, "admin")
        await post(admin, "/console/staff/clinician/disable")
        assert (await browser.get("/console/queue")).status_code == 303
        assert (await sign_in(browser)).status_code == 401
        await post(admin, "/console/staff/clinician/enable")
        assert (await sign_in(browser)).status_code == 303
        own = await post(admin, "/console/staff/admin/disable")
        assert "cannot take away your own access" in own.text


async def test_a_new_password_ends_other_sign_ins_and_opens_a_locked_account(browser, clinic):
    await sign_in(browser, "clinician")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(clinic.app), base_url="http://console.test") as admin:
        await sign_in(admin, "admin")
        page = await post(admin, "/console/staff/clinician/password")
    password = re.search(r"<code>([^<]+)</code>", page.text)[1]
    assert (await browser.get("/console/queue")).status_code == 303
    assert (await sign_in(browser)).status_code == 401
    assert (await sign_in(browser, password=password)).status_code == 303


async def test_one_changes_one_s_own_password_and_stays_signed_in(browser):
    await sign_in(browser)
    assert (await post(browser, "/console/password", old="wrong", new="a new long one")).status_code == 400
    assert (await post(browser, "/console/password", old=PASSWORD, new="short")).status_code == 400
    answer = await post(browser, "/console/password", old=PASSWORD, new="a new long one")
    assert "Your password is changed" in answer.text
    assert (await browser.get("/console/queue")).status_code == 200


def test_the_first_administrator_is_made_once(clinic):
    assert clinic.db.write_now(lambda session: first_admin(session, NOW)) is None

    def alone(session: Any) -> tuple[str, str] | None:
        for person in session.scalars(select(Staff)):
            session.delete(person)
        session.flush()
        return first_admin(session, NOW)

    email, password = clinic.db.write_now(alone)
    assert email == FIRST_EMAIL
    assert len(password) >= 16


def test_a_short_password_is_refused(clinic):
    with pytest.raises(StaffError, match="at least 12"):
        clinic.db.write_now(lambda session: create_staff(session, "a@b.example", "A", "admin", "short", NOW))
