"""The table of processes, walked."""

import itertools

import pytest

from bot.mi.process import PROCESSES, TRANSITIONS, IllegalTransition, diagram, follow

EVENTS = sorted({event for _, event in TRANSITIONS})


@pytest.mark.parametrize(("process", "event"), list(itertools.product(PROCESSES, EVENTS)))
def test_a_transition_is_in_the_table_or_raises(process, event):
    if (process, event) in TRANSITIONS:
        assert follow(process, event) in PROCESSES
    else:
        with pytest.raises(IllegalTransition):
            follow(process, event)


def test_discord_leads_back_to_engaging_from_anywhere():
    assert {follow(process, "discord") for process in PROCESSES} == {"engage"}


def test_planning_begins_only_on_readiness():
    assert {event for (_, event), end in TRANSITIONS.items() if end == "plan"} == {"ready"}


def test_the_diagram_holds_every_line_of_the_table():
    assert diagram().count("-->") == len(TRANSITIONS)
