"""What the widget weighs, needs and speaks; no browser here."""

from __future__ import annotations

import gzip
import json
import re
import string

import pytest

from .fake_server import WIDGET

LIMIT = 25_000  # bytes gzipped: every script, the styles and one language


def test_the_widget_stays_below_25_kilobytes():
    files = [*WIDGET.glob("*.js"), max((WIDGET / "strings").glob("*.json"), key=lambda path: path.stat().st_size)]
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}
    assert sum(sizes.values()) < LIMIT, sizes


def test_no_script_makes_markup_from_text_or_loads_from_elsewhere():
    for path in WIDGET.glob("*.js"):
        code = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code), (
            path
        )
        assert not re.search(r"""(import|from)\s*\(?["'](?!\./)""", code), path


def test_the_page_has_no_inline_script_or_style():
    page = (WIDGET / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("path", sorted((WIDGET / "strings").glob("*.json")), ids=lambda path: path.stem)
def test_every_language_has_every_text_with_the_same_names(path):
    def names(text: object) -> set[str]:
        texts = text.values() if isinstance(text, dict) else [text]
        return {name for one in texts for _, name, _, _ in string.Formatter().parse(str(one)) if name}

    english = json.loads((WIDGET / "strings" / "en.json").read_text(encoding="utf-8"))
    other = json.loads(path.read_text(encoding="utf-8"))
    other.pop("dir", None)  # only where it is read from right to left
    assert {key: names(text) for key, text in other.items()} == {key: names(text) for key, text in english.items()}


def test_every_text_is_used_and_every_used_text_exists():
    english = set(json.loads((WIDGET / "strings" / "en.json").read_text(encoding="utf-8")))
    code = "".join(path.read_text(encoding="utf-8") for path in WIDGET.glob("*.js"))
    used = set(re.findall(r"""words\(\s*"(\w+)\"""", code))
    states = {
        "starting",
        "offline",
        "gone",
        "unreachable",
        "bot",
        "client",
        "clinician",
        "safety",
        "sending",
        "sent",
        "waiting",
    }
    assert used - {"dir"} <= english
    assert english - used <= states | {"helpDanger", "helpDangerNoNumber", "refused", "failed"}


def test_every_part_property_and_language_is_in_the_docs():
    code = "".join(path.read_text(encoding="utf-8") for path in WIDGET.glob("*.js"))
    docs = (WIDGET.parents[1] / "docs" / "embed.md").read_text(encoding="utf-8")
    properties = set(re.findall(r"var\((--evoke-[a-z-]+)", code))
    parts = {name for names in re.findall(r"part: \"([a-z -]+)\"", code) for name in names.split()}
    languages = {path.stem for path in (WIDGET / "strings").glob("*.json")}
    assert {name for name in properties | parts | languages if f"`{name}`" not in docs} == set()
