"""A questionnaire as conversation: one message goes in, what is said and the changed sheets come out. Pure.

A sheet is one questionnaire of one client. At most one is being asked; where it stands is its answers, so that it goes
on after hours or a restart. Rule 1: a client can skip any question and stop at any, in one word. Rule 2: an answer is
taken only when it is sure (`Item.read`). Rule 3: a client is told no score. Rule 4: what is no answer is either handed
to the conversation ("talk", and the question comes again behind its answer) or thanked for, and after the third time
the questions are left.

    offered -> waiting, asking     the client says yes, or types "questionnaire"
    offered -> later, declined     not now, no
    asking  -> finished, later     the last answer; stop, a safety matter, or three messages that are no answer
    waiting, later -> asking       the one before is finished; "questionnaire" again
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.clinic.screeners import Item, Screener
from bot.clinic.sharing import ITEMS

OPEN = ("offered", "waiting", "asking", "later")
"""The statuses of a sheet that can still be answered."""
SHARING = ("sharing", "share_answers")
"""Sheets whose answers are what staff may see."""
AWAY_HOURS = 1.0
MOST_TRIES = 3
SHORT_WORDS = 8
ITEMS_A_MINUTE = 6
NUMBERS = ("no", "one", "two", "three", "four")


@dataclass(frozen=True)
class Sheet:
    """`answers`: item id -> value, or None where the client would rather not say. `id` is "" until it is stored."""

    instrument: str
    status: str
    answers: Mapping[str, int | None] = field(default_factory=dict)
    tries: int = 0
    id: str = ""


@dataclass(frozen=True)
class Say:
    """One message: its words, (title, payload) of its buttons, the move it makes, and a card."""

    text: str
    move: str
    buttons: tuple[tuple[str, str], ...] = ()
    card: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Step:
    """What follows from one message.

    `risk`: the answered item that goes to the safety protocol. `talk`: the conversation answers too. `back`: the
    questions are over, and the conversation's own question may come again. `shares`: what staff may see from now on.
    """

    sheets: tuple[Sheet, ...]
    says: tuple[Say, ...] = ()
    risk: Item | None = None
    talk: bool = False
    back: bool = False
    shares: Mapping[str, bool] = field(default_factory=dict)


class Words:
    """`intake.yml`: what is said, and how typed words are taken."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._say: Mapping[str, list[str]] = raw["say"]
        self.buttons: Mapping[str, str] = raw["buttons"]
        self.card: Mapping[str, Any] = raw["sharing_card"]
        self._means = {name: [re.compile(pattern) for pattern in found] for name, found in raw["understand"].items()}

    @classmethod
    @functools.cache
    def load(cls) -> Words:
        """The words that come with Evoke."""
        return cls(YAML(typ="safe").load(Path(__file__).with_name("intake.yml").read_text(encoding="utf-8")))

    def say(self, key: str, turn: int = 0, **slots: object) -> str:
        """A wording; another one for another turn."""
        variants = self._say[key]
        return variants[turn % len(variants)].format(**slots)

    def means(self, name: str, text: str) -> bool:
        """Whether a text is, as a whole, one of the ways of saying this."""
        plain = re.sub(r"\s+", " ", text.lower().replace("’", "'")).strip(
            " .!,\n\t" if name == "aside" else " .!?,\n\t"
        )
        return any(pattern.fullmatch(plain) for pattern in self._means[name])


class Form:
    """The clinic's questionnaires.

    Args:
        screeners: in the order in which they are asked.
        sharing: the two sheets of SHARING.
        link: address of the chat page, for clients on Telegram; "" when it is not known.
    """

    def __init__(
        self, screeners: Sequence[Screener], sharing: Sequence[Screener], words: Words, *, clinic: str, link: str = ""
    ) -> None:
        self.screeners = {screener.id: screener for screener in screeners}
        self._all = {**self.screeners, **{sheet.id: sheet for sheet in sharing}}
        self.words, self._clinic, self._link = words, clinic, link

    def offer(self, channel: str) -> Step:
        """Offers every questionnaire of the clinic."""
        sheets = tuple(Sheet(id_, "offered") for id_ in self.screeners)
        key = "offer_telegram" if channel == "telegram" else "offer"
        return Step(sheets, (self._offer(key, sheets),) if sheets else ())

    def take(
        self,
        sheets: Sequence[Sheet],
        text: str,
        payload: str = "",
        *,
        channel: str = "web",
        hours_away: float = 0.0,
        shared: Iterable[str] = (),
        turn: int = 0,
    ) -> Step | None:
        """What a message means for the questionnaires; None: nothing, it is the conversation's.

        Args:
            sheets: the client's open sheets.
            hours_away: since the client's message before.
            shared: what the client shares now.
            turn: number of the message, so that wordings differ.
        """
        sheets = tuple(self._known(sheets))
        now = _now(sheets)
        if payload.startswith("sheet:"):
            return self._pressed(sheets, payload.split(":")[1:], shared)
        if now is not None:
            return self._typed(sheets, now, text, hours_away, shared, turn)
        if any(sheet.status == "offered" for sheet in sheets):
            for answer in ("yes", "no", "later"):
                if self.words.means(answer, text):
                    return self._chosen(sheets, answer)
        if self.words.means("sharing", text):
            return self._share(sheets)
        if self.words.means("start", text):
            return self._start(sheets, channel)
        if any(sheet.status == "offered" for sheet in sheets):
            return Step(_set(sheets, "offered", "later"), talk=True)
        return None

    def again(self, sheets: Sequence[Sheet]) -> Say | None:
        """The question that stands, once more; None when none does."""
        now = _now(tuple(self._known(sheets)))
        item = self._all[now.instrument].next_item(now.answers) if now else None
        return self._ask(now, item, with_stem=True) if now and item else None

    def left(self, sheets: Sequence[Sheet]) -> tuple[Sheet, ...]:
        """The sheets, with what is being asked left for later."""
        return _set(_set(sheets, "asking", "later"), "waiting", "later")

    def note_left(self) -> Say:
        """Tells how to take the questions up again."""
        return self._say("left")

    # -- one message -----------------------------------------------------------------------------------------------

    def _pressed(self, sheets: tuple[Sheet, ...], parts: list[str], shared: Iterable[str]) -> Step:
        now = _now(sheets)
        if parts[0] in ("yes", "no", "later"):
            return self._chosen(sheets, parts[0])
        if parts[0] == "stop" and now is not None:
            return self._stopped(sheets, now)
        if len(parts) == 3 and now is not None and now.instrument == parts[0]:
            item = self._all[now.instrument].item(parts[1])
            value = int(parts[2]) if parts[2].isdigit() else None
            if item is not None and (parts[2] == "skip" or item.option(value)):
                return self._answered(sheets, now, item, value, shared)
        return Step(sheets, (self._say("late"),), back=True) if now is None else Step(sheets, (self._again(sheets),))

    def _typed(
        self, sheets: tuple[Sheet, ...], now: Sheet, text: str, hours_away: float, shared: Iterable[str], turn: int
    ) -> Step | None:
        item = self._all[now.instrument].next_item(now.answers)
        if item is None:  # its words have changed since: nothing is left to ask
            return self._finished(sheets, now, shared)
        value = item.read(text)
        if value is not None:
            return self._answered(sheets, now, item, value, shared)
        if self.words.means("skip", text):
            return self._answered(sheets, now, item, None, shared)
        if self.words.means("stop", text):
            return self._stopped(sheets, now)
        if self.words.means("later", text):
            return Step(self.left(sheets), (self.note_left(),), back=True)
        if self.words.means("start", text):
            return Step(sheets, (self._again(sheets),))
        if self.words.means("sharing", text) and now.instrument != "sharing":
            return self._share(sheets)
        if self.words.means("aside", text):
            return Step(sheets, talk=True)
        return self._unclear(sheets, now, text, hours_away, turn)

    def _unclear(self, sheets: tuple[Sheet, ...], now: Sheet, text: str, hours_away: float, turn: int) -> Step:
        if hours_away > AWAY_HOURS:
            return Step(sheets, (self._say("away", about=self._all[now.instrument].about), self._again(sheets)))
        if now.tries + 1 >= MOST_TRIES:
            return Step(self.left(_put(sheets, now, tries=0)), (self.note_left(),), talk=True)
        key = "unclear" if len(text.split()) <= SHORT_WORDS else "heard"
        sheets = _put(sheets, now, tries=now.tries + 1)
        return Step(sheets, (self._say(key, turn), self._again(sheets)))

    def _answered(
        self, sheets: tuple[Sheet, ...], now: Sheet, item: Item, value: int | None, shared: Iterable[str]
    ) -> Step:
        now, before = replace(now, answers={**now.answers, item.id: value}, tries=0), now
        sheets = _put(sheets, before, answers=now.answers, tries=0)
        if item.is_risk(value):
            done = all(i.id in now.answers for i in self._all[now.instrument].items if i.scored)
            sheets = _put(sheets, now, status="finished") if done else sheets
            return Step(self.left(sheets), risk=item)
        shares = {item.id: value == 1} if now.instrument in SHARING and value is not None else {}
        following = self._all[now.instrument].next_item(now.answers)
        if following is None:
            step = self._finished(sheets, now, shared)
            return replace(step, shares=shares)
        return Step(sheets, (self._ask(now, following),), shares=shares)

    def _finished(self, sheets: tuple[Sheet, ...], now: Sheet, shared: Iterable[str]) -> Step:
        sheets = _put(sheets, now, status="finished")
        says: list[Say] = []
        if now.instrument == "share_answers":
            says.append(self._say("shared_answers" if now.answers.get("questionnaires") else "not_shared_answers"))
        elif now.instrument == "sharing":
            says.append(self._sharing_done(now.answers, shared))
        following = next((sheet for sheet in sheets if sheet.status == "waiting"), None)
        if following is not None:
            sheets = _put(sheets, following, status="asking")
            return Step(sheets, (*says, *self._begin(following, "begin_next")))
        if now.instrument in SHARING:
            return Step(sheets, tuple(says), back=True)
        says.append(self._say("finished"))
        if "questionnaires" in shared:
            return Step(sheets, tuple(says), back=True)
        ask = Sheet("share_answers", "asking")
        item = self._all["share_answers"].items[0]
        return Step((*sheets, ask), (*says, self._ask(ask, item)))

    def _stopped(self, sheets: tuple[Sheet, ...], now: Sheet) -> Step:
        if now.instrument in SHARING:
            sheets = _put(sheets, now, status="finished")
            return Step(self.left(sheets), (self._say("sharing_stopped"),), back=True)
        return Step(self.left(sheets), (self._say("stopped"),), back=True)

    def _chosen(self, sheets: tuple[Sheet, ...], answer: str) -> Step:
        """The answer to an offer."""
        if answer == "yes":
            return self._start(sheets, "web")
        if _now(sheets) is not None:  # a button from before
            return Step(sheets, (self._again(sheets),))
        status = "declined" if answer == "no" else "later"
        key = "declined" if answer == "no" else "offer_again"
        return Step(_set(sheets, "offered", status), (self._say(key),), back=True)

    def _start(self, sheets: tuple[Sheet, ...], channel: str) -> Step:
        """Asks the first question that is open; every questionnaire anew when none is."""
        if not self.screeners:
            return Step(sheets, (self._say("none"),), back=True)
        mine = [sheet for sheet in sheets if sheet.instrument not in SHARING]
        if not mine:
            mine = [Sheet(id_, "offered") for id_ in self.screeners]
            sheets = (*sheets, *mine)
        if channel == "telegram":
            offered = tuple(replace(s, status="offered") if s in mine else s for s in sheets)
            return Step(offered, (self._offer("offer_telegram", mine),))
        first = next((sheet for sheet in mine if sheet.answers), mine[0])
        sheets = tuple(
            replace(s, status="asking" if s is first else "waiting", tries=0) if s in mine else s for s in sheets
        )
        begun = next(sheet for sheet in sheets if sheet.status == "asking")
        return Step(sheets, self._begin(begun, "go_on" if begun.answers else "begin"))

    def _share(self, sheets: tuple[Sheet, ...]) -> Step:
        """Asks what staff may see; what was being asked waits."""
        ask = Sheet("sharing", "asking")
        says = (self._say("sharing_begin"), self._ask(ask, self._all["sharing"].items[0]))
        kept = tuple(s for s in _set(sheets, "asking", "waiting") if s.instrument not in SHARING)
        dropped = tuple(replace(s, status="finished") for s in sheets if s.instrument in SHARING)
        return Step((*kept, *dropped, ask), says)

    # -- words -----------------------------------------------------------------------------------------------------

    def _say(self, key: str, turn: int = 0, **slots: object) -> Say:
        return Say(self.words.say(key, turn, clinic=self._clinic, **slots), f"structure:intake.{key}")

    def _begin(self, sheet: Sheet, key: str) -> tuple[Say, ...]:
        screener = self._all[sheet.instrument]
        item = screener.next_item(sheet.answers)
        assert item is not None, "a finished questionnaire is not begun"
        of = sum(item.scored for item in screener.items)
        return self._say(key, about=screener.about, of=of), self._ask(sheet, item, with_stem=True)

    def _again(self, sheets: Sequence[Sheet]) -> Say:
        say = self.again(sheets)
        assert say is not None, "something is being asked"
        return say

    def _ask(self, sheet: Sheet, item: Item, with_stem: bool = False) -> Say:
        screener = self._all[sheet.instrument]
        text = item.question if with_stem or item is screener.items[0] else item.text
        name = f"{screener.id}.{item.id}"
        options = [(option.text, f"sheet:{screener.id}:{item.id}:{option.value}") for option in item.options]
        if screener.id in SHARING:
            return Say(text, f"closed_question:{name}", tuple(options))
        numbered = [i.id for i in screener.items if i.scored]
        place = (
            self.words.say("item", n=numbered.index(item.id) + 1, of=len(numbered))
            if item.id in numbered
            else self.words.say("extra")
        )
        options += [(self.words.buttons["skip"], f"sheet:{screener.id}:{item.id}:skip")]
        options += [(self.words.buttons["stop"], "sheet:stop")]
        return Say(f"{place}\n{text}", f"closed_question:{name}", tuple(options))

    def _offer(self, key: str, sheets: Sequence[Sheet]) -> Say:
        screeners = [self._all[sheet.instrument] for sheet in sheets]
        items = sum(item.scored for screener in screeners for item in screener.items)
        n = len(screeners)
        count = "a short questionnaire" if n == 1 else f"{NUMBERS[n] if n < len(NUMBERS) else n} short questionnaires"
        about = [screener.about for screener in screeners]
        yes = self.words.buttons["here" if key == "offer_telegram" else "yes"]
        say = self._say(
            key,
            count=count,
            about=" and ".join([", ".join(about[:-1]), about[-1]] if len(about) > 1 else about),
            minutes=NUMBERS[m] if (m := -(-items // ITEMS_A_MINUTE)) < len(NUMBERS) else m,
            link=f" ({self._link})" if self._link else "",
        )
        buttons = (
            (yes, "sheet:yes"),
            (self.words.buttons["later"], "sheet:later"),
            (self.words.buttons["no"], "sheet:no"),
        )
        return replace(say, buttons=buttons, move=f"closed_question:intake.{key}")

    def _sharing_done(self, answers: Mapping[str, int | None], shared: Iterable[str]) -> Say:
        card = self.words.card
        now = set(shared)
        for name, value in answers.items():
            now = now | {name} if value == 1 else now - {name} if value == 0 else now
        lines = [{"label": card["items"][name], "text": card["yes" if name in now else "no"]} for name in ITEMS]
        return replace(
            self._say("sharing_done"),
            card={"type": "summary", "title": card["title"], "lines": [*lines, dict(card["always"])]},
        )

    def _known(self, sheets: Iterable[Sheet]) -> Iterable[Sheet]:
        """Without questionnaires that the clinic has taken out since."""
        return (sheet for sheet in sheets if sheet.instrument in self._all and sheet.status in OPEN)


def _now(sheets: Sequence[Sheet]) -> Sheet | None:
    return next((sheet for sheet in sheets if sheet.status == "asking"), None)


def _put(sheets: tuple[Sheet, ...], sheet: Sheet, **changes: Any) -> tuple[Sheet, ...]:
    """The sheets with one changed."""
    return tuple(replace(s, **changes) if s == sheet else s for s in sheets)


def _set(sheets: Sequence[Sheet], status: str, to: str) -> tuple[Sheet, ...]:
    return tuple(replace(s, status=to) if s.status == status else s for s in sheets)
