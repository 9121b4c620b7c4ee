"""The waiting list: who is offered the next time that comes free, and what becomes of the offer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic import waiting_list
from bot.clinic.cases import open_case
from bot.clinic.config import AppointmentKind, ClinicConfig, Clinician
from bot.clinic.rights import erase_client, export_client
from bot.clinic.rules import Rule
from bot.clinic.schedule import book, cancel, free_slots, hold, upcoming
from bot.store.messages import add_inbound
from bot.store.models import Appointment, Client, Conversation, Message, WaitingPlace
from tests.unit.clinic.conftest import MONDAY, add_client

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # Monday, 23:00


@pytest.fixture
def config() -> ClinicConfig:
    """Two half hours a week, on Thursday morning; times are offered two weeks ahead."""
    window = Rule.model_validate({"days": ["thu"], "from": "10:00", "to": "11:00"})
    demo = ClinicConfig.demo()
    clinicians = (Clinician(id="rivera", name="Dr Rivera", availability=(window,)),)
    kinds = (
        AppointmentKind(
            id="talk", title="Talk", minutes=30, tiers=("none", "check_in", "moderate", "high", "imminent")
        ),
    )
    changes = {"clinicians": clinicians, "appointment_kinds": kinds, "booking_horizon_days": 13}
    return demo.model_copy(update=changes)


@pytest.fixture
def full(session: Session, config: ClinicConfig) -> list[Appointment]:
    """Every time is taken, by a client called zoe."""
    add_client(session, "zoe")
    taken = []
    for n, slot in enumerate(free_slots(session, config, now=NOON, limit=100)):
        keys: dict[str, Any] = {"client_id": "zoe", "conversation_id": "zoe-talk", "now": NOON, "key": f"z{n}"}
        taken.append(book(session, config, slot.id, **keys))
    assert len(taken) == 4
    assert free_slots(session, config, now=NOON) == []
    return taken


def told(session: Session, who: str) -> list[str]:
    query = select(Message.text).where(Message.conversation_id == f"{who}-talk", Message.direction == "out")
    return list(session.scalars(query.order_by(Message.seq)))


def line(session: Session) -> list[str]:
    return [place.client_id for place in waiting_list.in_line(session)]


def held_for(session: Session, who: str, now: datetime) -> Appointment | None:
    kept = upcoming(session, who, now)
    return kept if kept is not None and kept.status == "held" else None


def test_the_first_in_line_is_offered_the_time_that_comes_free_and_it_is_kept(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON + timedelta(minutes=1))
    now = NOON + timedelta(hours=1)
    assert waiting_list.look(session, config, now) == []
    cancel(session, full[0].id, now=now)
    assert waiting_list.look(session, config, now) == ["ana-talk"]
    assert told(session, "ana")[-1].startswith(
        "A time has come free at Demo clinic: Thu 26 Nov, 10:00, with Dr Rivera. I'm keeping it for you until "
        "Mon 23 Nov, 17:00."
    )
    assert held_for(session, "ana", now).starts_at == full[0].starts_at
    assert told(session, "ben") == []
    assert waiting_list.look(session, config, now) == [], "it is offered once"


def test_two_times_go_to_two_clients(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON)
    for appointment in full[:2]:
        cancel(session, appointment.id, now=NOON)
    assert sorted(waiting_list.look(session, config, NOON)) == ["ana-talk", "ben-talk"]
    assert held_for(session, "ana", NOON).starts_at != held_for(session, "ben", NOON).starts_at


def test_the_offer_opens_the_booking_form_with_this_time(session, config, full):
    talk = session.get_one(Conversation, "ana-talk")
    talk.dialogue = {"slots": {"awaiting": "share", "offered": None}, "loop": None, "said": ["x"], "asked": "checkin"}
    talk.mi_state = {"awaiting": "importance.ask", "asked": "How important is it?"}
    waiting_list.join(session, config, "ana", NOON)
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    assert (talk.dialogue["loop"], talk.dialogue["slots"]["requested_slot"]) == ("booking_form", "appointment_choice")
    offered = talk.dialogue["slots"]["offered"]
    assert [one["label"] for one in offered] == ["Thu 26 Nov, 10:00"]
    assert "asked" not in talk.dialogue
    assert (talk.mi_state["awaiting"], talk.mi_state["asked"]) == ("", "")
    message = session.scalars(select(Message).where(Message.conversation_id == "ana-talk")).one()
    assert message.payload["slots"] == offered


def test_an_offer_that_runs_out_goes_to_the_next_in_line_and_both_are_told(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON)
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    later = NOON + timedelta(hours=4, minutes=1)
    assert waiting_list.look(session, config, later) == ["ana-talk", "ben-talk"]
    assert "somebody else can have it now" in told(session, "ana")[-1]
    assert "A time has come free" in told(session, "ben")[-1]
    assert line(session) == ["ben", "ana"]


def test_a_time_that_is_turned_down_is_free_for_the_next_at_once_and_the_place_is_kept(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON)
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    waiting_list.turn_down(session, "ana", NOON)
    assert waiting_list.look(session, config, NOON) == ["ben-talk"]
    assert len(told(session, "ana")) == 1, "they have said no, and need not be told"
    assert line(session) == ["ben", "ana"]


def test_after_a_no_the_booking_form_is_over(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    assert not waiting_list.standing(session, "ana", NOON).offered
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    assert waiting_list.standing(session, "ana", NOON) == waiting_list.Standing(1, booked=False, offered=True)
    waiting_list.turn_down(session, "ana", NOON)
    waiting_list.close_offer(session, "ana-talk")
    dialogue = session.get_one(Conversation, "ana-talk").dialogue
    assert (dialogue["loop"], dialogue["slots"]["awaiting"]) == (None, "nothing")
    assert not waiting_list.standing(session, "ana", NOON).offered


def test_who_books_is_off_the_list(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    slot = session.get_one(Conversation, "ana-talk").dialogue["slots"]["offered"][0]["id"]
    kept = held_for(session, "ana", NOON)
    booked = book(session, config, slot, client_id="ana", conversation_id="ana-talk", now=NOON, key="yes")
    assert booked.id == kept.id
    waiting_list.look(session, config, NOON)
    assert line(session) == []
    assert len(told(session, "ana")) == 1


def test_after_three_offers_that_were_not_taken_the_wish_ends_and_the_client_is_told(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    now = NOON
    for appointment in full[:3]:
        cancel(session, appointment.id, now=now)
        waiting_list.look(session, config, now)
        assert held_for(session, "ana", now).starts_at == appointment.starts_at
        now += timedelta(hours=13)
        waiting_list.look(session, config, now)
        now += timedelta(hours=13)
    assert line(session) == []
    assert "ended your place on it" in told(session, "ana")[-1]


def test_the_next_offer_comes_no_sooner_than_twelve_hours_later(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    for appointment in full:
        cancel(session, appointment.id, now=NOON)
    waiting_list.look(session, config, NOON)
    waiting_list.turn_down(session, "ana", NOON)
    assert waiting_list.look(session, config, NOON) == []
    assert waiting_list.look(session, config, NOON + timedelta(hours=11)) == []
    assert waiting_list.look(session, config, NOON + timedelta(hours=22)) == ["ana-talk"]
    assert held_for(session, "ana", NOON + timedelta(hours=22)).starts_at == full[1].starts_at, (
        "no time is offered twice"
    )


def test_times_that_were_free_when_they_asked_are_not_offered(session, config):
    waiting_list.join(session, config, "ana", NOON)  # they have seen what there is, and it did not suit them
    assert waiting_list.look(session, config, NOON) == []
    a_week_later = NOON + timedelta(days=7)
    assert waiting_list.look(session, config, a_week_later) == ["ana-talk"], "a new day has come within reach"


def test_a_client_at_risk_comes_first(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON + timedelta(hours=1))
    keys: dict[str, Any] = {"client_id": "ben", "conversation_id": "ben-talk", "message_id": None, "now": NOON}
    open_case(session, config, reason="risk", tier="moderate", **keys)
    assert line(session) == ["ben", "ana"]


def test_at_night_no_phone_rings_and_the_time_is_kept_until_after_breakfast(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    cancel(session, full[0].id, now=NIGHT)
    waiting_list.look(session, config, NIGHT)
    message = session.scalars(select(Message).where(Message.conversation_id == "ana-talk")).one()
    assert message.not_before == datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    assert held_for(session, "ana", NIGHT).held_until == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("taken", lambda client, talk: setattr(client, "taken_by", "rivera")),
        ("consent", lambda client, talk: setattr(client, "consent_version", "0")),
        ("safety", lambda client, talk: setattr(talk, "safety_state", {"open": True, "awaiting": "suicide.thoughts"})),
    ],
)
def test_who_cannot_be_asked_now_keeps_the_place_and_the_next_is_asked(session, config, full, why, change):
    waiting_list.join(session, config, "ana", NOON)
    waiting_list.join(session, config, "ben", NOON)
    change(session.get_one(Client, "ana"), session.get_one(Conversation, "ana-talk"))
    cancel(session, full[0].id, now=NOON)
    assert waiting_list.look(session, config, NOON) == ["ben-talk"]
    assert [(one.client.id, one.why_not) for one in waiting_list.shown(session, config, NOON)] == [
        ("ana", why),
        ("ben", ""),
    ]


def test_an_offer_does_not_come_between_in_a_conversation(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    words = {"external_id": None, "kind": "text", "text": "hello", "payload": {}}
    message, _ = add_inbound(session, "ana-talk", now=NOON, **words)
    cancel(session, full[0].id, now=NOON)
    assert waiting_list.look(session, config, NOON + timedelta(minutes=10)) == [], "the bot has not answered yet"
    message.answered_at = NOON
    assert waiting_list.look(session, config, NOON + timedelta(minutes=1)) == []
    assert waiting_list.look(session, config, NOON + timedelta(minutes=3)) == ["ana-talk"]


def test_who_is_choosing_a_time_is_left_in_peace(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    for appointment in full[:2]:
        cancel(session, appointment.id, now=NOON)
    waiting_list.look(session, config, NOON)
    other = free_slots(session, config, now=NOON)[0]
    hold(session, config, other.id, client_id="ana", conversation_id="ana-talk", now=NOON, key="another")
    assert waiting_list.look(session, config, NOON) == []
    assert session.get_one(WaitingPlace, "ana").passed == 0


def test_leaving_the_list_frees_the_time_that_was_kept(session, config, full):
    waiting_list.join(session, config, "ana", NOON)
    cancel(session, full[0].id, now=NOON)
    waiting_list.look(session, config, NOON)
    assert waiting_list.leave(session, "ana", NOON)
    assert held_for(session, "ana", NOON) is None
    assert not waiting_list.leave(session, "ana", NOON)
    assert waiting_list.place_of(session, "ana") is None


def test_the_list_is_in_the_copy_of_everything_and_goes_with_the_client(session, config, full):
    waiting_list.join(session, config, "ana", MONDAY)
    assert len(export_client(session, "ana")["waiting_place"]) == 1
    erase_client(session, "ana", NOON)
    assert line(session) == []
