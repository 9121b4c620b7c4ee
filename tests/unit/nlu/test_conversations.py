"""The whole conversations that client language is learnt from: how they are read, and that all of them can be."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bot.nlu.conversations import Coded, read
from bot.settings import ROOT

FOLDER = ROOT / "data" / "nlu" / "conversations"


def written(folder: Path, text: str) -> list[Coded]:
    (folder / "one.txt").write_text(text, encoding="utf-8")
    return read(folder)


def test_a_code_stands_for_the_words_before_it(tmp_path: Path) -> None:
    text = "# x1: gambling | nurse\nQ: What does it give you?\nA!-: not my week {0} the buzz, {R-} but the rent {R+}\n"
    (found,) = written(tmp_path, text)
    assert found.text == "not my week the buzz, but the rent"
    assert found.codes == (("reason-", "the buzz"), ("reason+", "but the rent"))
    assert (found.conversation, found.previous, found.kind, found.lean) == (
        "x1",
        "What does it give you?",
        "ambivalent",
        "-",
    )


def test_a_message_without_codes_is_neutral_and_has_an_intent(tmp_path: Path) -> None:
    (found,) = written(tmp_path, "# x1: sleep | cook\nQ: Since when?\nA[share]: since march\n")
    assert (found.kind, found.intent, found.codes) == ("neutral", "share", ())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("B: hello", "line 2: 'B: hello' is no message"),
        ("A: the rent {Q+}", "line 2: 'Q\\+' is no code"),
        ("A: the rent", "line 2: a message has either codes or"),
        ("A[share]: the rent {R+}", "line 2: a message has either codes or"),
        ("A: the buzz {R-} the rent {R+}", "line 2: a message with both signs"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"one.txt, {said}"):
        written(tmp_path, f"# x1: money | clerk\n{line}\n")


def test_every_conversation_can_be_read_and_every_intent_is_one_of_the_domain() -> None:
    messages = read(FOLDER)
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    assert {m.intent for m in messages if m.intent} <= set(domain["intents"])
    kinds = Counter(m.kind for m in messages)
    assert len(messages) > 5000
    assert min(kinds.values()) > 300, kinds


def test_no_code_is_left_in_the_words_of_a_message() -> None:
    assert not [m.text for m in read(FOLDER) if re.search(r"[{}]", m.text)]
