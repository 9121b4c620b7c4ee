"""JSON Lines in, JSON Lines out, in order: a bad line is answered in its place and the rest is still done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import IO, Any


class BadLine(ValueError):
    """The line is no JSON object or lacks something; the message says what. `id` is the line's, if it had one."""

    def __init__(self, message: str, id_: Any = None) -> None:
        super().__init__(message)
        self.id = id_


def parse(line: str) -> dict[str, Any]:
    """The line's object.

    Raises:
        BadLine: it is none.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadLine(f"not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    return value


def text_of(value: dict[str, Any], key: str, *, optional: bool = False) -> str:
    """The string under `key`.

    Raises:
        BadLine: it is missing or no string.
    """
    found = value.get(key)
    if found is None and optional:
        return ""
    if not isinstance(found, str):
        raise BadLine(f"`{key}` must be a string", value.get("id", value.get("conversation_id")))
    return found


def texts_of(value: dict[str, Any], key: str) -> list[str]:
    """The list of strings under `key`.

    Raises:
        BadLine: it is missing, or holds something else.
    """
    found = value.get(key)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise BadLine(f"`{key}` must be a list of strings", value.get("id", value.get("conversation_id")))
    return found


def write(out: IO[str], value: dict[str, Any]) -> None:
    out.write(json.dumps(value, ensure_ascii=False) + "\n")
    out.flush()


def error_line(error: BadLine) -> dict[str, Any]:
    return {"id": error.id, "error": str(error)}


def each_line(source: Iterable[str], out: IO[str], work: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Works on line after line; the exit status: 1 when a line was bad."""
    status = 0
    for line in source:
        if not line.strip():
            continue
        try:
            write(out, work(parse(line)))
        except BadLine as error:
            write(out, error_line(error))
            status = 1
    return status
