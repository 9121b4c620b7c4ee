"""The channel's own words (words.yml)."""

from __future__ import annotations

import functools
from pathlib import Path

from ruamel.yaml import YAML


def word(name: str) -> str:
    """The sentence with this name."""
    return _words()[name]


@functools.cache
def _words() -> dict[str, str]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8")))
