"""The four processes of MI as one table.

Rule 1: every transition is in TRANSITIONS, and one that is not raises and changes nothing.
Rule 2: a client may go back to engaging from anywhere (discord), and to focusing (another topic).
Rule 3: planning begins only on readiness: after the key question was answered with change talk, or on the client's
own commitment. Source: Miller & Rollnick, 3rd ed., ch. 3 and 19.
"""

from __future__ import annotations

TRANSITIONS: dict[tuple[str, str], str] = {
    # process, what happened    -> process
    ("engage", "topic_named"): "evoke",
    ("engage", "topic_open"): "focus",
    ("focus", "topic_named"): "evoke",
    ("evoke", "ready"): "plan",
    ("evoke", "topic_changed"): "focus",
    ("plan", "not_ready"): "evoke",
    ("plan", "topic_changed"): "focus",
    ("plan", "planned"): "close",
    ("close", "more_to_say"): "evoke",
    ("close", "topic_changed"): "focus",
    ("close", "ready"): "plan",
    ("engage", "discord"): "engage",
    ("focus", "discord"): "engage",
    ("evoke", "discord"): "engage",
    ("plan", "discord"): "engage",
    ("close", "discord"): "engage",
}
PROCESSES = ("engage", "focus", "evoke", "plan", "close")


class IllegalTransition(ValueError):
    """No such transition; the process stays what it was."""


def follow(process: str, event: str) -> str:
    """The process after `event`.

    Raises:
        IllegalTransition: the table has no such line.
    """
    try:
        return TRANSITIONS[process, event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen in {process}") from None


def diagram() -> str:
    """The table as a Mermaid diagram, for the docs."""
    lines = [f"    {start} --> {end}: {event}" for (start, event), end in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", *lines])
