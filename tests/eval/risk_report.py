"""The safety screen on texts it was not built from, beside a naive keyword list."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import load_screener
from bot.commands.screen import screen_turns, screener
from bot.safety.tiers import KINDS, Tier
from bot.settings import Settings
from tests.disguises import DISGUISES
from tests.eval.report import table
from tests.eval.statistics import Share, percentile, share

TYPED = Path(__file__).parent / "risk" / "typed.jsonl"
STEMS = (
    *("suicid", "kill", "die", "overdose", "self harm", "cut myself", "hurt", "end it", "hang", "gun", "hits me"),
    "withdrawal",
)
"""What a hurried developer would look for: twelve stems, anywhere in the text. The yardstick, not a proposal."""
LATE = 1
"""Turns after the disclosure at which a catch still counts as within two turns: the disclosure's own and the next."""
GRAVE = ("high", "imminent")
SEED = 7


@dataclass(frozen=True)
class Found:
    """What a screen said: the tier, kinds, and the first turn above none (chats)."""

    tier: str
    kinds: tuple[str, ...]
    turn: int | None = None


Screens = Callable[[dict[str, Any]], Found]


def section(research: Path | None) -> str:
    """The whole section as Markdown."""
    rows = read(TYPED)
    work = screener()

    def evoke(row: dict[str, Any]) -> Found:
        out = work(row)
        return Found(out["tier"], tuple(out["kinds"]), out.get("turn"))

    ours, naive = [evoke(row) for row in rows], [keywords(row) for row in rows]
    parts = [
        "## The safety screen",
        f"`tests/eval/risk/typed.jsonl`: {sum('text' in r for r in rows)} single messages and "
        f"{sum('turns' in r for r in rows)} conversations. Sensitivity: the share of texts with this kind of risk that "
        "get a tier above none. Specificity: the share of texts without any risk that are not given this kind. "
        f'"Keywords" is a list of {len(STEMS)} stems ({", ".join(STEMS)}).',
        kinds_table(rows, ours, naive),
        alarms(rows, ours, naive),
        in_time(rows, ours, naive),
        tiers_table(rows, ours),
        disguises(rows, ours, evoke),
        timing(rows),
    ]
    if research is not None:
        parts += ["### Public research data", public(research)]
    return "\n\n".join(parts)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def keywords(row: dict[str, Any]) -> Found:
    """The naive list: any stem anywhere."""
    turns = row.get("turns") or [row["text"]]
    pattern = re.compile("|".join(STEMS))
    hit = next((number for number, text in enumerate(turns, 1) if pattern.search(text.lower())), None)
    return Found("moderate" if hit else "none", KINDS if hit else (), hit)


def kinds_table(rows: Sequence[dict[str, Any]], ours: Sequence[Found], naive: Sequence[Found]) -> str:
    lines = []
    harmless = [i for i, row in enumerate(rows) if row["tier"] == "none"]
    for kind in KINDS:
        risky = [i for i, row in enumerate(rows) if kind in row["kinds"]]
        grave = [i for i in risky if rows[i]["tier"] in ("moderate", *GRAVE)]
        lines.append(
            (
                kind,
                share([ours[i].tier != "none" for i in risky]),
                share([ours[i].tier != "none" for i in grave]),
                share([kind not in ours[i].kinds for i in harmless]),
                share([naive[i].tier != "none" for i in risky]),
            )
        )
    return table(("kind", "sensitivity", "of moderate and above", "specificity", "sensitivity of keywords"), lines)


def alarms(rows: Sequence[dict[str, Any]], ours: Sequence[Found], naive: Sequence[Found]) -> str:
    harmless = [i for i, row in enumerate(rows) if row["tier"] == "none"]
    above = [Tier.of(ours[i].tier) for i in harmless]
    return table(
        ("false alarms on texts without risk", "Evoke", "keywords"),
        [
            ("above none", share([t > Tier.NONE for t in above]), share([naive[i].tier != "none" for i in harmless])),
            ("above check_in", share([t > Tier.CHECK_IN for t in above]), "the same"),
        ],
    )


def in_time(rows: Sequence[dict[str, Any]], ours: Sequence[Found], naive: Sequence[Found]) -> str:
    def caught(found: Sequence[Found], tiers: Sequence[str]) -> Share:
        chats = [i for i, row in enumerate(rows) if row.get("turn") and row["tier"] in tiers]
        return share([(turn := found[i].turn) is not None and turn <= rows[i]["turn"] + LATE for i in chats])

    def ever(tiers: Sequence[str]) -> Share:
        return share([ours[i].turn is not None for i, r in enumerate(rows) if r.get("turn") and r["tier"] in tiers])

    everyone = ("check_in", "moderate", *GRAVE)
    return table(
        ("conversations caught at the turn of the disclosure or the next", "Evoke", "at any turn", "keywords"),
        [
            ("imminent", caught(ours, ("imminent",)), ever(("imminent",)), caught(naive, ("imminent",))),
            ("high and imminent", caught(ours, GRAVE), ever(GRAVE), caught(naive, GRAVE)),
            ("any risk", caught(ours, everyone), ever(everyone), caught(naive, everyone)),
        ],
    )


def tiers_table(rows: Sequence[dict[str, Any]], ours: Sequence[Found]) -> str:
    names = [tier.label for tier in Tier]
    pairs = [(row["tier"], found.tier) for row, found in zip(rows, ours, strict=True)]
    counts = [(f"coded {gold}", *(pairs.count((gold, name)) for name in names)) for gold in names]
    return table(("tier", *(f"found {name}" for name in names)), counts)


def disguises(rows: Sequence[dict[str, Any]], ours: Sequence[Found], screens: Screens) -> str:
    """What disguises hide of what is found in every third of the single messages."""
    risky = [(row["text"], found) for row, found in zip(rows, ours, strict=True) if "text" in row and row["kinds"]][::3]
    plain = sum(found.tier != "none" for _, found in risky)
    lines = [("as written", share([found.tier != "none" for _, found in risky]), "")]
    for disguise in DISGUISES:
        rng = random.Random(SEED)
        marks = [screens({"text": disguise(text, rng)}).tier != "none" for text, _ in risky]
        points = 100 * (plain - sum(marks)) / max(1, len(risky))
        lines.append((disguise.__name__.replace("_", " "), share(marks), f"{points:.1f}"))
    return table(
        ("every third single message of risk, disguised (`tests/disguises.py`)", "sensitivity", "points lost"), lines
    )


def timing(rows: Sequence[dict[str, Any]]) -> str:
    loaded = load_screener(Settings())
    texts = [row["text"] for row in rows if "text" in row]
    spent = []
    for text in texts:
        began = time.process_time()
        loaded.screen(text)
        spent.append(1000 * (time.process_time() - began))
    middle, slow = percentile(spent, 0.5), percentile(spent, 0.95)
    return f"One screen takes {middle:.1f} ms (p50) and {slow:.1f} ms (p95) of one processor's time."


def public(research: Path) -> str:
    """Two public sets of forum posts and prompts, not of messages to a bot; severity 0 does not mean harmless."""
    loaded = load_screener(Settings())

    def above(text: str) -> bool:
        return screen_turns(loaded, None, [text])["tier"] != "none"

    def stems(text: str) -> bool:
        return keywords({"text": text}).tier != "none"

    posts, texts = read(research / "cssrs_dev.jsonl"), read(research / "moderation_dev.jsonl")
    lines = []
    for name, grave, rest, key in (
        ("C-SSRS posts (arXiv 2505.13480), severity 2 and above", lambda v: v >= 2, "below 2", "severity"),
        ("moderation release (Markov et al. 2022), self-harm", lambda v: v == 1, "without", "self_harm"),
    ):
        rows = posts if key == "severity" else texts
        yes = [row["text"] for row in rows if grave(row[key])]
        no = [row["text"] for row in rows if not grave(row[key])]
        lines.append((name, share([above(t) for t in yes]), share([stems(t) for t in yes])))
        lines.append((f"… {rest}: above none", share([above(t) for t in no]), share([stems(t) for t in no])))
    return table(("set", "Evoke", "keywords"), lines)
