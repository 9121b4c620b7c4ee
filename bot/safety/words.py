"""What the protocol can say (`data/safety/words.yml`): several variants of everything, none used twice."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from bot.safety.content import read

FIELDS = frozenset(("emergency", "line", "lines", "slot"))


@dataclass(frozen=True)
class Words:
    """Variants by key ("enter.suicide.high"). A key that is missing falls back to the same with "any"."""

    variants: Mapping[str, tuple[str, ...]]

    @classmethod
    def load(cls, directory: Path, required: Iterable[str] = ()) -> Words:
        """Read `directory`/words.yml; every key of `required` (or its "any" form) has to be there."""
        source = read(directory / "words.yml")
        source.only("words")
        table = source.section("words")
        variants: dict[str, tuple[str, ...]] = {}
        for key in table.data:
            texts = table.texts(key)
            for index, text in enumerate(texts):
                try:
                    fields = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
                except ValueError as error:
                    raise table.error(f"{key}[{index}]", str(error)) from None
                if not fields <= FIELDS:
                    raise table.error(f"{key}[{index}]", f"only {', '.join(sorted(FIELDS))} can stand in braces")
            variants[key] = texts
        words = cls(variants)
        for key in required:
            if words.resolve(key) not in variants:
                raise table.error(key, "is missing")
        return words

    def resolve(self, key: str) -> str:
        """`key`, or its form for any path: "enter.child.high" becomes "enter.any.high"."""
        if key in self.variants or "." not in key:
            return key
        head, *rest = key.split(".")
        return ".".join([head, "any", *rest[1:]])

    def pick(self, key: str, said: Sequence[str], rng: random.Random) -> tuple[str, str]:
        """A variant that was not said yet and the mark to remember it by; the one said longest ago if all were."""
        key = self.resolve(key)
        marks = [f"{key}#{index}" for index in range(len(self.variants[key]))]
        fresh = [mark for mark in marks if mark not in said]
        last_said = {mark: place for place, mark in enumerate(said)}
        mark = rng.choice(fresh) if fresh else min(marks, key=lambda mark: last_said[mark])
        return self.variants[key][int(mark.rpartition("#")[2])], mark
