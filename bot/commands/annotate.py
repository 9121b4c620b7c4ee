"""`evoke annotate`: intent and client language as Rasa's pipeline finds them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import IO, Any

from bot.commands.lines import BadLine, error_line, parse, text_of, write
from bot.dialogue import RasaDialogue
from bot.rasa_process import RasaProcess
from bot.settings import Settings
from bot.training import model_path


@contextlib.asynccontextmanager
async def rasa_alone(settings: Settings) -> AsyncIterator[RasaDialogue]:
    """Rasa on a free port, without actions, for parsing; stopped at the end."""
    rasa = RasaProcess(settings, "http://127.0.0.1:9/none", model_path(settings))
    await rasa.start()
    client = RasaDialogue(rasa.url, rasa.token, settings.rasa_timeout)
    try:
        await rasa.wait_ready()
        yield client
    finally:
        await client.close()
        await rasa.stop()


async def annotate(settings: Settings, lines: list[str], out: IO[str]) -> int:
    """Annotates line after line; the exit status."""
    status = 0
    async with rasa_alone(settings) as rasa:
        for line in lines:
            if not line.strip():
                continue
            try:
                value = parse(line)
                text, previous = text_of(value, "text"), text_of(value, "previous", optional=True)
            except BadLine as error:
                write(out, error_line(error))
                status = 1
                continue
            write(out, annotated(value.get("id"), await rasa.parse(text, previous)))
    return status


def annotated(id_: Any, parsed: Any) -> dict[str, Any]:
    language = parsed.get("client_language") or {}
    codes = [{"code": c["code"], "sign": c["sign"], "text": c["text"]} for c in language.get("codes", ())]
    return {
        "id": id_,
        "intent": parsed["intent"]["name"],
        "confidence": round(parsed["intent"]["confidence"], 4),
        "talk": language.get("talk", "neutral"),
        "ambivalent": bool(language.get("ambivalent", False)),
        "codes": codes,
    }
