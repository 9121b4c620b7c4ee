"""Holding, booking, moving and cancelling."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import (
    AppointmentNotFound,
    SlotTaken,
    book,
    cancel,
    free_slots,
    hold,
    let_go_if_over,
    move,
    upcoming,
)
from bot.store.models import Appointment

ANA = {"client_id": "ana", "conversation_id": "ana-talk"}
BEN = {"client_id": "ben", "conversation_id": "ben-talk"}


@pytest.fixture
def slots(session, config, now):
    return free_slots(session, config, now=now, limit=5)


def count(session) -> int:
    return len(list(session.scalars(select(Appointment))))


def test_the_same_message_books_once(session, config, now, slots):
    first = book(session, config, slots[0].id, **ANA, now=now, key="m1")
    session.commit()
    again = book(session, config, slots[0].id, **ANA, now=now, key="m1")
    assert again.id == first.id
    assert count(session) == 1


def test_a_taken_slot_is_refused_and_the_transaction_goes_on(session, config, now, slots):
    book(session, config, slots[0].id, **ANA, now=now, key="m1")
    with pytest.raises(SlotTaken):
        book(session, config, slots[0].id, **BEN, now=now, key="m2")
    other = book(session, config, slots[1].id, **BEN, now=now, key="m2")
    session.commit()
    assert other.status == "booked"


def test_one_client_s_key_means_nothing_for_another(session, config, now, slots):
    ana = book(session, config, slots[0].id, **ANA, now=now, key="1")
    ben = book(session, config, slots[1].id, **BEN, now=now, key="1")
    assert ana.id != ben.id


def test_a_slot_that_is_not_offered_cannot_be_booked(session, config, now, slots):
    for wrong in ("", "slot", "zzzz-0000000000", slots[0].id + "0"):
        with pytest.raises(SlotTaken):
            book(session, config, wrong, **ANA, now=now, key=wrong)
    with pytest.raises(SlotTaken):
        book(session, config, slots[0].id, **ANA, now=slots[0].starts_at, key="late")


def test_appointments_of_different_lengths_never_overlap(session, config, now):
    kinds = [
        {"id": "long", "title": "Long", "minutes": 60, "lead_minutes": 0},
        {"id": "short", "title": "Short", "minutes": 30, "lead_minutes": 0, "tiers": ["high"]},
    ]
    mixed = ClinicConfig.model_validate({**config.model_dump(), "appointment_kinds": kinds})
    long = free_slots(session, mixed, now=now, limit=1)[0]
    inside = free_slots(session, mixed, now=now, tier="high", limit=2)[1]
    assert long.starts_at < inside.starts_at < long.ends_at
    book(session, mixed, long.id, **ANA, now=now, key="1")
    with pytest.raises(SlotTaken):
        book(session, mixed, inside.id, **BEN, now=now, key="2")


def test_a_hold_keeps_the_slot_from_others_until_it_runs_out(session, config, now, slots):
    held = hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    assert slots[0] not in free_slots(session, config, now=now)
    with pytest.raises(SlotTaken):
        book(session, config, slots[0].id, **BEN, now=now, key="m2")
    later = held.held_until
    assert slots[0] in free_slots(session, config, now=later, limit=10)
    assert book(session, config, slots[0].id, **BEN, now=later, key="m3").client_id == "ben"
    session.refresh(held)
    assert held.status == "expired"


def test_booking_one_s_own_hold_turns_it_into_the_booking(session, config, now, slots):
    held = hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    booked = book(session, config, slots[0].id, **ANA, now=now, key="m2")
    assert booked.id == held.id
    assert (booked.status, booked.held_until) == ("booked", None)
    assert let_go_if_over(session, held.id, now + timedelta(days=1)) is None
    assert booked.status == "booked"


def test_the_message_that_held_can_book_too(session, config, now, slots):
    hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    assert book(session, config, slots[1].id, **ANA, now=now, key="m1").status == "booked"
    assert slots[0] in free_slots(session, config, now=now)


def test_another_choice_lets_go_of_the_hold_and_keeps_the_case(session, config, now, slots):
    case = open_case(
        session,
        config,
        client_id="ana",
        conversation_id="ana-talk",
        message_id=None,
        reason="risk",
        tier="high",
        now=now,
    )
    held = hold(session, config, slots[0].id, **ANA, case_id=case.id, now=now, key="m1")
    assert held.held_until == now + timedelta(minutes=config.case_hold_minutes)
    booked = book(session, config, slots[1].id, **ANA, now=now, key="m2")
    assert booked.case_id == case.id
    assert slots[0] in free_slots(session, config, now=now)


def test_a_refused_choice_leaves_the_hold(session, config, now, slots):
    book(session, config, slots[1].id, **BEN, now=now, key="m0")
    held = hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    with pytest.raises(SlotTaken):
        book(session, config, slots[1].id, **ANA, now=now, key="m2")
    session.commit()
    assert held.status == "held"


def test_a_move_frees_the_old_time_and_counts_up(session, config, now, slots):
    booked = book(session, config, slots[0].id, **ANA, now=now, key="m1")
    moved = move(session, config, booked.id, slots[2].id, now=now, key="m2")
    assert (moved.id, moved.starts_at, moved.sequence) == (booked.id, slots[2].starts_at, 1)
    assert slots[0] in free_slots(session, config, now=now)
    assert move(session, config, booked.id, slots[2].id, now=now, key="m2").sequence == 1


def test_a_failed_move_changes_nothing(session, config, now, slots):
    booked = book(session, config, slots[0].id, **ANA, now=now, key="m1")
    book(session, config, slots[1].id, **BEN, now=now, key="m2")
    with pytest.raises(SlotTaken):
        move(session, config, booked.id, slots[1].id, now=now, key="m3")
    session.commit()
    assert (booked.starts_at, booked.sequence) == (slots[0].starts_at, 0)


def test_a_cancelled_time_is_free_again_and_cancelling_twice_is_once(session, config, now, slots):
    booked = book(session, config, slots[0].id, **ANA, now=now, key="m1")
    cancel(session, booked.id, now=now)
    assert cancel(session, booked.id, now=now).sequence == 1
    assert slots[0] in free_slots(session, config, now=now)
    with pytest.raises(AppointmentNotFound):
        move(session, config, booked.id, slots[1].id, now=now, key="m2")
    with pytest.raises(AppointmentNotFound):
        cancel(session, "unknown", now=now)


def test_a_hold_runs_out_at_its_time_and_frees_the_slot(session, config, now, slots):
    held = hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    assert let_go_if_over(session, held.id, now) == now + timedelta(minutes=30)
    assert let_go_if_over(session, held.id, now + timedelta(minutes=30)) is None
    session.refresh(held)
    assert (held.status, held.slot_key) == ("expired", None)
    assert let_go_if_over(session, "made up", now) is None


def test_the_upcoming_appointment_is_the_booked_one_before_a_held_one(session, config, now, slots):
    assert upcoming(session, "ana", now) is None
    held = hold(session, config, slots[0].id, **ANA, now=now, key="m1")
    assert upcoming(session, "ana", now).id == held.id
    assert upcoming(session, "ana", held.held_until) is None
    booked = book(session, config, slots[1].id, **ANA, now=now, key="m2")
    hold(session, config, slots[0].id, **ANA, now=now, key="m3")
    assert upcoming(session, "ana", now).id == booked.id
    assert upcoming(session, "ana", slots[1].ends_at) is None


def test_a_booking_is_kept_or_lost_with_the_caller_s_transaction(session, config, now, slots):
    book(session, config, slots[0].id, **ANA, now=now, key="m1")
    session.rollback()
    assert count(session) == 0
    assert book(session, config, slots[0].id, **BEN, now=now, key="m2").status == "booked"
