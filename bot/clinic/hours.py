"""When the clinic is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.clinic.config import ClinicConfig
from bot.clinic.rules import windows

_FAR_DAYS = 60
"""How far ahead an opening is looked for; a clinic that is closed for longer is treated as open now."""


def next_open(config: ClinicConfig, now: datetime) -> datetime:
    """When the clinic is next open (UTC): `now` itself during opening hours."""
    today = now.astimezone(config.zone).date()
    for offset in range(_FAR_DAYS):
        day = today + timedelta(days=offset)
        if day in config.holidays:
            continue
        for begins, ends in sorted(windows(config.opening_hours, day, config.zone)):
            if ends.astimezone(UTC) > now:
                return max(begins.astimezone(UTC), now)
    return now


def is_open(config: ClinicConfig, now: datetime) -> bool:
    """Whether somebody can be expected at the clinic."""
    return next_open(config, now) == now
