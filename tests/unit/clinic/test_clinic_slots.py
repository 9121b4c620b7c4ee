"""Which times are offered: rules, absences, holidays, clock changes, lead times."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.clinic.config import ClinicConfig
from bot.clinic.rules import Rule
from bot.clinic.schedule import book, find_slot, free_slots, label
from bot.clinic.slots import slots_on

NIGHT_CLINIC = ClinicConfig.model_validate(
    {
        "name": "Night clinic",
        "country": "US",
        "time_zone": "America/New_York",
        "opening_hours": [{"days": ["sat", "sun", "mon"], "from": "00:00", "to": "24:00"}],
        "clinicians": [
            {
                "id": "owl",
                "name": "Dr Owl",
                "availability": [{"days": ["sat", "sun", "mon"], "from": "00:00", "to": "05:00"}],
            }
        ],
        "appointment_kinds": [{"id": "talk", "title": "Talk", "minutes": 60, "lead_minutes": 0}],
    }
)
KIND = NIGHT_CLINIC.appointment_kinds[0]


def labels(slots):
    return [label(slot, "America/New_York") for slot in slots]


def test_the_first_free_slots_come_soonest_first_after_the_lead_time(session, config, now):
    assert labels(free_slots(session, config, now=now)) == [
        "Tue 24 Nov, 13:00",
        "Tue 24 Nov, 13:30",
        "Tue 24 Nov, 14:00",
    ]


def test_a_tier_shortens_the_lead_time(session, config, now):
    slots = free_slots(session, config, now=now, tier="high", limit=1)
    assert labels(slots) == ["Mon 23 Nov, 09:00"]
    assert slots[0].kind == "soon"


def test_more_slots_come_after_those_that_were_shown(session, config, now):
    first = free_slots(session, config, now=now)
    more = free_slots(session, config, now=now, after=first[-1].starts_at)
    assert more[0].starts_at > first[-1].starts_at


def test_a_booked_slot_is_not_offered(session, config, now):
    first, second, *_ = free_slots(session, config, now=now)
    book(session, config, first.id, client_id="ana", conversation_id="ana-talk", now=now, key="1")
    assert free_slots(session, config, now=now)[0] == second


def test_the_day_on_which_clocks_go_forward_has_an_hour_less(session):
    before, change, after = (slots_on(NIGHT_CLINIC, KIND, date(2026, 3, day)) for day in (7, 8, 9))
    assert [len(before), len(change), len(after)] == [5, 4, 5]
    assert labels(change) == [f"Sun 8 Mar, 0{hour}:00" for hour in (0, 1, 3, 4)]


def test_the_day_on_which_clocks_go_back_has_an_hour_more():
    change = slots_on(NIGHT_CLINIC, KIND, date(2026, 11, 1))
    assert len(change) == 6
    assert len({slot.id for slot in change}) == 6
    assert all(slot.ends_at - slot.starts_at == timedelta(hours=1) for slot in change)


def test_nine_o_clock_stays_nine_o_clock_over_a_clock_change(config):
    kind = config.appointment_kinds[0]
    friday, monday = (slots_on(config, kind, day)[0] for day in (date(2026, 10, 30), date(2026, 11, 2)))
    assert labels([friday, monday]) == ["Fri 30 Oct, 09:00", "Mon 2 Nov, 09:00"]
    assert friday.starts_at.astimezone(UTC).hour + 1 == monday.starts_at.astimezone(UTC).hour


def test_nothing_is_offered_on_holidays_and_during_absences(config):
    kind = config.appointment_kinds[0]
    monday = date(2026, 11, 23)
    assert slots_on(config, kind, monday)
    assert not slots_on(config.model_copy(update={"holidays": frozenset({monday})}), kind, monday)
    away = {"first": monday, "last": monday}
    clinicians = [{**who.model_dump(), "absences": [away]} for who in config.clinicians]
    closed = ClinicConfig.model_validate({**config.model_dump(), "clinicians": clinicians})
    assert not slots_on(closed, kind, monday)
    assert slots_on(closed, kind, date(2026, 11, 24))


def test_nothing_is_offered_outside_opening_hours(config):
    early = [{"days": ["mon"], "from": "07:00", "to": "10:00"}]
    clinicians = [{"id": "early", "name": "Dr Early", "availability": early}]
    bird = ClinicConfig.model_validate({**config.model_dump(), "clinicians": clinicians})
    found = slots_on(bird, bird.appointment_kinds[0], date(2026, 11, 23))
    assert labels(found) == ["Mon 23 Nov, 09:00", "Mon 23 Nov, 09:30"]


def test_a_recurrence_rule_counts_from_its_start():
    rule = Rule.model_validate(
        {
            "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
            "starting": date(2026, 1, 5),
            "until": date(2026, 3, 1),
            "from": "14:00",
            "to": "16:00",
        }
    )
    mondays = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(12)]
    assert [rule.on(day) for day in mondays] == [True, False] * 4 + [False] * 4
    assert not rule.on(date(2025, 12, 22))


def test_a_slot_is_found_again_by_its_id_until_it_is_past(session, config, now):
    slot = free_slots(session, config, now=now)[0]
    assert find_slot(config, slot.id, now=now) == slot
    assert find_slot(config, slot.id, now=slot.starts_at) is None
    assert len(f"slot:{slot.id}") <= 64  # Telegram's callback data


@given(st.text(max_size=60))
def test_a_made_up_slot_id_finds_nothing(text):
    assert find_slot(NIGHT_CLINIC, text, now=datetime(2026, 11, 23, tzinfo=UTC)) is None


def test_a_label_is_in_the_reader_s_own_time_zone(session, config, now):
    slot = free_slots(session, config, now=now)[0]
    assert label(slot, "Europe/London") == "Tue 24 Nov, 18:00"
    assert label(slot, "Asia/Tokyo") == "Wed 25 Nov, 03:00"
    assert label(slot, "Nowhere/Land") == "Tue 24 Nov, 18:00 UTC"
