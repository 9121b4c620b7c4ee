"""Staff: invitations, roles, access, one's own password; and the audit's filter."""

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.console.csv_file import cell
from bot.console.staff import FIRST_EMAIL, StaffError, create_staff, first_admin, set_role
from bot.store.models import Audit, Staff, StaffLink
from tests.fakes.console import NOW, PASSWORD, audit, post, sign_in, stored, tab, token_of


async def invite(admin: Any, **changes: str) -> str:
    """Invites Kim; the link's path."""
    fields = {"email": "Kim@Clinic.example", "name": "Kim", "role": "front_desk", **changes}
    return path_in(await post(admin, "/console/staff", **fields))


def path_in(page: Any) -> str:
    found = re.search(r'value="http://console\.test(/console/welcome/[^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def choose(browser: Any, path: str, password: str) -> Any:
    return await browser.post(path, data={"token": token_of(await browser.get(path)), "new": password})


async def test_who_is_invited_chooses_a_password_with_a_link_that_works_once(browser, clinic):
    async with tab(clinic, role="admin") as admin:
        path = await invite(admin)
        assert path.rsplit("/", 1)[1] not in (await admin.get("/console/staff")).text
    assert "Hello Kim" in (await browser.get(path)).text
    assert (await choose(browser, path, "short")).status_code == 400
    assert (await choose(browser, path, "a long password of Kim's")).headers["location"] == "/console/sign-in"
    assert (await browser.get(path)).status_code == 404
    fields = {"email": "kim@clinic.example", "password": "a long password of Kim's"}
    token = token_of(await browser.get("/console/sign-in"))
    answer = await browser.post("/console/sign-in", data={**fields, "token": token})
    assert answer.headers["location"] == "/console/appointments"


async def test_before_the_link_is_used_no_password_signs_in(browser, clinic):
    async with tab(clinic, role="admin") as admin:
        await invite(admin)
    for password in ("", "x", PASSWORD):
        token = token_of(await browser.get("/console/sign-in"))
        fields = {"email": "kim@clinic.example", "password": password, "token": token}
        assert (await browser.post("/console/sign-in", data=fields)).status_code == 401


async def test_a_link_runs_out_and_a_new_one_ends_the_old(browser, clinic):
    async with tab(clinic, role="admin") as admin:
        old = await invite(admin)
        kim = clinic.db.read_now(lambda session: session.scalars(select(StaffLink.staff_id)).one())
        new = path_in(await post(admin, f"/console/staff/{kim}/link"))
    assert (await browser.get(old)).status_code == 404
    assert (await browser.get(new)).status_code == 200
    clinic.now += timedelta(days=3, minutes=1)
    assert (await browser.get(new)).status_code == 404
    assert (await browser.get("/console/welcome/made-up")).status_code == 404


async def test_the_database_holds_no_link_that_works(clinic):
    async with tab(clinic, role="admin") as admin:
        path = await invite(admin)
    assert clinic.db.read_now(lambda session: session.scalars(select(StaffLink.id)).one()) not in path


async def test_a_new_link_helps_who_forgot_a_password_and_ends_their_sign_ins_when_used(browser, clinic):
    await sign_in(browser)
    async with tab(clinic, role="admin") as admin, tab(clinic) as phone:
        path = path_in(await post(admin, "/console/staff/clinician/link"))
        assert (await browser.get("/console/queue")).status_code == 200
        await choose(phone, path, "a new long one")
    assert (await browser.get("/console/queue")).status_code == 303
    assert (await sign_in(browser)).status_code == 401
    assert (await sign_in(browser, password="a new long one")).status_code == 303


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "admin@clinic.example"}, "already in use"),
        ({"email": "nobody"}, "is not an e-mail address"),
        ({"name": " "}, "A name is needed"),
        ({"role": "king"}, "is not a role"),
    ],
)
async def test_a_mistake_in_the_form_is_told_and_what_was_typed_stays(clinic, fields, said):
    async with tab(clinic, role="admin") as admin:
        given = {"email": "kim@clinic.example", "name": "Kim", "role": "auditor", **fields}
        answer = await post(admin, "/console/staff", **given)
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)
    assert f'value="{given["email"]}"' in answer.text


async def test_who_loses_access_is_out_at_once_and_their_link_is_dead(browser, clinic):
    await sign_in(browser, "clinician")
    async with tab(clinic, role="admin") as admin, tab(clinic) as other:
        path = path_in(await post(admin, "/console/staff/clinician/link"))
        await post(admin, "/console/staff/clinician/disable")
        assert (await browser.get("/console/queue")).status_code == 303
        assert (await other.get(path)).status_code == 404
        assert (await sign_in(browser)).status_code == 401
        assert "give it back first" in (await post(admin, "/console/staff/clinician/link")).text
        await post(admin, "/console/staff/clinician/enable")
        assert (await sign_in(browser)).status_code == 303
        own = await post(admin, "/console/staff/admin/disable")
        assert "cannot take away your own access" in own.text


async def test_another_role_ends_the_sign_ins_and_opens_other_pages(browser, clinic):
    await sign_in(browser, "clinician")
    async with tab(clinic, role="admin") as admin:
        await post(admin, "/console/staff/clinician/role", role="front_desk")
    assert (await browser.get("/console/queue")).status_code == 303
    await sign_in(browser, "clinician")
    assert (await browser.get("/console/queue")).status_code == 403
    assert (await browser.get("/console/appointments")).status_code == 200
    assert ("admin", "set_role_front_desk", "clinician") in audit(clinic)


async def test_the_last_administrator_can_be_neither_demoted_nor_shut_out(clinic):
    async with tab(clinic, role="admin") as admin:
        answer = await post(admin, "/console/staff/admin/role", role="auditor")
        assert answer.status_code == 400
        assert "the last administrator" in answer.text
        await post(admin, "/console/staff/auditor/role", role="admin")
    async with tab(clinic, role="auditor") as second:  # who is an administrator now
        await post(second, "/console/staff/admin/disable")
        answer = await post(second, "/console/staff/auditor/role", role="auditor")
        assert "the last administrator" in answer.text
    assert stored(clinic, Staff, "admin").disabled_at is not None
    with pytest.raises(StaffError, match="the last administrator"):
        clinic.db.write_now(lambda session: set_role(session, "auditor", "clinician", NOW, by=None))


async def test_an_administrator_resets_a_second_factor_and_signs_somebody_out(browser, clinic):
    await sign_in(browser)

    def turn_on(session: Any) -> None:
        person = session.get(Staff, "clinician")
        person.totp_sealed, person.totp_since = "sealed", NOW

    clinic.db.write_now(turn_on)
    async with tab(clinic, role="admin") as admin:
        assert "on since Mon 23 Nov 2026" in (await admin.get("/console/staff/clinician")).text
        await post(admin, "/console/staff/clinician/second-factor")
        assert stored(clinic, Staff, "clinician").totp_sealed is None
        assert (await sign_in(browser)).headers["location"] == "/console/queue"
        await post(admin, "/console/staff/clinician/sign-out")
    assert (await browser.get("/console/queue")).status_code == 303


async def test_nobody_is_a_page_too(clinic):
    async with tab(clinic, role="admin") as admin:
        assert (await admin.get("/console/staff/none")).status_code == 404
        for deed in ("role", "link", "second-factor", "unlock", "sign-out", "disable", "enable"):
            answer = await post(admin, f"/console/staff/none/{deed}", role="admin")
            assert answer.status_code == 404, deed


async def test_one_changes_one_s_own_password_and_stays_signed_in(browser, clinic):
    await sign_in(browser)
    change = "/console/account/password"
    assert (await post(browser, change, old="wrong", new="a new long one")).status_code == 400
    assert (await post(browser, change, old=PASSWORD, new="short")).status_code == 400
    async with tab(clinic, role="clinician") as other:
        answer = await post(browser, change, old=PASSWORD, new="a new long one")
        assert "Your password is changed" in answer.text
        assert (await browser.get("/console/queue")).status_code == 200
        assert (await other.get("/console/queue")).status_code == 303


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


# The audit's filter


@pytest.fixture
def lines(clinic: Any) -> None:
    """Two hundred lines over two days, the clinician's and the administrator's in turn."""

    def add(session: Any) -> None:
        for number in range(200):
            who, action = (("clinician", "view_case"), ("admin", "add_staff"))[number % 2]
            at = NOW - timedelta(days=2) + timedelta(minutes=10 * number)
            session.add(Audit(at=at, staff_id=who, action=action, subject=f"subject{number:03}"))

    clinic.db.write_now(add)


def subjects(page: Any) -> list[str]:
    return re.findall(r"<code>(subject.)</code>", page.text)


@pytest.mark.usefixtures("lines")
async def test_the_audit_is_filtered_by_person_deed_subject_and_day(clinic):
    async with tab(clinic, role="auditor") as auditor:
        page = await auditor.get("/console/audit?who=clinician&what=view_case")
        assert len(subjects(page)) == 100
        assert "added a person</td>" not in page.text
        assert len(subjects(await auditor.get("/console/audit?about=subject00"))) == 10
        assert len(subjects(await auditor.get("/console/audit?about=subject005&who=admin"))) == 1
        assert len(subjects(await auditor.get("/console/audit?about=subject005&who=clinician"))) == 0
        day = await auditor.get("/console/audit?what=view_case&since=2026-11-22&until=2026-11-22")
        assert len(subjects(day)) == 58  # the day begins at 05:00 UTC in New York, with the 85th line
        assert "Nothing like this" in (await auditor.get("/console/audit?until=2020-01-01")).text
        own = await auditor.get("/console/audit?who=auditor")
        assert "looked at the audit" in own.text
        assert subjects(own) == []


@pytest.mark.usefixtures("lines")
async def test_older_lines_of_the_audit_are_a_click_away(clinic):
    async with tab(clinic, role="auditor") as auditor:
        page = await auditor.get("/console/audit?about=subject")
        older = html.unescape(re.search(r'href="([^"]+before=[^"]+)"', page.text)[1])
        rest = await auditor.get(older)
    assert len(subjects(page)) == len(subjects(rest)) == 100
    assert "before=" not in rest.text


@pytest.mark.parametrize("query", ["since=yesterday", "until=9999-12-31", "before=x", "who='--", "about=%25_"])
async def test_a_filter_that_cannot_be_read_is_no_error(clinic, query):
    async with tab(clinic, role="auditor") as auditor:
        assert (await auditor.get(f"/console/audit?{query}")).status_code == 200


@pytest.mark.usefixtures("lines")
async def test_the_audit_comes_as_a_file_with_the_same_filter(clinic):
    async with tab(clinic, role="auditor") as auditor:
        answer = await auditor.get("/console/audit.csv?about=subject00")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["when (UTC)", "who", "what", "about"]
    assert [row[3] for row in rows[1:]] == [f"subject{number:03}" for number in range(9, -1, -1)]
    assert (None, "export_audit", "") not in audit(clinic)
    assert ("auditor", "export_audit", "") in audit(clinic)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "shown"), [("a=b", "a=b"), (None, ""), (3, "3"), ("2026-11-23", "2026-11-23")])
def test_other_cells_stay_as_they_are(value, shown):
    assert cell(value) == shown
