"""What the bot writes first: when, how often, and when not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.clinic.cases import close, open_case
from bot.clinic.config import QuietHours
from bot.clinic.notices import variants, write_to_client
from bot.clinic.proactive import ask_for_check_ins, pause, write_due
from bot.clinic.quiet import hold_until, next_at, quiet_window
from bot.clinic.schedule import book, cancel, free_slots
from bot.console.staff import create_staff
from bot.store import messages as store
from bot.store import places
from bot.store.models import CheckIn, Client, Conversation, Message

LONDON = ZoneInfo("Europe/London")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def client(session, now):
    """Ana, reached on Telegram, who wrote a day ago."""
    ana = session.get_one(Client, "ana")
    ana.time_zone = "Europe/London"
    places.use(session, session.get_one(Conversation, "ana-talk"), "telegram", "7", now)
    writes(session, now - DAY)
    return ana


def writes(session, at):
    message, _ = store.add_inbound(session, "ana-talk", external_id=None, kind="text", text="hello", payload={}, now=at)
    message.answered_at = at


def written(session, kind):
    query = select(Message).where(Message.conversation_id == "ana-talk", Message.kind == kind)
    return list(session.scalars(query.order_by(Message.seq)))


def at(hour, minute=0, day=23):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# -- quiet hours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "quiet"), [(20, False), (21, True), (23, True), (3, True), (7, True), (8, False), (12, False)]
)
def test_quiet_hours_go_over_midnight(config, hour, quiet):
    assert (quiet_window(config, LONDON, at(hour)) is not None) == quiet


def test_quiet_hours_are_by_the_clients_own_clock(session, config, client):
    client.time_zone = "Asia/Tokyo"
    assert hold_until(session, config, "ana", at(13)) == at(23)  # 22:00 to 08:00 in Tokyo


def test_a_clinic_can_have_no_quiet_hours(session, config, client):
    assert hold_until(session, config.model_copy(update={"quiet_hours": None}), "ana", at(23)) is None
    same = QuietHours.model_validate({"from": "10:00", "to": "10:00"})
    assert hold_until(session, config.model_copy(update={"quiet_hours": same}), "ana", at(10)) is None


def test_quiet_hours_stay_right_when_the_clocks_change(config):
    night = datetime(2026, 10, 24, 22, tzinfo=UTC)  # 23:00 in summer time; the clocks go back in this night
    begins, ends = quiet_window(config, LONDON, night)
    assert (begins, ends) == (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC))


# -- staff's words ------------------------------------------------------------------------------------------------


def test_words_of_staff_at_night_wait_for_the_morning(session, config, client):
    write_to_client(session, config, client, who="Dr Rivera", text="Good evening", now=at(23))
    assert store.due(session, "ana-talk", at(23, 30)) == []
    assert [row.kind for row in store.due(session, "ana-talk", at(8, day=24))] == ["clinician"]
    assert store.conversations_due(session, "telegram", held=True) == ["ana-talk"]


def test_they_go_at_once_to_a_client_who_is_there(session, config, client):
    writes(session, at(22, 50))
    write_to_client(session, config, client, who="Dr Rivera", text="Good evening", now=at(23))
    assert len(store.due(session, "ana-talk", at(23))) == 1


def test_they_go_at_once_while_a_risk_case_is_open(session, config, client):
    open_case(
        session,
        config,
        client_id="ana",
        conversation_id="ana-talk",
        message_id=None,
        reason="risk",
        tier="high",
        now=at(22),
    )
    write_to_client(session, config, client, who="Dr Rivera", text="Are you safe?", now=at(23))
    assert len(store.due(session, "ana-talk", at(23))) == 1


def test_a_client_who_writes_at_night_gets_what_waited_before_the_answer(session, config, client):
    write_to_client(session, config, client, who="Dr Rivera", text="Good evening", now=at(23))
    writes(session, at(23, 45))
    conversation = session.get_one(Conversation, "ana-talk")
    store.add_outbound(session, conversation, [store.Outbound("Answer")], None, at(23, 45))
    assert [row.kind for row in store.due(session, "ana-talk", at(23, 45))] == ["clinician", "text"]


# -- check-ins ----------------------------------------------------------------------------------------------------


def test_a_check_in_comes_when_it_was_asked_for_and_again(session, config, client):
    ask_for_check_ins(session, config, "ana", 1, at(10))
    assert write_due(session, config, at(9, 59, day=24)) == []
    assert write_due(session, config, at(10, day=24)) == ["ana-talk"]
    assert write_due(session, config, at(10, day=24)) == []
    writes(session, at(11, day=24))
    assert write_due(session, config, at(10, day=25)) == ["ana-talk"]
    first, second = written(session, "check_in")
    assert first.text != second.text
    assert {first.text, second.text} <= set(variants("check_in"))


def test_a_check_in_never_falls_into_quiet_hours(session, config, client):
    assert ask_for_check_ins(session, config, "ana", 1, at(22, 30)) == at(8, day=25)


def test_the_same_time_of_day_is_kept_when_the_clocks_change(config):
    assert next_at(config, LONDON, datetime(2026, 10, 24, 9, tzinfo=UTC), 1) == datetime(2026, 10, 25, 10, tzinfo=UTC)


def test_after_a_long_silence_of_the_bot_there_is_one_check_in_and_not_many(session, config, client):
    ask_for_check_ins(session, config, "ana", 1, at(10, day=23))
    assert write_due(session, config, at(10, 5, day=29)) == ["ana-talk"]
    assert session.get_one(CheckIn, "ana").next_at == at(10, day=30)


def test_three_check_ins_without_an_answer_end_them_and_the_client_is_told(session, config, client):
    ask_for_check_ins(session, config, "ana", 1, at(10))
    for day in (24, 25, 26, 27, 28):
        write_due(session, config, at(10, day=day))
    said = written(session, "check_in")
    assert len(said) == 3
    assert "last one" in said[-1].text
    assert session.get(CheckIn, "ana") is None


def test_no_check_in_while_a_person_looks_after_the_client(session, config, client, now):
    ask_for_check_ins(session, config, "ana", 1, at(10))
    case = open_case(
        session,
        config,
        client_id="ana",
        conversation_id="ana-talk",
        message_id=None,
        reason="risk",
        tier="high",
        now=at(11),
    )
    assert write_due(session, config, at(10, day=24)) == []
    staff = create_staff(session, "a@clinic.example", "Dr Rivera", "clinician", "correct horse battery", now)
    close(session, case.id, staff.id, "seen", at(12, day=24))
    client.taken_by = staff.id
    assert write_due(session, config, at(10, day=25)) == []
    client.taken_by = None
    assert write_due(session, config, at(10, day=26)) == ["ana-talk"]


def test_no_check_in_for_a_client_who_has_just_written(session, config, client):
    ask_for_check_ins(session, config, "ana", 1, at(10))
    writes(session, at(8, day=24))
    assert write_due(session, config, at(10, day=24)) == []


def test_nothing_is_written_to_a_client_who_has_blocked_the_bot(session, config, client):
    ask_for_check_ins(session, config, "ana", 1, at(10))
    places.set_unreachable(session, "telegram", "7", at(11))
    assert write_due(session, config, at(10, day=24)) == []
    places.set_reachable(session, "telegram", "7")
    assert write_due(session, config, at(10, day=25)) == ["ana-talk"]


def test_check_ins_go_to_where_the_client_wrote_last(session, config, client):
    places.use(session, session.get_one(Conversation, "ana-talk"), "web", "token", at(9))
    ask_for_check_ins(session, config, "ana", 1, at(10))
    write_due(session, config, at(10, day=24))
    assert store.conversations_due(session, "telegram") == []
    assert store.conversations_due(session, "web") == ["ana-talk"]


# -- reminders ----------------------------------------------------------------------------------------------------


@pytest.fixture
def appointment(session, config, client, now):
    slot = next(slot for slot in free_slots(session, config, now=now, limit=20) if slot.starts_at > now + 2 * DAY)
    return book(session, config, slot.id, client_id="ana", conversation_id="ana-talk", now=now, key="k")


def reminded(session, config, since, until):
    moment = since
    while moment <= until:
        write_due(session, config, moment)
        moment += timedelta(minutes=10)
    return written(session, "reminder")


def test_an_appointment_is_reminded_of_once_for_each_of_the_clinics_hours(session, config, appointment, now):
    said = reminded(session, config, now, appointment.starts_at)
    assert len(said) == 2
    assert config.clinician(appointment.clinician).name in said[0].text


def test_no_reminder_in_quiet_hours_but_before(session, config, appointment, client, now):
    night = QuietHours.model_validate({"from": "00:00", "to": "23:59"})
    quiet = config.model_copy(update={"quiet_hours": night, "reminder_hours": (2,)})
    said = []
    moment = now
    while moment <= appointment.starts_at:
        if write_due(session, quiet, moment):
            said.append(moment)
        moment += timedelta(minutes=10)
    assert len(said) == 1
    assert quiet_window(quiet, LONDON, said[0] - timedelta(minutes=20)) is not None


def test_a_cancelled_appointment_and_a_client_who_paused_are_not_reminded(session, config, appointment, now):
    pause(session, "ana", now)
    assert reminded(session, config, now, appointment.starts_at - 3 * HOUR) == []
    session.get_one(Client, "ana").reminders_paused_at = None
    cancel(session, appointment.id, now=now)
    assert reminded(session, config, now, appointment.starts_at) == []


def test_a_reminder_holds_no_health_information(session, config, appointment, now):
    for row in reminded(session, config, now, appointment.starts_at):
        assert config.kind(appointment.kind).title.lower() not in row.text.lower()
