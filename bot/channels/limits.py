"""A polite limit on how fast one client, or one address, may send."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from bot.channels.problems import Problem

CODES_PER_MINUTE = 5
"""Tries of a one-time code from one chat or address."""
ALL_CODES_PER_MINUTE = 60
"""Tries of codes from everywhere together."""


class RateLimit:
    """A sliding window of a minute, in memory: a restart forgives, which is all right for politeness.

    Args:
        per_minute: how many go through in any 60 s.
        what: what is limited, for the sentence the client reads.
    """

    def __init__(self, per_minute: int, what: str) -> None:
        self.per_minute, self.what = per_minute, what
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def check(self, key: str) -> None:
        """Counts one; raises a 429 Problem that says how many seconds to wait."""
        now = time.monotonic()
        seen = self._seen[key]
        while seen and seen[0] <= now - 60:
            seen.popleft()
        if len(seen) >= self.per_minute:
            wait = int(60 - (now - seen[0])) + 1
            raise Problem(
                429,
                f"That is more than {self.per_minute} {self.what} in a minute. Please wait {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )
        seen.append(now)
        if len(self._seen) > 10_000:
            for stale in [k for k, times in self._seen.items() if not times or times[-1] <= now - 60]:
                del self._seen[stale]
