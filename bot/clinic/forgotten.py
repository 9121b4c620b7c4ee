"""A client whom a person took over and then let wait: the clinic is paged, the client is told, the bot comes back.

The look "waiting" of `bot.duties`. Everything follows from the client's row and the messages
(`takeover.waiting_since`), so a restart misses nothing. After `page_minutes` of `take_over` in clinic.yml a case of its
own opens and pages by the usual routes; after `hand_back_minutes` the bot answers again. A person's next words, or
their handing back, close the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import crisis
from bot.clinic import cases
from bot.clinic.alerts import SET_BACK, is_told
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import words
from bot.clinic.quiet import hold_until
from bot.clinic.takeover import let_go, taken, waiting_since
from bot.duties import Clock, Duty
from bot.safety.state import Place
from bot.store.database import Database
from bot.store.messages import Outbound, queue_for_client
from bot.store.models import Audit, Case, Client, Conversation, Message, Staff


class Forgotten:
    """The look "waiting" (one client's wait for the person who took over).

    Args:
        place: the crisis lines that the client is told.
        signal: tells channels, from any thread, that a conversation has news.
    """

    def __init__(
        self, db: Database, config: ClinicConfig, clock: Clock, *, place: Place, signal: Callable[[str], object]
    ) -> None:
        self.db, self.config, self.clock, self.signal = db, config, clock, signal
        self.crisis = crisis.short(place)

    async def waiting(self, client_id: str, since: str) -> datetime | None:
        """Pages, and later hands back, when it is time. When to look again, or None when the wait is over."""
        began, now = datetime.fromisoformat(since), self.clock()
        again, news = await self.db.write(lambda session: self._look(session, client_id, began, now))
        if news is not None:
            self.signal(news)
        return again

    def called_for(self, session: Session, until: datetime) -> Iterator[Duty]:
        """Every wait that has come, or comes by then, to its first limit."""
        for client in taken(session):
            since = waiting_since(session, client)
            if since is not None and since <= until:
                yield Duty(f"waiting-{client.id}-{since:%Y%m%d%H%M%S%f}", "waiting", (client.id, since.isoformat()))

    def _look(
        self, session: Session, client_id: str, since: datetime, now: datetime
    ) -> tuple[datetime | None, str | None]:
        """When to look again, and the conversation that has news."""
        client = session.get(Client, client_id, with_for_update=True)
        if client is None or waiting_since(session, client) != since:
            return None, None
        limits, was_set_back = self.config.take_over, since > now + SET_BACK
        page_at = since + timedelta(minutes=limits.page_minutes)
        back_at = since + timedelta(minutes=limits.hand_back_minutes)
        if now < page_at and not was_set_back:
            return page_at, None
        paged_before = cases.open_left_waiting(session, client_id)
        case = paged_before or self._open(session, client, since, now)
        if now >= back_at or was_set_back:
            return None, self._hand_back(session, client, is_told(session, self.config, case), now)
        return back_at, None if paged_before else self._tell(session, client, "left_waiting", now)

    def _open(self, session: Session, client: Client, since: datetime, now: datetime) -> Case:
        """A case as urgent as the client's risk, about the message that waits."""
        own = select(Message).join(Conversation).where(Conversation.client_id == client.id)
        inbound = own.where(Message.direction == "in").order_by(Message.id)
        first = session.scalars(inbound.where(Message.created_at >= since).limit(1)).first()
        last = first or session.scalars(inbound.order_by(None).order_by(Message.id.desc()).limit(1)).first()
        risk = cases.open_risk_case(session, client.id)
        case = cases.open_case(
            session,
            self.config,
            client_id=client.id,
            conversation_id=last.conversation_id if last else client.conversations[0].id,
            message_id=last.id if last else None,
            reason="left_waiting",
            tier=risk.tier if risk else "none",
            now=now,
        )
        session.add(Audit(at=now, staff_id=None, action="page_left_waiting", subject=client.id))
        return case

    def _hand_back(self, session: Session, client: Client, is_clinic_told: bool, now: datetime) -> str:
        who = client.taken_by
        let_go(client)
        session.add(Audit(at=now, staff_id=None, action="hand_back_left_waiting", subject=client.id))
        what = "left_waiting_back" if is_clinic_told else "left_waiting_back_untold"
        return self._tell(session, client, what, now, who=who, payload={"with": None})

    def _tell(
        self,
        session: Session,
        client: Client,
        what: str,
        now: datetime,
        *,
        who: str | None = None,
        payload: dict[str, None] | None = None,
    ) -> str:
        staff = session.get(Staff, who or client.taken_by)
        text = words(what).format(
            who=staff.name if staff else self.config.name, clinic=self.config.name, crisis=self.crisis
        )
        wait = hold_until(session, self.config, client.id, now)
        notice = Outbound(text, kind="notice", payload=dict(payload or {}))
        return queue_for_client(session, client.id, notice, now, not_before=wait).conversation_id


def answered(session: Session, client_id: str, staff_id: str, outcome: str, now: datetime) -> None:
    """A person has written, or handed back by their own hand: nobody has to be paged for this wait any more."""
    case = cases.open_left_waiting(session, client_id)
    if case is not None:
        cases.close(session, case.id, staff_id, outcome, now)
