"""What clients are told by the clinic: that an appointment is off, or what a clinician writes to them.

A notice is an outbound message, stored in the transaction of the deed that it tells of, and delivered like a reply.
"""

from __future__ import annotations

import functools
from datetime import datetime
from pathlib import Path

from ruamel.yaml import YAML
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import cancel, label
from bot.store.messages import Outbound, add_outbound, queue_for_client
from bot.store.models import Appointment, Client, Conversation

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
    clinician = config.clinician(appointment.clinician)
    text = words("cancelled" if status == "booked" else "cancelled_hold").format(
        clinic=config.name,
        who=clinician.name if clinician else config.name,
        when=label(appointment, client.time_zone or config.time_zone),
    )
    conversation = session.get_one(Conversation, appointment.conversation_id)
    add_outbound(session, conversation, [Outbound(text, kind="notice")], None, now)
    return conversation.id


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
    return queue_for_client(session, client.id, signed, now).conversation_id


def words(what: str) -> str:
    """A notice's words from notices.yml, with gaps such as {clinic}."""
    return _all_words()[what]


@functools.cache
def _all_words() -> dict[str, str]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("notices.yml").read_text(encoding="utf-8")))
