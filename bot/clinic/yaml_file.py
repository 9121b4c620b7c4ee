"""A YAML file read so that a mistake in it can be named with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError


class YamlProblem(Exception):
    """The file is no YAML; `line` counts from 1, or is 0 where it is not known."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def read(path: Path) -> Any:
    """The file's content as ruamel's maps and lists, which remember their lines.

    Raises:
        OSError: it cannot be read.
        YamlProblem: it is not YAML, or says the same key twice.
    """
    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        began = error.context_mark.line + 1 if error.context_mark else line
        inside = f" (in what begins on line {began})" if began < line else ""
        raise YamlProblem(line, _first_line(error.problem) + inside) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise YamlProblem(0, _first_line(str(error))) from None


def line_of(data: Any, where: Sequence[str | int]) -> int:
    """The line (from 1) of the value at a path such as ("clinicians", 0, "email"), or of its parent."""
    line = 1
    for key in where:
        try:
            if isinstance(data, CommentedMap):
                line = data.lc.key(key)[0] + 1
            elif isinstance(data, CommentedSeq) and isinstance(key, int):
                line = data.lc.item(key)[0] + 1
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
    return line


def problems(error: ValidationError, data: Any, model: type[BaseModel], file: str) -> list[str]:
    """One clear sentence for each thing that pydantic found, with file and line, in the file's order."""
    found = []
    for item in error.errors():
        where = item["loc"]
        line = line_of(data, where)
        name = ".".join(str(part) for part in where) or "the file"
        if item["type"] == "extra_forbidden":
            said = f"{where[-1]!r} is not a setting here{_closest(str(where[-1]), _names(model, where[:-1]))}"
        elif item["type"] == "missing":
            said = f"{name} is missing"
        else:
            said = f"{name}: {item['msg'].removeprefix('Value error, ')}"
        found.append((line, f"{file}, line {line}: {said}."))
    return [sentence for _, sentence in sorted(found)]


def _names(model: type[BaseModel], where: Sequence[str | int]) -> Iterable[str]:
    """The settings known at a path, found by following the models' fields."""
    for part in where:
        if isinstance(part, int):
            continue
        fields = {(field.alias or name): field for name, field in model.model_fields.items()}
        inner = _model_in(fields[part].annotation) if part in fields else None
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `list[Clinician]`, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if (found := _model_in(part)) is not None:
            return found
    return None


def _closest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else "it cannot be read"
