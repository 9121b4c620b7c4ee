"""Quiet hours: when a client's phone must not ring for something that they did not just ask for."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clinic.cases import open_risk_case
from bot.clinic.config import ClinicConfig
from bot.clinic.rules import wall
from bot.store.models import Client, Conversation, Message

AWAKE = timedelta(minutes=30)
"""So long after their last message a client is taken to be there."""


def zone_of(client: Client, config: ClinicConfig) -> ZoneInfo:
    """The client's time zone, else the clinic's."""
    return ZoneInfo(client.time_zone) if client.time_zone else config.zone


def quiet_window(config: ClinicConfig, zone: ZoneInfo, at: datetime) -> tuple[datetime, datetime] | None:
    """The quiet hours around a moment (UTC), or None when it is in none."""
    quiet = config.quiet_hours
    if quiet is None or quiet.begins == quiet.ends:
        return None
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        begins = wall(day, quiet.begins, zone)
        ends = wall(day + timedelta(days=quiet.begins > quiet.ends), quiet.ends, zone)
        if begins.astimezone(UTC) <= at < ends.astimezone(UTC):
            return begins.astimezone(UTC), ends.astimezone(UTC)
    return None


def hold_until(session: Session, config: ClinicConfig, client_id: str, now: datetime) -> datetime | None:
    """Until when a message to the client has to wait; None when it may go at once.

    It goes at once outside quiet hours, to a client who has just written, and while a risk case is open.
    """
    client = session.get(Client, client_id)
    if client is None:
        return None
    window = quiet_window(config, zone_of(client, config), now)
    if window is None or open_risk_case(session, client_id) is not None:
        return None
    wrote = session.scalar(
        select(func.max(Message.created_at))
        .join(Conversation)
        .where(Conversation.client_id == client_id, Message.direction == "in")
    )
    return None if wrote is not None and wrote > now - AWAKE else window[1]


def next_at(config: ClinicConfig, zone: ZoneInfo, now: datetime, days: int) -> datetime:
    """The same time of day in so many days, or the end of the quiet hours if it falls into them."""
    local = now.astimezone(zone)
    then = datetime.combine(local.date() + timedelta(days=days), time(local.hour, local.minute), zone).astimezone(UTC)
    window = quiet_window(config, zone, then)
    return window[1] if window else then
