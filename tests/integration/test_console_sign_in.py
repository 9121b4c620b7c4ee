"""Signing in to the console, in one step and in two, and how a visit ends."""

import html
import re
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import select

from bot.clinic.sign_in import SignIn
from bot.console import lockout
from bot.console.second_factor import Seal
from bot.store.models import Case, RecoveryCode, SignInAddress, Staff, StaffVisit
from tests.fakes.console import PASSWORD, audit, post, sign_in, stored, tab, token_of

PAGES = ("/console/queue", "/console/appointments", "/console/staff", "/console/audit", "/console/account")


def demand(clinic: Any, **changes: Any) -> None:
    """Changes how the clinic has people sign in."""
    state = clinic.app.state
    state.clinic = state.clinic.model_copy(update={"sign_in": SignIn.model_validate(changes)})


async def set_up(browser: httpx.AsyncClient, clinic: Any) -> tuple[pyotp.TOTP, list[str]]:
    """Sets up a second factor for who is signed in; the app and the recovery codes."""
    page = html.unescape((await browser.get("/console/account/second-factor")).text)
    totp = pyotp.TOTP(re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", ""))
    answer = await post(
        browser, "/console/account/second-factor", "/console/account/second-factor", code=totp.at(clinic.now)
    )
    codes = re.findall(r"<code>([a-z2-9-]{19})</code>", answer.text)
    assert len(codes) == 10
    return totp, codes


async def give(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    """The second step of a sign-in."""
    return await post(browser, "/console/sign-in/code", "/console/sign-in/code", code=code)


# One step


@pytest.mark.parametrize("page", [*PAGES, "/console", "/console/cases/x", "/console/account/second-factor"])
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


async def test_each_further_wrong_password_locks_for_twice_as_long(browser, clinic):
    for _ in range(5):
        await sign_in(browser, password="wrong")
    for minutes in (15, 30, 60, 120, 240, 240):
        locked_for = stored(clinic, Staff, "clinician").locked_until - clinic.now
        assert locked_for == timedelta(minutes=minutes)
        clinic.now += locked_for + timedelta(seconds=1)
        await sign_in(browser, password="wrong")


async def test_tries_while_an_account_is_locked_do_not_lengthen_it(browser, clinic):
    for _ in range(9):
        await sign_in(browser, password="wrong")
    assert stored(clinic, Staff, "clinician").locked_until - clinic.now == timedelta(minutes=15)


async def test_an_address_that_guesses_has_to_wait_whatever_account_it_tries(browser, clinic, monkeypatch):
    monkeypatch.setattr(lockout, "ADDRESS_TRIES", 6)
    for number in range(6):
        assert (await sign_in(browser, role=f"nobody{number}")).status_code == 401
    refused = await sign_in(browser)
    assert refused.status_code == 429
    assert "Try again in 2 min" in refused.text
    async with tab(clinic, client=("192.0.2.7", 1)) as elsewhere:
        assert (await sign_in(elsewhere)).status_code == 303
    clinic.now += timedelta(minutes=1, seconds=1)
    assert (await sign_in(browser, role="nobody")).status_code == 401
    assert (await sign_in(browser)).status_code == 429
    clinic.now += timedelta(minutes=2, seconds=1)
    assert (await sign_in(browser)).status_code == 303


async def test_right_sign_ins_do_not_count_against_an_address(browser, clinic, monkeypatch):
    monkeypatch.setattr(lockout, "ADDRESS_TRIES", 3)
    for role in ("admin", "clinician", "front_desk", "auditor", "admin"):
        assert (await sign_in(browser, role)).status_code == 303
    assert stored(clinic, SignInAddress, "127.0.0.1").failures == 0


async def test_an_administrator_lifts_both_pauses(browser, clinic, monkeypatch):
    for _ in range(5):
        await sign_in(browser, password="wrong")
    monkeypatch.setattr(lockout, "ADDRESS_TRIES", 6)
    await sign_in(browser, role="nobody")
    assert (await sign_in(browser)).status_code == 429
    async with tab(clinic, client=("192.0.2.7", 1)) as admin:
        await sign_in(admin, "admin")
        page = (await admin.get("/console/staff")).text
        assert "locked until" in page
        assert "127.0.0.1" in page
        await post(admin, "/console/staff/clinician/unlock")
        await post(admin, "/console/addresses/unblock", address="127.0.0.1")
    assert (await sign_in(browser)).status_code == 303


async def test_wrong_passwords_during_a_visit_lock_the_account_and_end_its_visits(browser, clinic):
    await sign_in(browser)
    for status in (400, 400, 400, 400, 303):
        token = token_of(await browser.get("/console/account"))
        fields = {"token": token, "old": "wrong", "new": "a new long one"}
        assert (await browser.post("/console/account/password", data=fields)).status_code == status
    assert (await browser.get("/console/account")).status_code == 303


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


async def test_the_clinic_sets_how_long_idleness_may_last(browser, clinic):
    demand(clinic, idle_minutes=5)
    await sign_in(browser)
    clinic.now += timedelta(minutes=6)
    assert (await browser.get("/console/queue")).status_code == 303


async def test_a_page_can_ask_how_long_is_left_without_that_being_a_click(browser, clinic):
    await sign_in(browser)
    clinic.now += timedelta(minutes=15)
    assert (await browser.get("/console/visit")).json() == {"seconds": 300}
    assert (await browser.get("/console/visit")).json() == {"seconds": 300}
    token = token_of(await browser.get("/console/queue?refresh=1"))
    assert (await browser.post("/console/visit", headers={"x-evoke-token": token})).json() == {"seconds": 1200}
    clinic.now += timedelta(minutes=21)
    assert (await browser.get("/console/visit")).json() == {"seconds": 0}
    assert (await browser.post("/console/visit", headers={"x-evoke-token": token})).status_code == 303


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


async def test_a_form_sent_by_another_site_is_refused_even_with_a_token(browser, clinic):
    await sign_in(browser)
    token = token_of(await browser.get("/console/queue"))
    address = f"/console/cases/{clinic.case}/acknowledge"
    for origin in ("https://evil.example", "null"):
        assert (await browser.post(address, data={"token": token}, headers={"origin": origin})).status_code == 403
    assert stored(clinic, Case, clinic.case).acknowledged_at is None
    answer = await browser.post(address, data={"token": token}, headers={"origin": "http://console.test"})
    assert answer.status_code == 303


async def test_a_form_too_large_is_refused_before_it_is_read(browser):
    await sign_in(browser)
    answer = await browser.post("/console/sign-out", content=b"x", headers={"content-length": "5000001"})
    assert answer.status_code == 413


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


async def test_signing_out_ends_it_for_a_copy_of_the_cookie_too(browser, clinic):
    await sign_in(browser)
    copy = browser.cookies["evoke_console"]
    await post(browser, "/console/sign-out")
    assert (await browser.get("/console/queue")).status_code == 303
    async with tab(clinic) as thief:
        thief.cookies.set("evoke_console", copy, path="/console")
        assert (await thief.get("/console/queue")).status_code == 303


async def test_signing_out_everywhere_ends_every_sign_in(browser, clinic):
    await sign_in(browser)
    async with tab(clinic) as other, tab(clinic) as colleague:
        await sign_in(other)
        await sign_in(colleague, "admin")
        assert (await browser.get("/console/account")).text.count("Since Mon 23 Nov") == 2
        await post(browser, "/console/account/sign-out-everywhere")
        for one, status in ((browser, 303), (other, 303), (colleague, 200)):
            assert (await one.get("/console/queue")).status_code == status


async def test_a_sign_in_makes_a_new_visit_and_the_old_cookie_stays_nobody_s(browser, clinic):
    await browser.get("/console/sign-in")
    planted = browser.cookies["evoke_console"]
    await sign_in(browser)
    assert browser.cookies["evoke_console"] != planted
    async with tab(clinic) as thief:
        thief.cookies.set("evoke_console", planted, path="/console")
        assert (await thief.get("/console/queue")).status_code == 303


async def test_the_database_holds_nothing_that_opens_a_visit(browser, clinic):
    await sign_in(browser)
    rows = clinic.db.read_now(lambda session: list(session.scalars(select(StaffVisit))))
    assert [row.staff_id for row in rows] == ["clinician"]
    assert rows[0].id not in browser.cookies["evoke_console"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser):
    cookie = (await sign_in(browser)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    page = await browser.get("https://console.test/console/sign-in")
    assert "Secure" in page.headers["set-cookie"]
    assert page.headers["strict-transport-security"].startswith("max-age=")


async def test_every_answer_has_the_security_headers(browser, clinic):
    await sign_in(browser)
    for page in ("/console/queue", "/console/console.css", "/console/cases/none", "/console/sign-in"):
        headers = (await browser.get(page)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
    assert (await browser.get("/console/queue")).headers["cache-control"] == "no-store"


# Two steps


async def test_with_a_second_factor_the_password_alone_opens_nothing(browser, clinic):
    await sign_in(browser)
    totp, _ = await set_up(browser, clinic)
    await post(browser, "/console/sign-out")
    answer = await sign_in(browser, next_page="/console/appointments")
    assert answer.headers["location"] == "/console/sign-in/code?next=/console/appointments"
    for page in PAGES:
        assert (await browser.get(page)).headers["location"].startswith("/console/sign-in/code")
    clinic.now += timedelta(minutes=1)
    assert (await give(browser, "000000")).status_code == 401
    token = token_of(await browser.get("/console/sign-in/code?next=/console/appointments"))
    fields = {"token": token, "code": totp.at(clinic.now), "next": "/console/appointments"}
    answer = await browser.post("/console/sign-in/code", data=fields)
    assert answer.headers["location"] == "/console/appointments"
    assert (await browser.get("/console/queue")).status_code == 200


async def test_a_code_is_never_taken_twice(browser, clinic):
    await sign_in(browser)
    totp, _ = await set_up(browser, clinic)
    async with tab(clinic) as thief:
        await sign_in(thief)
        assert (await give(thief, totp.at(clinic.now))).status_code == 401  # seen when it was set up
        clinic.now += timedelta(seconds=30)
        code = totp.at(clinic.now)
        assert (await give(thief, code)).status_code == 303
        await sign_in(thief)
        assert (await give(thief, code)).status_code == 401


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 303), (0, 303), (1, 303), (2, 401)])
async def test_a_clock_may_be_off_by_one_step_and_no_more(browser, clinic, steps, status):
    await sign_in(browser)
    totp, _ = await set_up(browser, clinic)
    clinic.now += timedelta(minutes=5)
    await post(browser, "/console/sign-out")
    await sign_in(browser)
    assert (await give(browser, totp.at(clinic.now + steps * timedelta(seconds=30)))).status_code == status


async def test_five_wrong_codes_lock_the_account_and_knowing_the_password_does_not_help(browser, clinic):
    await sign_in(browser)
    totp, _ = await set_up(browser, clinic)
    for _ in range(5):
        await sign_in(browser)  # a right password in between clears nothing
        assert (await give(browser, "000000")).status_code == 401
    assert stored(clinic, Staff, "clinician").locked_until == clinic.now + timedelta(minutes=15)
    clinic.now += timedelta(seconds=60)
    assert (await give(browser, totp.at(clinic.now))).status_code == 401
    assert (await sign_in(browser)).status_code == 401


async def test_the_second_step_has_to_follow_soon(browser, clinic):
    await sign_in(browser)
    totp, _ = await set_up(browser, clinic)
    await sign_in(browser)
    token = token_of(await browser.get("/console/sign-in/code"))
    clinic.now += timedelta(minutes=11)
    answer = await browser.post("/console/sign-in/code", data={"token": token, "code": totp.at(clinic.now)})
    assert answer.headers["location"] == "/console/sign-in"
    assert (await browser.get("/console/sign-in/code")).status_code == 303


async def test_a_recovery_code_works_once_and_only_for_its_owner(browser, clinic):
    await sign_in(browser)
    _, codes = await set_up(browser, clinic)
    stored_codes = clinic.db.read_now(lambda session: list(session.scalars(select(RecoveryCode.id))))
    assert len(stored_codes) == 10
    assert not set(stored_codes) & set(codes)
    async with tab(clinic) as admin:
        await sign_in(admin, "admin")
        await set_up(admin, clinic)
        await sign_in(admin, "admin")
        assert (await give(admin, codes[0])).status_code == 401
    await sign_in(browser)
    assert (await give(browser, f" {codes[0].upper()} ")).status_code == 303
    assert "9 recovery codes left" in (await browser.get("/console/account")).text
    await sign_in(browser)
    assert (await give(browser, codes[0])).status_code == 401
    assert (await give(browser, codes[1])).status_code == 303


async def test_new_recovery_codes_need_the_password_and_end_the_old(browser, clinic):
    await sign_in(browser)
    _, old = await set_up(browser, clinic)
    assert (await post(browser, "/console/account/recovery-codes", old="wrong")).status_code == 400
    new = re.findall(
        r"<code>([a-z2-9-]{19})</code>", (await post(browser, "/console/account/recovery-codes", old=PASSWORD)).text
    )
    assert len(new) == 10
    await sign_in(browser)
    assert (await give(browser, old[0])).status_code == 401
    assert (await give(browser, new[0])).status_code == 303


async def test_setting_one_up_ends_the_sign_ins_without_it(browser, clinic):
    async with tab(clinic) as other:
        await sign_in(other)
        await sign_in(browser)
        await set_up(browser, clinic)
        assert (await browser.get("/console/queue")).status_code == 200
        assert (await other.get("/console/queue")).status_code == 303


async def test_a_wrong_code_turns_nothing_on_and_keeps_the_key(browser, clinic):
    await sign_in(browser)
    page, pages = "/console/account/second-factor", []
    pages.append((await browser.get(page)).text)
    answer = await post(browser, page, page, code="000000")
    assert answer.status_code == 400
    keys = [re.search(r"<code>([A-Z2-7 ]+)</code>", text)[1] for text in (pages[0], answer.text)]
    assert keys[0] == keys[1]
    assert stored(clinic, Staff, "clinician").totp_since is None
    assert (await sign_in(browser)).headers["location"] == "/console/queue"


async def test_a_role_that_needs_one_sees_nothing_else_until_it_is_set_up(browser, clinic):
    demand(clinic, second_factor_for=["clinician"])
    await sign_in(browser)
    for page in PAGES:
        assert (await browser.get(page)).headers["location"].startswith("/console/account/second-factor")
    await set_up(browser, clinic)
    assert (await browser.get("/console/queue")).status_code == 200
    async with tab(clinic) as front_desk:
        await sign_in(front_desk, "front_desk")
        assert (await front_desk.get("/console/appointments")).status_code == 200


async def test_taking_it_away_needs_the_password(browser, clinic):
    await sign_in(browser)
    await set_up(browser, clinic)
    assert (await post(browser, "/console/account/second-factor/off", old="wrong")).status_code == 400
    await post(browser, "/console/account/second-factor/off", old=PASSWORD)
    assert (await sign_in(browser)).headers["location"] == "/console/queue"
    assert clinic.db.read_now(lambda session: list(session.scalars(select(RecoveryCode)))) == []


async def test_the_key_is_sealed_and_a_recovery_code_helps_where_it_cannot_be_opened(browser, clinic):
    await sign_in(browser)
    totp, codes = await set_up(browser, clinic)
    sealed = stored(clinic, Staff, "clinician").totp_sealed
    assert totp.secret not in sealed
    assert Seal("a key for tests").open(sealed) == totp.secret
    assert Seal("another key").open(sealed) is None
    clinic.app.state.session_key = "another key"
    clinic.now += timedelta(minutes=1)
    await sign_in(browser)
    assert (await give(browser, totp.at(clinic.now))).status_code == 401
    assert (await give(browser, codes[0])).status_code == 303


async def test_every_step_is_in_the_audit_and_no_code_is(browser, clinic):
    await sign_in(browser)
    totp, codes = await set_up(browser, clinic)
    clinic.now += timedelta(minutes=1)
    await sign_in(browser)
    await give(browser, "000000")
    await give(browser, codes[0])
    actions = [action for who, action, _ in audit(clinic) if who == "clinician"]
    for action in ("sign_in", "set_second_factor", "make_recovery_codes", "second_factor_failed", "use_recovery_code"):
        assert action in actions
    assert not [line for line in audit(clinic) for code in (*codes, totp.secret, "000000") if code in str(line)]
