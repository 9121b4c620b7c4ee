"""What a client asks for with one word ("/pause"), on every channel.

Some of it stands for a phrase and is understood like any other words. The rest is answered here: it works while Rasa is
away, and leaves whatever question stands as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy.orm import Session

from bot import crisis
from bot.clinic import proactive, waiting_list
from bot.clinic.config import ClinicConfig
from bot.clinic.quiet import next_at, zone_of
from bot.clinic.waiting_list import Standing
from bot.safety.state import Place
from bot.store.messages import Outbound
from bot.store.models import Client, Conversation, Message

OFTEN = (
    (r"\b(daily|every ?day|each day|1)\b", 1),
    (r"\b(three|3)\b", 3),
    (r"\b(week|weekly|7)\b", 7),
    (r"\b(no|not|never|none)\b", 0),
)
CHECK_IN = re.compile(
    r"(?:(?:can|could|will|would) you |please |i(?:'d| would) like you to )*"
    r"(?:check in (?:on|with) me|look in on me|write to me first)"
    r"(?P<often> (?:now and then|sometimes|regularly|every day|daily|every (?:three|3) days|"
    r"(?:once |every )?(?:a )?week(?:ly)?))?"
    r"[.!? ]*",
    re.IGNORECASE,
)
GO_ON = re.compile(
    r"(?:can i |i want to |let me |please )*(?:continue|go on|carry on|move|switch|open)(?: this| this chat| it)?"
    r" (?:on|in|to|over to)(?: the| my| a)? (?P<where>telegram|web|website|browser|computer)[.!? ]*",
    re.IGNORECASE,
)

NO_TO_OFFER = re.compile(
    r"(?:no|nope|nah|sorry|unfortunately)\b.{0,60}"
    r"|.{0,40}\b(?:(?:does ?n['o]?t|won['o]?t|not) (?:suit|work)|can(?:no|')?t make)\b.{0,40}",
    re.IGNORECASE,
)
TAKES_IT = re.compile(
    r"\b(?:yes|take it|that works|works for|fine|great|perfect|problem|worries|other|another|later|different)\b",
    re.IGNORECASE,
)
"""In words that begin with a no: a yes after all ("no problem"), or a wish for other times, which the form shows."""
YES_OR_NO = re.compile(
    r"(?:(?P<yes>y|yes|yeah|yep|sure|ok|okay|please)|(?:no|nope|nah|not now))\b[\w ,.!']{0,30}", re.IGNORECASE
)
WAITING_LIST = re.compile(
    r"(?:(?:can|could|will|would) you |please |can i |i(?:'d| would) like to |i want to )*"
    r"(?:(?P<join>put me on|add me to|join|be on|get on)|(?P<leave>take me off|remove me from|leave|get off)|"
    r"am i (?:still )?on|where am i on|my place on|)"
    r" ?(?:the |your |a )?wait(?:ing)?[ -]?list(?: for an appointment)?(?:,? please)?[.!? ]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answer:
    """Messages, what is changed in the transaction that stores them, and whether a question of ours stands now."""

    replies: tuple[Outbound, ...]
    effect: Callable[[Session], object] | None = None
    asked: str | None = None


@dataclass(frozen=True)
class Request:
    """What an answer is made from."""

    inbound: Message
    conversation: Conversation
    client: Client
    clinic: ClinicConfig
    place: Place
    now: datetime
    has_telegram: bool
    waiting: Standing

    def say(self, what: str, move: str, **slots: str) -> Outbound:
        filled = {"clinic": self.clinic.name, "crisis": crisis.short(self.place), "emergency": self.place.emergency}
        return Outbound(_content()["words"][what].format(**filled, **slots), moves=(move,))


def command(text: str) -> str | None:
    """The command that a text is, without its slash; None for a text with more in it, or for no command of ours."""
    match = re.fullmatch(r"/([a-z]{2,12})(?:@\w+)?\s*", text.strip(), re.IGNORECASE | re.ASCII)
    name = match[1].lower() if match else None
    return name if name in commands() else None


def commands() -> dict[str, dict[str, str]]:
    """Every command: what the menu says, and the phrase it stands for, if it stands for one."""
    return {name: dict(words) for name, words in _content()["commands"].items()}


def phrase(text: str) -> str:
    """The words that a command stands for; any other text as it is."""
    name = command(text)
    return commands()[name].get("phrase", text) if name else text


def about_attachment(what: str, emergency: str) -> str:
    """What to say to something that is not text; what nobody foresaw is taken for a file."""
    words = _content()["attachments"]
    return str(words.get(what, words["file"])).format(emergency=emergency)


def pauses(parse: Mapping[str, Any]) -> bool:
    """Whether Rasa has understood a message as the wish for no reminders; its rules say the words."""
    return bool((parse.get("intent") or {}).get("name") == "pause_reminders")


def answer(request: Request) -> Answer | None:
    """The answer to a request of ours; None for everything else."""
    text, payload = request.inbound.text, str(request.inbound.payload.get("payload", ""))
    name = command(text)
    if name in ANSWERS:
        return ANSWERS[name](request)
    go_on = GO_ON.fullmatch(text.strip())
    if go_on:
        return _go_on(request, "telegram" if go_on["where"].lower() == "telegram" else "web")
    on_list = WAITING_LIST.fullmatch(text.strip())
    if on_list:
        return _wait_list(request, "join" if on_list["join"] else "leave" if on_list["leave"] else "")
    if request.waiting.offered and NO_TO_OFFER.fullmatch(text.strip()) and not TAKES_IT.search(text):
        return _turned_down(request)
    if payload.startswith("waitlist:"):
        return _wait_list(request, payload.partition(":")[2])
    if request.conversation.dialogue.get("asked") == "waitlist" and (said := _said(request, text)):
        return _wait_list(request, said)
    check_in = CHECK_IN.fullmatch(text.strip())
    if check_in:
        often = check_in["often"] if request.client.consent_version is not None else None
        return (_how_often(request, "", often) if often else None) or _check_in(request)
    if payload.startswith("checkin:") or request.conversation.dialogue.get("asked") == "checkin":
        return _how_often(request, payload, text)
    return None


def _help(request: Request) -> Answer:
    listed = "\n".join(f"/{name} – {words['menu']}" for name, words in commands().items())
    return Answer((request.say("help", "structure:help", commands=listed),))


def _crisis(request: Request) -> Answer:
    return Answer((Outbound(crisis.spoken(request.place), moves=("give_information:crisis_line",)),))


def _pause(request: Request) -> Answer:
    client_id, now = request.client.id, request.now
    return Answer(
        (request.say("paused", "structure:paused"),), lambda session: proactive.pause(session, client_id, now)
    )


def waiting_list_question() -> tuple[str, list[dict[str, str]]]:
    """The words, with the gap {clinic}, and the buttons of the question whether to be on the waiting list."""
    return _content()["words"]["waitlist_ask"], _buttons("waitlist_join")


def _wait_list(request: Request, what: str) -> Answer:
    """What the waiting list is asked for: join, leave, stay, no; "" for how it stands."""
    client_id, clinic, now = request.client.id, request.clinic, request.now
    move = "structure:waiting_list"
    if request.client.consent_version is None:
        return _consent_first(request)
    if request.waiting.place is not None:
        if what == "leave":
            left = request.say("waitlist_left", move)
            return Answer((left,), lambda session: waiting_list.leave(session, client_id, now))
        if what == "stay":
            return Answer((request.say("waitlist_stays", move),))
        stands = request.say("waitlist_place", move, place=str(request.waiting.place))
        return Answer((replace(stands, payload={"buttons": _buttons("waitlist_leave")}),), asked="waitlist")
    if request.waiting.booked:
        return Answer((request.say("waitlist_booked", move),))
    if what == "join":
        hours = f"{clinic.waiting_list_hold_minutes / 60:g} hours"
        joined = request.say("waitlist_joined", move, hours=hours)
        return Answer((joined,), lambda session: waiting_list.join(session, clinic, client_id, now))
    if what in ("no", "leave", "stay"):
        return Answer((request.say("waitlist_not_on_it", "autonomy:waiting_list.declined"),))
    question = request.say("waitlist_ask", "closed_question:waiting_list.ask")
    return Answer((replace(question, payload={"buttons": _buttons("waitlist_join")}),), asked="waitlist")


def _turned_down(request: Request) -> Answer:
    """The time that is held for the client is free for the next in line."""
    client_id, conversation_id, now = request.client.id, request.conversation.id, request.now

    def effect(session: Session) -> None:
        waiting_list.turn_down(session, client_id, now)
        waiting_list.close_offer(session, conversation_id)

    return Answer((request.say("waitlist_turned_down", "autonomy:waiting_list.turned_down"),), effect)


def _said(request: Request, text: str) -> str | None:
    """What a short answer to one of the two questions about the waiting list means, also a button's title typed."""
    on_it = request.waiting.place is not None
    titled = {
        button["title"].lower(): button["payload"] for which in _content()["buttons"] for button in _buttons(which)
    }
    typed = titled.get(text.strip().rstrip(".!").lower(), "")
    if typed:
        return typed.partition(":")[2]
    said = YES_OR_NO.fullmatch(text.strip())
    if said is None:
        return None
    return ("stay" if on_it else "join") if said["yes"] else ("leave" if on_it else "no")


def _buttons(which: str) -> list[dict[str, str]]:
    return [dict(button) for button in _content()["buttons"][which]]


def _consent_first(request: Request) -> Answer:
    first = request.say("consent_first", "closed_question:consent.ask")
    return Answer((replace(first, payload={"buttons": yes_or_no()}),))


def yes_or_no() -> list[dict[str, str]]:
    """The buttons of a question that Rasa takes the answer to."""
    return [{"title": title, "payload": title} for title in ("Yes", "No")]


def _check_in(request: Request) -> Answer:
    if request.client.consent_version is None:
        return _consent_first(request)
    buttons = [{"title": c["title"], "payload": f"checkin:{c['days']}"} for c in _content()["check_in_choices"]]
    question = request.say("checkin_ask", "closed_question:check_in.how_often")
    return Answer((replace(question, payload={"buttons": buttons}),), asked="checkin")


def _how_often(request: Request, payload: str, text: str) -> Answer | None:
    """The answer to how often; None for words that are about something else."""
    named = re.fullmatch(r"checkin:([0137])", payload)
    said = [days for pattern, days in OFTEN if re.search(pattern, text, re.IGNORECASE)]
    if named is None and (not said or len(text.split()) > 6):
        return None
    days = int(named[1]) if named else said[0]
    if not days:
        return Answer((request.say("checkin_declined", "autonomy:check_in.declined"),))
    client, clinic, now = request.client, request.clinic, request.now
    zone = zone_of(client, clinic)
    first = next_at(clinic, zone, now, days).astimezone(zone)
    title = next(c["title"] for c in _content()["check_in_choices"] if c["days"] == days)
    words = request.say(
        "checkin_set", "structure:check_in.set", every=title.lower(), when=f"on {first:%A} at about {first:%H:%M}"
    )
    return Answer((words,), lambda session: proactive.ask_for_check_ins(session, clinic, client.id, days, now))


def _go_on(request: Request, where: str) -> Answer:
    """The link itself is made when it is shown, and not kept: see docs/messages.md, `continue`."""
    if where == "telegram" and not request.has_telegram:
        return Answer((request.say("go_on_nowhere", "structure:go_on"),))
    if request.client.consent_version is None:
        return _check_in(request)
    words = request.say(f"go_on_{where}", "structure:go_on")
    card = {"type": "continue", "title": "Your link", "lines": [], "file": "link.txt"}
    return Answer((replace(words, payload={"card": card, "go_on": where}),))


ANSWERS: Mapping[str | None, Callable[[Request], Answer]] = {
    "help": _help,
    "crisis": _crisis,
    "pause": _pause,
    "checkin": _check_in,
    "waitlist": lambda request: _wait_list(request, ""),
}
"""Commands that are answered here."""


@functools.cache
def _content() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(Path(__file__).with_name("requests.yml").read_text(encoding="utf-8")))
