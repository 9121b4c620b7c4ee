"""docs/evaluation.md: sections between marks, so that one can be measured anew without losing the others."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import ROOT

REPORT = ROOT / "docs" / "evaluation.md"
HEAD = """# What was measured

Every figure on this page was written by `make evaluate` from a run on this checkout; none is typed in. Each section
says when, on what machine and with which command. Intervals are at 95%: Wilson's for shares, for F1 a bootstrap that
draws whole conversations. The typed test sets (`tests/eval`) were written apart from the rules and the training data
and are never trained or tuned on; their codebooks say how they were coded and what they cannot show.
"""


def put(name: str, body: str, path: Path = REPORT) -> None:
    """Replaces a section, or adds it at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = dict(re.findall(r"<!-- begin (\w+) -->\n(.*?)<!-- end \1 -->", text, re.S))
    sections[name] = body.strip() + "\n"
    parts = [HEAD, *(f"<!-- begin {key} -->\n{value}<!-- end {key} -->\n" for key, value in sections.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def circumstances(command: str) -> str:
    """When, where and with what a section was measured."""
    when = datetime.now(UTC).date().isoformat()
    return f"Measured {when} with `{command}` on {machine()}, revision {revision()}."


def machine() -> str:
    """Processor, cores and Python, as one phrase."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.+)", info.read_text())
        name = found.group(1) if found else name
    cores = len(_cpus())
    return f"{cores} core{'s' if cores != 1 else ''} of {name}, Python {platform.python_version()}"


def revision() -> str:
    """The commit, with a plus when files differ from it."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _cpus() -> set[int]:
    import os

    return os.sched_getaffinity(0)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
