"""Opening, raising, acknowledging and closing cases, and the pages that go with them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.clinic.alerts import due, is_told, next_round
from bot.clinic.cases import CaseNotFound, acknowledge, close, open_case, open_risk_case, queue
from bot.clinic.config import ClinicConfig
from bot.console.staff import create_staff
from bot.store.models import Alert, Audit, Case

ROUTES = [
    {"name": "console", "kind": "console"},
    {"name": "pager", "kind": "webhook", "url": "https://pager.example"},
    {"name": "mail", "kind": "mail", "to": ["a@b.example"], "sender": "a@b.example", "backup": True},
]


@pytest.fixture
def config(config):
    return ClinicConfig.model_validate({**config.model_dump(), "notifications": {"routes": ROUTES}})


@pytest.fixture
def staff(session, now):
    return create_staff(session, "sam@clinic.example", "Sam", "clinician", "a long password", now)


@pytest.fixture
def report(session, config, now):
    def report(tier="high", client="ana", reason="risk", kinds=("suicide",), at=now) -> Case:
        return open_case(
            session,
            config,
            client_id=client,
            conversation_id=f"{client}-talk",
            message_id=None,
            reason=reason,
            tier=tier,
            kinds=kinds,
            now=at,
        )

    return report


def pages(session) -> list[tuple[str, str, int]]:
    return [(row.tier, row.route, row.round) for row in session.scalars(select(Alert).order_by(Alert.id))]


def start_round(session, config, now) -> bool:
    """Whether a round began for the one case that there is."""
    case = session.scalars(select(Case)).one()
    newest = max(row.round for row in session.scalars(select(Alert).where(Alert.tier == case.tier)))
    before = len(pages(session))
    next_round(session, config, case.id, case.tier, newest, now)
    return len(pages(session)) > before


def test_a_case_and_its_pages_are_stored_together(session, report):
    report()
    assert pages(session) == [("high", "console", 0), ("high", "pager", 0)]
    session.rollback()
    assert pages(session) == []
    assert list(session.scalars(select(Case))) == []


def test_a_client_has_one_open_risk_case_whose_kinds_add_up(session, report):
    first = report(kinds=("suicide",))
    again = report(kinds=("self_harm", "suicide"))
    assert again.id == first.id
    assert again.kinds == ["suicide", "self_harm"]
    assert len(pages(session)) == 2


def test_a_later_report_never_lowers_the_tier(report):
    report("imminent")
    assert report("check_in").tier == "imminent"
    assert report("none").tier == "imminent"


def test_a_higher_tier_pages_anew_and_asks_for_a_new_acknowledgement(session, report, staff, now):
    case = report("moderate")
    acknowledge(session, case.id, staff.id, now)
    raised = report("imminent", at=now + timedelta(minutes=3))
    assert (raised.id, raised.acknowledged_at, raised.acknowledged_by) == (case.id, None, None)
    assert ("imminent", "pager", 0) in pages(session)
    assert {alert.tier for alert in due(session, now + timedelta(hours=5))} == {"imminent"}


def test_a_wish_for_a_human_is_a_case_of_its_own(session, report):
    risk, wish = report("high"), report("none", reason="wish", kinds=())
    assert wish.id != risk.id
    assert report("none", reason="wish", kinds=()).id == wish.id
    assert open_risk_case(session, "ana") is risk
    assert open_risk_case(session, "ben") is None


def test_an_unknown_tier_is_refused(report):
    with pytest.raises(ValueError, match="tuple"):
        report("terrible")


def test_only_closing_ends_a_case_and_the_next_report_opens_another(session, report, staff, now):
    case = report()
    close(session, case.id, staff.id, "Spoke with the client", now)
    assert (case.acknowledged_by, case.closed_by, case.outcome) == (
        staff.id,
        staff.id,
        "Spoke with the client",
    )
    assert report().id != case.id


def test_closing_again_changes_nothing(session, report, staff, now):
    case = report()
    close(session, case.id, staff.id, "First", now)
    assert close(session, case.id, staff.id, "Second", now).outcome == "First"
    actions = [row.action for row in session.scalars(select(Audit).where(Audit.subject == case.id))]
    assert actions == ["acknowledge_case", "close_case"]


def test_a_case_is_not_closed_without_an_outcome(session, report, staff, now):
    with pytest.raises(ValueError, match="outcome"):
        close(session, report().id, staff.id, "  ", now)


def test_an_unknown_case_is_told(session, staff, now):
    with pytest.raises(CaseNotFound):
        acknowledge(session, "unknown", staff.id, now)


def test_the_queue_has_the_unacknowledged_then_the_most_serious_then_the_longest_waiting(
    session, config, report, staff, now
):
    taken = report("imminent", client="ana")
    acknowledge(session, taken.id, staff.id, now)
    wish = report("none", client="ana", reason="wish")
    late = report("high", client="ben", at=now + timedelta(minutes=1))
    assert [case.id for case in queue(session)] == [late.id, wish.id, taken.id]


def test_what_can_wait_goes_out_when_the_clinic_opens_and_shows_in_the_console_at_once(session, report, now):
    report("moderate")  # at 08:00; the clinic opens at 09:00
    assert [alert.route for alert in due(session, now)] == ["console"]
    assert [alert.route for alert in due(session, now + timedelta(hours=1))] == ["console", "pager"]


def test_nobody_acknowledges_so_the_clinic_is_paged_again_at_its_own_times(session, config, report, now):
    report("imminent")
    began = []
    for minute in range(31):
        if start_round(session, config, now + timedelta(minutes=minute)):
            began.append(minute)
    assert began == [5, 10, 20, 30]
    assert ("imminent", "mail", 1) in pages(session)
    assert ("imminent", "mail", 0) not in pages(session)


def test_after_a_long_stop_one_round_begins_and_not_all_that_were_missed(session, config, report, now):
    report("imminent")
    assert start_round(session, config, now + timedelta(hours=3))
    assert not start_round(session, config, now + timedelta(hours=3))
    assert {alert.round for alert in due(session, now + timedelta(hours=3))} == {1}


def test_paging_stops_with_the_acknowledgement(session, config, report, staff, now):
    case = report("imminent")
    acknowledge(session, case.id, staff.id, now)
    assert not start_round(session, config, now + timedelta(hours=1))
    assert due(session, now + timedelta(hours=1)) == []


def test_what_can_wait_is_not_repeated_at_night(session, config, report, now):
    report("moderate")  # Monday 08:00; opens 09:00; repeats after 2 h, then every 4 h of opening
    hours = [hour for hour in range(1, 40) if start_round(session, config, now + timedelta(hours=hour, minutes=1))]
    assert [8 + hour for hour in hours] == [11, 15, 24 + 9, 24 + 13]


def test_the_client_is_told_the_clinic_knows_only_when_it_does(session, config, report, now):
    case = report()
    by_route = {alert.route: alert for alert in session.scalars(select(Alert))}
    by_route["console"].sent_at = now
    assert not is_told(session, config, case)
    by_route["pager"].sent_at = now
    assert is_told(session, config, case)


def test_with_the_console_alone_its_queue_counts(session, report, now):
    case = report()
    session.scalars(select(Alert).where(Alert.route == "console")).one().sent_at = now
    session.delete(session.scalars(select(Alert).where(Alert.route == "pager")).one())
    session.flush()
    assert is_told(session, ClinicConfig.demo(), case)
