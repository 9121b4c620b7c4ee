"""Export and erasure reach every table."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.clinic.cases import add_note, open_case
from bot.clinic.export_page import SHOWN, export_page
from bot.clinic.rights import ClientNotFound, erase_client, erase_old, export_client, forget
from bot.clinic.schedule import book, free_slots
from bot.console.staff import create_staff
from bot.store.models import (
    Appointment,
    Audit,
    Base,
    CalendarMail,
    CheckIn,
    Client,
    Endpoint,
    Invitation,
    Message,
    OneTimeCode,
    Questionnaire,
    WaitingPlace,
)

MARKER = "marker-7f3a"
STAFF = {"audit", "staff", "staff_visit", "staff_link", "recovery_code", "sign_in_address"}
KEPT = STAFF | {"taken_update", "busy_time"}  # numbers of Telegram, clinicians' own calendars: nothing of a client


def fill(session, config, now, client):
    """A row of the client in every table that holds clients' things."""
    message = Message(
        conversation_id=f"{client}-talk",
        seq=1,
        direction="in",
        text=f"{MARKER} of {client}",
        created_at=now,
        payload={"a": MARKER},
    )
    session.add(message)
    session.flush()
    reply = Message(
        conversation_id=f"{client}-talk",
        seq=2,
        direction="out",
        text="There.",
        created_at=now,
        in_reply_to=message.id,
    )
    session.add(reply)
    session.flush()
    case = open_case(
        session,
        config,
        client_id=client,
        conversation_id=f"{client}-talk",
        message_id=message.id,
        reason="risk",
        tier="high",
        kinds=["suicide"],
        now=now,
    )
    slot = free_slots(session, config, now=now)[0]
    appointment = book(session, config, slot.id, client_id=client, conversation_id=f"{client}-talk", now=now, key="k")
    appointment.case_id = case.id
    session.add(CalendarMail(appointment_id=appointment.id, kind="reminder", sequence=0, due_at=now, created_at=now))
    staff = create_staff(session, f"{client}@clinic.example", "Dr Rivera", "clinician", "correct horse battery", now)
    add_note(session, case.id, staff.id, f"{MARKER} noted", now)
    session.add(
        Questionnaire(
            id=f"{client}-phq9",
            client_id=client,
            conversation_id=f"{client}-talk",
            instrument="phq9",
            status="asking",
            answers=[{"item": "1", "value": 2, "seq": 1}],
            offered_at=now,
        )
    )
    session.add(Audit(at=now, staff_id=None, action="view_case", subject=case.id))
    talk, soon = f"{client}-talk", {"created_at": now, "expires_at": now}
    session.add_all(
        [
            Endpoint(channel="telegram", address=f"{MARKER}-{client}", conversation_id=talk, used_at=now),
            OneTimeCode(digest=f"code of {client}", conversation_id=talk, **soon),
            Invitation(id=client, digest=f"invitation of {client}", note=MARKER, client_id=client, **soon),
            CheckIn(client_id=client, every_days=1, next_at=now, created_at=now),
            WaitingPlace(client_id=client, asked_at=now),
        ]
    )
    session.commit()
    return case


def rows(session) -> dict[str, int]:
    tables = Base.metadata.sorted_tables
    return {table.name: session.scalar(select(func.count()).select_from(table)) for table in tables}


@pytest.fixture
def filled(session, config, now):
    before = {client: fill(session, config, now, client) for client in ("ana", "ben")}
    assert all(count for table, count in rows(session).items() if table not in KEPT), "fill every table"
    return before


def test_an_export_holds_every_table_and_only_that_client(session, filled):
    text = json.dumps(export_client(session, "ana"))
    export = json.loads(text)
    assert set(export) == (set(rows(session)) - KEPT) | {"format", "audit"}
    assert all(export[table] for table in export)
    assert f"{MARKER} of ana" in text
    assert f"{MARKER} of ben" not in text
    assert [line["action"] for line in export["audit"]] == ["note_case", "view_case"]


def test_an_erasure_reaches_every_table_and_leaves_one_line(session, filled, now):
    audit_before = rows(session)["audit"]
    erase_client(session, "ana", now)
    session.commit()
    after = rows(session)
    assert after["audit"] == audit_before + 1
    of_one = ("client", "case", "conversation", "questionnaire")
    assert all(count == 1 for table, count in after.items() if table in of_one)
    assert session.scalars(select(Appointment.client_id)).all() == ["ben"]
    last = session.scalars(select(Audit).order_by(Audit.id.desc())).first()
    assert (last.action, last.subject, last.staff_id) == ("erase_client", "ana", None)


def test_nothing_of_the_client_is_left_in_the_file(session, filled, now, tmp_path):
    erase_client(session, "ana", now)
    erase_client(session, "ben", now)
    session.commit()
    session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    session.rollback()
    with session.get_bind().connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    left = [path.name for path in tmp_path.glob("clinic.db*") if MARKER.encode() in path.read_bytes()]
    assert left == []


def test_the_time_of_an_erased_appointment_is_free_again(session, filled, config, now):
    taken = session.scalars(select(Appointment).where(Appointment.client_id == "ana")).one().starts_at
    erase_client(session, "ana", now)
    assert free_slots(session, config, now=now)[0].starts_at == taken


def test_retention_erases_who_is_silent_for_long_and_keeps_open_cases(session, config, now):
    long_after = now + timedelta(days=config.retention_days + 30)
    case = fill(session, config, now, "ana")
    assert erase_old(session, config, now + timedelta(days=config.retention_days)) == 0
    assert erase_old(session, config, long_after) == 1  # ben, who has nothing open
    case.closed_at = long_after
    session.flush()
    assert erase_old(session, config, long_after) == 1
    assert session.get(Client, "ana") is None


def test_who_never_agreed_to_be_kept_is_erased_after_a_day(session, config, now):
    client = session.get_one(Client, "ana")
    client.consent_version = client.consented_at = None
    session.flush()
    assert erase_old(session, config, now + timedelta(hours=23)) == 0
    assert erase_old(session, config, now + timedelta(hours=25)) == 1
    assert session.get(Client, "ben") is not None, "who agreed is kept"


def test_a_danger_told_before_consent_is_kept_while_its_case_is_open(session, config, now):
    case = fill(session, config, now, "ana")
    session.get_one(Client, "ana").consent_version = None
    session.query(Appointment).delete()
    session.flush()
    assert erase_old(session, config, now + timedelta(days=3)) == 0
    case.closed_at = now
    session.flush()
    assert erase_old(session, config, now + timedelta(days=3)) == 1


def test_after_a_no_nothing_that_was_said_chosen_or_answered_is_left(session, filled, now):
    forget(session, "ana")
    session.commit()
    text = json.dumps({k: v for k, v in export_client(session, "ana").items() if k != "case_note"})
    assert f"{MARKER} of ana" not in text
    assert rows(session)["questionnaire"] == 1, "ben's"
    client = session.get_one(Client, "ana")
    assert (client.consent_version, client.shares, client.share_with_clinic) == (None, {}, False)


def test_the_page_to_read_holds_what_the_json_holds(session, filled, config, now):
    session.get_one(Client, "ana").name = "<b>Ana</b>"
    session.flush()
    page = export_page(session, config, "ana", now)
    assert "&lt;b&gt;Ana&lt;/b&gt;" in page
    for expected in (f"{MARKER} of ana", "Little interest or pleasure in doing things: More than half the days"):
        assert expected in page
    assert "A case was looked at" in page
    assert f"{MARKER} of ben" not in page
    others = set(export_client(session, "ana")) - SHOWN - {"format", "audit"}
    assert all(f">{table.replace('_', ' ')}<" in page for table in others), "no table is left out"


def test_an_unknown_client_is_told(session, now):
    with pytest.raises(ClientNotFound):
        export_client(session, "nobody")
    with pytest.raises(ClientNotFound):
        erase_client(session, "nobody", now)
