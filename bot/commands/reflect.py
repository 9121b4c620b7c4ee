"""`evoke reflect`: what the bot would say back, without Rasa."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

from bot.commands.lines import text_of
from bot.core import DATA, load_core
from bot.mi.client_language import annotate
from bot.mi.cues import Cues
from bot.settings import Settings


def reflector(settings: Settings, explain: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function from one input line to one output line; with `explain`, every candidate and why."""
    core = load_core(models=settings.models)
    cues = Cues.load(DATA / "mi" / "cues.yml")

    def work(line: dict[str, Any]) -> dict[str, Any]:
        text, topic = text_of(line, "text"), text_of(line, "topic", optional=True) or None
        rng = random.Random(zlib.crc32(text.encode()))
        topics = core.content.topics_in(text)
        topic = topic or (topics[0] if topics else None)
        previous = text_of(line, "previous", optional=True) or None
        language = annotate(text, previous, cues=cues)
        made = core.reflector.reflect(text, language=language, topic=topic, previous=previous, rng=rng)
        fallback = core.content.say("tell_more", said=(), rng=rng, topic=topic)
        out: dict[str, Any] = {
            "id": line.get("id"),
            "reflection": made.text if made else (fallback.text if fallback else ""),
            "kind": made.kind if made else "simple",
        }
        if explain:
            out["candidates"] = [
                {"reflection": c.reflection.text, "kind": c.reflection.kind, "frame": c.reflection.frame,
                 "score": round(c.score, 3), "why": list(c.reflection.why)}
                for c in core.reflector.candidates(text, language=language, topic=topic, previous=previous)
            ]  # fmt: skip
        return out

    return work
