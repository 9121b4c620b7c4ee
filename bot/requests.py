"""What a client asks for with one word ("/pause"), on every channel."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def command(text: str) -> str | None:
    """The command that a text is, without its slash; None for a text with more in it, or for no command of ours."""
    match = re.fullmatch(r"/([a-z]{2,12})(?:@\w+)?\s*", text.strip(), re.IGNORECASE | re.ASCII)
    name = match[1].lower() if match else None
    return name if name in commands() else None


def commands() -> dict[str, dict[str, str]]:
    """Every command: what the menu says, and the phrase it stands for, if it stands for one."""
    return {name: dict(words) for name, words in _content()["commands"].items()}


def phrase(text: str) -> str:
    """The words that a command stands for; any other text as it is."""
    name = command(text)
    return commands()[name].get("phrase", text) if name else text


def about_attachment(what: str, emergency: str) -> str:
    """What to say to something that is not text; what nobody foresaw is taken for a file."""
    words = _content()["attachments"]
    return str(words.get(what, words["file"])).format(emergency=emergency)


@functools.cache
def _content() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("requests.yml").read_text(encoding="utf-8")))
