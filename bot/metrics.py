"""What is counted, for /metrics. Labels hold no client text and no names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
ANSWERED = Counter("evoke_messages_answered", "Inbound messages answered.", ["tier"], registry=REGISTRY)
SCREEN_FAILED = Counter("evoke_screen_failures", "Messages that got the static safety reply.", registry=REGISTRY)
SECONDS = Histogram(
    "evoke_turn_seconds",
    "Seconds from taking up a message to its stored answer.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20),
    registry=REGISTRY,
)
