"""Calendar invitations."""

import icalendar
import pytest

from bot.clinic.calendar import invitation
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import book, cancel, free_slots, move

HEALTH = ("health", "risk", "drink", "therap", "motivation", "crisis", "evoke", "case")


@pytest.fixture
def config(config):
    settings = config.model_dump()
    settings["clinicians"][1]["email"] = "okafor@clinic.example"
    return ClinicConfig.model_validate({**settings, "email": "desk@clinic.example", "address": "1 Main St, X"})


@pytest.fixture
def booked(session, config, now):
    slot = free_slots(session, config, now=now)[0]
    return book(session, config, slot.id, client_id="ana", conversation_id="ana-talk", now=now, key="1")


def event_of(content: bytes):
    calendar = icalendar.Calendar.from_ical(content)
    return calendar, calendar.walk("VEVENT")[0]


def test_a_booking_is_a_request_with_everything_that_rfc_5546_asks_for(booked, config, now):
    calendar, event = event_of(invitation(booked, config, now=now, attendee="ana@mail.example"))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert (event["SEQUENCE"], event["STATUS"], event["CLASS"]) == (0, "CONFIRMED", "PRIVATE")
    assert event["DTSTART"].dt == booked.starts_at
    assert event["DTEND"].dt == booked.ends_at
    assert event["DTSTAMP"].dt == now
    assert event["ORGANIZER"] == "mailto:desk@clinic.example"
    assert [str(who) for who in event["ATTENDEE"]] == [
        "mailto:okafor@clinic.example",
        "mailto:ana@mail.example",
    ]
    assert event["LOCATION"] == "1 Main St, X"


def test_times_are_in_utc_and_need_no_zone_table(booked, config, now):
    assert b"DTSTART:20261124T180000Z" in invitation(booked, config, now=now)


def test_a_move_and_a_cancellation_keep_the_uid_and_count_up(session, booked, config, now):
    _, first = event_of(invitation(booked, config, now=now))
    slot = free_slots(session, config, now=now)[1]
    _, second = event_of(invitation(move(session, config, booked.id, slot.id, now=now, key="2"), config, now=now))
    third = invitation(cancel(session, booked.id, now=now), config, now=now, method="CANCEL")
    calendar, last = event_of(third)
    assert first["UID"] == second["UID"] == last["UID"]
    assert [first["SEQUENCE"], second["SEQUENCE"], last["SEQUENCE"]] == [0, 1, 2]
    assert (calendar["METHOD"], last["STATUS"]) == ("CANCEL", "CANCELLED")


def test_nothing_in_it_is_about_health(booked, config, now):
    lines = invitation(booked, config, now=now).decode().lower().splitlines()
    said = [line for line in lines if not line.startswith(("prodid", "uid"))]
    assert [word for word in HEALTH if any(word in line for line in said)] == []


def test_a_clinician_who_left_is_still_cancelled(booked, now):
    nobody = ClinicConfig.model_validate({**ClinicConfig.demo().model_dump(), "clinicians": []})
    _, event = event_of(invitation(booked, nobody, now=now, method="CANCEL"))
    assert event["SUMMARY"] == "Appointment: Demo clinic"
