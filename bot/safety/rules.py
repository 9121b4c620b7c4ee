"""The rules of `data/safety/rules/`: which phrases are risk, of which kind and tier; which are idioms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.safety.content import Section, read
from bot.safety.context import read_effects
from bot.safety.normalise import Sentence
from bot.safety.patterns import Compiled, Macros, PatternError, compile_pattern
from bot.safety.tiers import KINDS, Tier


@dataclass(frozen=True)
class Rule:
    """`tier` for a sign that stands alone; `points` for a hint that counts together with others.

    `effects` overrides, way by way, the table in `modifiers.yml`; `unless` are phrases that make it not so
    when they stand in the same sentence; `tags` are what `combine` refers to.
    """

    name: str
    kind: str
    tier: Tier
    points: int = 0
    tags: tuple[str, ...] = ()
    effects: Mapping[str, Tier | None] = field(default_factory=dict)
    unless: tuple[Compiled, ...] = ()


@dataclass(frozen=True)
class Combination:
    """When all `tags` occur in one message, said of the client, it is at least this `kind` and `tier`."""

    name: str
    tags: tuple[str, ...]
    kind: str
    tier: Tier


@dataclass(frozen=True)
class Hit:
    """`rule` matched the words `first` to `last` (exclusive)."""

    rule: Rule
    first: int
    last: int


class Index:
    """Patterns by the word that must occur, so that a sentence only meets the few that could match it."""

    def __init__(self, entries: Iterable[tuple[Rule, Compiled]]) -> None:
        self._entries = tuple(entries)
        self._by_word: dict[str, list[int]] = {}
        self._always: list[int] = []
        for number, (_, pattern) in enumerate(self._entries):
            if pattern.anchors is None:
                self._always.append(number)
            for word in pattern.anchors or ():
                self._by_word.setdefault(word, []).append(number)

    def hits(self, sentence: Sentence, text: str) -> Iterator[Hit]:
        """Every match in `text` (the sentence's, perhaps with idioms masked)."""
        wanted = set(self._always)
        for word in set(text.split()):
            wanted.update(self._by_word.get(word, ()))
        for number in sorted(wanted):
            rule, pattern = self._entries[number]
            for match in pattern.regex.finditer(text):
                first, last = sentence.word_at(match.start()), sentence.word_at(max(match.start(), match.end() - 1))
                yield Hit(rule, first, last + 1)


@dataclass(frozen=True)
class RuleBook:
    """Everything in `rules/`, compiled."""

    idioms: Index
    rules: Index
    combinations: tuple[Combination, ...]
    words: frozenset[str]


def _macros(source: Section) -> Macros:
    return Macros({name: source.text(name) for name in source.data})


def _tier(source: Section, key: str) -> Tier:
    try:
        return Tier.of(source.text(key))
    except ValueError as error:
        raise source.error(key, str(error)) from None


def _kind(source: Section, default: str | None = None) -> str:
    kind = source.text("kind", default)
    if kind not in KINDS:
        raise source.error("kind", f"{kind!r} is not one of {', '.join(KINDS)}")
    return kind


def _patterns(source: Section, key: str, macros: Macros) -> tuple[Compiled, ...]:
    compiled = []
    for index, text in enumerate(source.texts(key, () if key == "unless" else None)):
        try:
            compiled.append(compile_pattern(text, macros))
        except PatternError as error:
            raise source.error(f"{key}[{index}]", str(error)) from None
    return tuple(compiled)


def _rule(source: Section, kind: str | None, macros: Macros) -> tuple[Rule, tuple[Compiled, ...]]:
    source.only("name", "kind", "tier", "points", "tags", "effects", "unless", "patterns")
    if source.has("tier") == source.has("points"):
        raise source.error("tier", "give either a tier or points")
    tier = _tier(source, "tier") if source.has("tier") else Tier.NONE
    rule = Rule(
        name=source.text("name"),
        kind=_kind(source, kind),
        tier=tier,
        points=source.number("points", 0),
        tags=source.texts("tags", ()),
        effects=read_effects(source.section("effects")) if source.has("effects") else {},
        unless=_patterns(source, "unless", macros),
    )
    return rule, _patterns(source, "patterns", macros)


def load_rules(directory: Path) -> RuleBook:
    """Compile every file of `directory`/rules; SafetyContentError names file and key of a mistake."""
    folder = directory / "rules"
    macros = _macros(read(folder / "macros.yml").section("macros"))
    entries: list[tuple[Rule, Compiled]] = []
    seen: dict[str, Rule] = {}
    for file in sorted(folder.glob("*.yml")):
        if file.stem in ("macros", "idioms", "combine"):
            continue
        source = read(file)
        source.only("kind", "signs")
        for item in source.sections("signs"):
            rule, patterns = _rule(item, source.text("kind") if source.has("kind") else None, macros)
            if rule.name in seen:
                raise item.error("name", f"{rule.name!r} is used twice")
            seen[rule.name] = rule
            entries.extend((rule, pattern) for pattern in patterns)
    idiom = Rule("idiom", "suicide", Tier.NONE)
    idioms = [(idiom, pattern) for pattern in _patterns(read(folder / "idioms.yml"), "idioms", macros)]
    tags = {tag for rule in seen.values() for tag in rule.tags}
    combinations = tuple(_combination(item, tags) for item in read(folder / "combine.yml").sections("combine"))
    words: set[str] = set()
    for rule, pattern in [*entries, *idioms]:
        words |= pattern.words
        for exception in rule.unless:
            words |= exception.words
    return RuleBook(Index(idioms), Index(entries), combinations, frozenset(words))


def _combination(source: Section, known: set[str]) -> Combination:
    source.only("name", "tags", "kind", "tier")
    tags = source.texts("tags")
    for tag in tags:
        if tag not in known:
            raise source.error("tags", f"no rule has the tag {tag!r}")
    return Combination(source.text("name"), tags, _kind(source), _tier(source, "tier"))
