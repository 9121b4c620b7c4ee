"""What clients are told by the clinic: that an appointment is off, or what a clinician writes to them.

A notice is an outbound message, stored in the transaction of the deed that it tells of, and delivered like a reply.
"""

from __future__ import annotations

import functools
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.quiet import hold_until
from bot.clinic.schedule import AppointmentNotFound, cancel, label, move
from bot.store.messages import Outbound, queue_for_client
from bot.store.models import Appointment, Client

LONGEST = 2000
"""Characters in what a clinician writes."""


def cancel_for_clinic(session: Session, config: ClinicConfig, appointment_id: str, *, now: datetime) -> str | None:
    """Cancels an appointment on the clinic's side and tells the client, once.

    Returns:
        The conversation that has news, or None when it was cancelled already.

    Raises:
        AppointmentNotFound: there is no such appointment.
    """
    before = session.get(Appointment, appointment_id)
    status = before.status if before is not None and before.slot_key is not None else None
    appointment = cancel(session, appointment_id, now=now)
    if status is None:
        return None
    client = session.get_one(Client, appointment.client_id)
    text = words("cancelled" if status == "booked" else "cancelled_hold").format(
        clinic=config.name,
        who=_with_whom(config, appointment),
        when=label(appointment, client.time_zone or config.time_zone),
    )
    wait = hold_until(session, config, client.id, now)
    card = {"card": cancelled_card(config, appointment, client.time_zone)} if status == "booked" else {}
    notice = Outbound(text, kind="notice", payload=card)
    return queue_for_client(session, client.id, notice, now, not_before=wait).conversation_id


def cancelled_card(config: ClinicConfig, appointment: Appointment, zone: str | None) -> dict[str, Any]:
    """A cancelled appointment as a card, with the file that takes it out of the client's calendar."""
    lines = [
        {"label": "When", "text": label(appointment, zone or config.time_zone)},
        {"label": "With", "text": _with_whom(config, appointment)},
    ]
    file = f"cancelled-{appointment.id[:8]}.ics"
    return {"type": "appointment", "title": "Cancelled", "lines": lines, "file": file}


def move_for_clinic(
    session: Session, config: ClinicConfig, appointment_id: str, slot_id: str, *, now: datetime
) -> str | None:
    """Moves an appointment on the clinic's side, and tells the client, with the calendar file that replaces theirs.

    Returns:
        The conversation that has news, or None when it was there already.

    Raises:
        AppointmentNotFound: there is no such appointment any more.
        SlotTaken: the slot is not free.
    """
    appointment = session.get(Appointment, appointment_id)
    if appointment is None or appointment.slot_key is None:
        raise AppointmentNotFound(appointment_id)
    client = session.get_one(Client, appointment.client_id)
    zone = client.time_zone or config.time_zone
    before, key = label(appointment, zone), appointment.slot_key
    moved = move(session, config, appointment_id, slot_id, now=now, key=f"moved-to-{slot_id}-{now.isoformat()}")
    if moved.slot_key == key:
        return None
    when, who = label(moved, zone), _with_whom(config, moved)
    lines = [{"label": "When", "text": when}, {"label": "With", "text": who}]
    lines.append({"label": "Where", "text": config.address or config.name})
    card = {"type": "appointment", "title": "Your appointment", "lines": lines, "file": "appointment.ics"}
    text = words("moved").format(clinic=config.name, who=who, before=before, when=when)
    message, wait = Outbound(text, kind="notice", payload={"card": card}), hold_until(session, config, client.id, now)
    return queue_for_client(session, client.id, message, now, not_before=wait).conversation_id


def write_to_client(
    session: Session, config: ClinicConfig, client: Client, *, who: str, text: str, now: datetime
) -> str:
    """Sends what a clinician wrote, under their name, since some channels show no senders.

    Returns:
        The conversation that has news.

    Raises:
        ValueError: the text is empty or too long.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise ValueError(f"A message has between 1 and {LONGEST} characters.")
    signed = Outbound(f"{who}, {config.name}:\n{text}", kind="clinician")
    return queue_for_client(
        session, client.id, signed, now, not_before=hold_until(session, config, client.id, now)
    ).conversation_id


def _with_whom(config: ClinicConfig, appointment: Appointment) -> str:
    clinician = config.clinician(appointment.clinician)
    return clinician.name if clinician else config.name


def words(what: str) -> str:
    """A notice's words from notices.yml, with gaps such as {clinic}."""
    return variants(what)[0]


def variants(what: str) -> tuple[str, ...]:
    """Every wording of a notice."""
    kept = _all_words()[what]
    return (kept,) if isinstance(kept, str) else tuple(kept)


@functools.cache
def _all_words() -> dict[str, str | list[str]]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("notices.yml").read_text(encoding="utf-8")))
