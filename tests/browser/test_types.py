"""The widget's types: TypeScript reads the JSDoc and types.d.ts, where Node is there to run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TYPESCRIPT = "typescript@5.9.3"  # pinned, so that a new release finds nothing new on the day of somebody's change
HERE = Path(__file__).resolve().parent


def without(what: str) -> None:
    pytest.fail(what) if os.environ.get("CI") == "true" else pytest.skip(what)


def tsc(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["npx", "--yes", "-p", TYPESCRIPT, "tsc", *arguments]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=240, check=False)


def test_the_widgets_types_hold() -> None:
    if shutil.which("npx") is None:
        without("no npx here: the widget's types are not checked (apt-get install npm)")
    if tsc("--version").returncode != 0:
        without(f"npx could not fetch {TYPESCRIPT}: the widget's types are not checked")
    found = tsc("-p", "tsconfig.json")
    assert found.returncode == 0, found.stdout
