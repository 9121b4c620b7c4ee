"""One update becomes one stored message, whichever way it comes and however often.

What an update does and the note that it was taken are one transaction. So a repeat changes nothing, be it by
Telegram, after a kill, or because polling was changed to a webhook half-way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.channels.telegram.incoming import Incoming
from bot.channels.telegram.render import choices, read_data
from bot.channels.telegram.words import word
from bot.clinic.continuing import BothWaiting, WrongCode, continue_here
from bot.clinic.invitations import accept
from bot.mi.draft import sentence_id
from bot.store import messages as store
from bot.store import places
from bot.store.messages import Outbound
from bot.store.models import Conversation, Message, TakenUpdate

CHANNEL = "telegram"
TAKE_PART = ("text", "command")


@dataclass(frozen=True)
class Taken:
    """What came of an update. `pressed`: what the chosen button says; `late`: it belongs to an earlier question."""

    conversation_id: str
    pressed: str = ""
    late: bool = False


@dataclass(frozen=True)
class Arrival:
    """An update on its way into the tables: a function of a session."""

    key: str
    """Unique for the update: the bot's id and the update's."""
    incoming: Incoming
    language: str
    greeting: Sequence[Outbound]
    now: datetime
    may_try: bool = True
    """Whether this chat may try a code: not too often."""

    def __call__(self, session: Session) -> Taken | None:
        """Stores it; None for a repeat."""
        if session.get(TakenUpdate, self.key) is not None:
            return None
        session.add(TakenUpdate(key=self.key, taken_at=self.now))
        session.flush()
        address = str(self.incoming.chat)
        if self.incoming.what == "start" and self.incoming.data.startswith("c_"):
            return self._go_on(session, address)
        conversation = places.conversation_at(session, CHANNEL, address)
        is_new = conversation is None
        if conversation is None:
            conversation = self._begin(session, address)
        else:
            places.use(session, conversation, CHANNEL, address, self.now)
        if self.incoming.what == "button":
            return self._press(session, conversation)
        if self.incoming.what == "start":
            good = accept(session, self.incoming.data, conversation.client_id, self.now)
            if good and is_new:
                return Taken(conversation.id)
            self._say(session, conversation, "invitation_used" if good else "invitation_wrong")
            return Taken(conversation.id)
        if is_new and self.incoming.text.split("@")[0] == "/start":
            return Taken(conversation.id)  # the welcome was just sent: /start said no more than that
        return self._message(session, conversation)

    def _begin(self, session: Session, address: str) -> Conversation:
        said = [sentence_id(reply.text) for reply in self.greeting]
        return store.new_conversation(
            session,
            channel=CHANNEL,
            address=address,
            language=self.language,
            time_zone=None,
            greeting=self.greeting,
            dialogue={"slots": {"awaiting": "consent"}, "loop": None, "said": said},
            now=self.now,
        )

    def _go_on(self, session: Session, address: str) -> Taken:
        """The code of a conversation that began elsewhere: it goes on here, with what was said last."""
        trouble = "code_wrong"
        if self.may_try:
            try:
                conversation = continue_here(session, self.incoming.data[2:], CHANNEL, address, self.now)
            except WrongCode:
                pass
            except BothWaiting:
                trouble = "both_waiting"
            else:
                said_last = store.last_said(session, conversation.id)
                self._say(session, conversation, "continued")
                if said_last is not None:
                    store.add_outbound(session, conversation, [said_last], None, self.now)
                return Taken(conversation.id)
        else:
            trouble = "code_too_often"
        here = places.conversation_at(session, CHANNEL, address) or self._begin(session, address)
        self._say(session, here, trouble)
        return Taken(here.id)

    def _say(self, session: Session, conversation: Conversation, what: str) -> None:
        store.add_outbound(session, conversation, [Outbound(word(what), moves=("structure:channel",))], None, self.now)

    def _message(self, session: Session, conversation: Conversation) -> Taken:
        what, text = self.incoming.what, self.incoming.text
        payload: dict[str, object] = {} if what in TAKE_PART else {"what": what}
        self._add(session, conversation, "attachment" if payload else "text", text, payload)
        return Taken(conversation.id)

    def _press(self, session: Session, conversation: Conversation) -> Taken:
        """A press counts once, and only on the newest question: an old "Yes" must not answer a new one."""
        found = read_data(self.incoming.data)
        row = session.get(Message, found[0]) if found else None
        if found is None or row is None or row.conversation_id != conversation.id or row.direction != "out":
            return Taken(conversation.id, late=True)
        offered = choices(row.payload)
        if found[1] >= len(offered):
            return Taken(conversation.id, late=True)
        title, payload = offered[found[1]]
        if self._answered_or_passed(session, row):
            return Taken(conversation.id, late=True)
        self._add(session, conversation, "button", title, {"payload": payload, "of": row.id})
        return Taken(conversation.id, pressed=title)

    def _answered_or_passed(self, session: Session, row: Message) -> bool:
        later = select(Message).where(Message.conversation_id == row.conversation_id, Message.seq > row.seq)
        return any(
            choices(message.payload)
            if message.direction == "out"
            else message.payload.get("of") == row.id
            or (message.kind != "attachment" and message.answered_at is not None)
            for message in session.scalars(later)
        )

    def _add(
        self, session: Session, conversation: Conversation, kind: str, text: str, payload: dict[str, object]
    ) -> None:
        store.add_inbound(
            session,
            conversation.id,
            external_id=f"update-{self.key}",
            kind=kind,
            text=text,
            payload=payload,
            now=self.now,
        )


def set_blocked(session: Session, chat: int, blocked: bool, now: datetime) -> str | None:
    """Notes that a client has blocked or unblocked the bot; the conversation, if that is news."""
    if blocked:
        return places.set_unreachable(session, CHANNEL, str(chat), now)
    return places.set_reachable(session, CHANNEL, str(chat))
