"""Read the YAML in `data/safety`, and say which file and key is wrong when something is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SafetyContentError(ValueError):
    """A file in `data/safety` is missing or wrong. The message names file and key."""

    def __init__(self, file: Path | str, key: str, problem: str) -> None:
        self.file, self.key, self.problem = str(file), key, problem
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")


class Section:
    """One mapping in a file, which knows where it is so that its errors can say so."""

    def __init__(self, data: Mapping[Any, Any], file: Path | str, path: str = "") -> None:
        self.data, self.file, self.path = data, file, path

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def error(self, key: str, problem: str) -> SafetyContentError:
        """An error about `key` of this mapping, to be raised by the caller."""
        return SafetyContentError(self.file, self._at(key), problem)

    def only(self, *allowed: str) -> None:
        """Raise for a key that nothing reads: most often a spelling mistake."""
        for key in self.data:
            if key not in allowed:
                raise self.error(str(key), f"unknown key; allowed are {', '.join(allowed)}")

    def has(self, key: str) -> bool:
        return key in self.data

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be text, not {value!r}")
        return value.strip()

    def number(self, key: str, default: int | None = None) -> int:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, f"must be a whole number, not {value!r}")
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        value = self.data.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, (list, tuple)):
            raise self.error(key, f"must be a list, not {value!r}")
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                raise self.error(f"{key}[{index}]", f"must be text (in quotes?), not {item!r}")
        return tuple(item.strip() for item in value)

    def words(self, key: str) -> tuple[str, ...]:
        """A list written as one block of text, words apart by white space."""
        return tuple(self.text(key).split())

    def section(self, key: str) -> Section:
        value = self.data.get(key)
        if not isinstance(value, dict):
            raise self.error(key, "is missing" if value is None else "must be a mapping")
        return Section(value, self.file, self._at(key))

    def sections(self, key: str) -> tuple[Section, ...]:
        """A list of mappings."""
        value = self.data.get(key)
        if not isinstance(value, list):
            raise self.error(key, "is missing" if value is None else "must be a list")
        found = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.error(f"{key}[{index}]", "must be a mapping")
            name = item.get("name", index)
            found.append(Section(item, self.file, f"{self._at(key)}[{name}]"))
        return tuple(found)


def read(file: Path) -> Section:
    """The mapping in `file`; SafetyContentError if it is missing, not YAML or not a mapping."""
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise SafetyContentError(file, "", f"cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SafetyContentError(file, "", f"is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise SafetyContentError(file, "", "must be a mapping")
    return Section(data, file)
