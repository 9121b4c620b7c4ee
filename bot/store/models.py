"""The tables. The message table is the transcript, the inbox and the outbox.

Times are UTC and timezone-aware; JSON columns hold plain dicts and lists. Text columns that hold what a client
wrote are named `text` or `body`, so that exports, erasure and tests can find them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware datetime in UTC, on SQLite (which has none) as on PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive time ({value}) was about to be stored: give it a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


def _few(name: str, lacks: str) -> Index:
    """An index of the messages that lack a time: a conversation's few that still need something."""
    where = sql_text(f"{lacks} IS NULL")
    return Index(name, "conversation_id", "seq", sqlite_where=where, postgresql_where=where)


class Client(Base):
    """One person. Holds the least that is needed: no name until the client gives one for an appointment."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # uuid4 hex
    name: Mapped[str | None] = mapped_column(String(200))
    contact: Mapped[str | None] = mapped_column(String(320))
    language: Mapped[str] = mapped_column(String(12), default="en")
    time_zone: Mapped[str | None] = mapped_column(String(64))
    consent_version: Mapped[str | None] = mapped_column(String(32))
    consented_at: Mapped[datetime | None]
    share_with_clinic: Mapped[bool] = mapped_column(default=False)  # the whole conversation
    shares: Mapped[dict[str, Any]] = mapped_column(default=dict)  # bot.clinic.sharing.ITEMS -> whether staff may see it
    taken_by: Mapped[str | None] = mapped_column(String(32))  # staff who talk with the client; the bot is silent
    taken_at: Mapped[datetime | None]
    reminders_paused_at: Mapped[datetime | None]  # no check-ins, no reminders
    created_at: Mapped[datetime]
    conversations: Mapped[list[Conversation]] = relationship(back_populates="client", cascade="all, delete-orphan")


class Conversation(Base):
    """One client's conversation, with the state that the next turn starts from.

    `channel` and `address` are where the client wrote last, and where answers go; `Endpoint` has every place.
    """

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("channel", "address"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # uuid4 hex
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(16))  # web, telegram, terminal
    address: Mapped[str] = mapped_column(
        String(128)
    )  # where the channel finds the client: chat id, or sha256 of the token
    mi_state: Mapped[dict[str, Any]] = mapped_column(default=dict)  # bot.mi.state.MIState as a dict
    safety_state: Mapped[dict[str, Any]] = mapped_column(default=dict)  # bot.safety.protocol.SafetyState as a dict
    dialogue: Mapped[dict[str, Any]] = mapped_column(default=dict)  # Rasa's slots, form and last few turns
    last_seq: Mapped[int] = mapped_column(default=0)  # of its messages; the next one gets last_seq + 1
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    client: Mapped[Client] = relationship(back_populates="conversations")
    messages: Mapped[list[Message]] = relationship(back_populates="conversation", cascade="all, delete-orphan")


class Message(Base):
    """An inbound message is open until `answered_at`; an outbound one is due until `delivered_at`."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "direction", "external_id", name="uq_message_external"),
        # Every look for work asks for these, and few messages are open or due: the indexes hold no others.
        _few("ix_message_open", "answered_at"),
        _few("ix_message_due", "delivered_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    seq: Mapped[int]  # 1, 2, 3 … in the conversation, both directions
    direction: Mapped[str] = mapped_column(String(3))  # in, out
    external_id: Mapped[str | None] = mapped_column(String(128))  # client_message_id or Telegram's update_id
    kind: Mapped[str] = mapped_column(
        String(16), default="text"
    )  # text, button, attachment, start; out: text, safety, holding
    text: Mapped[str] = mapped_column(Text, default="")
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)  # buttons, ruler, slots, card: see docs/messages.md
    in_reply_to: Mapped[int | None] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    tier: Mapped[str | None] = mapped_column(String(12))  # of an inbound message: the screen's verdict
    heard: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of an inbound message: turn, process, talk; no words
    moves: Mapped[list[Any]] = mapped_column(default=list)  # of an outbound message: MI moves it makes
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]  # the channel will never take it: an outbound message is due no longer
    not_before: Mapped[datetime | None]  # of what the clinic writes first: until then no phone rings for it
    parts_sent: Mapped[int] = mapped_column(default=0, server_default="0")  # of one that goes out in several
    conversation: Mapped[Conversation] = relationship(back_populates="messages")


class Questionnaire(Base):
    """One questionnaire of one client (bot.clinic.intake.Sheet), and the choices of what staff may see."""

    __tablename__ = "questionnaire"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # uuid4 hex
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    instrument: Mapped[str] = mapped_column(String(32))  # a file of bot/clinic/instruments
    place: Mapped[int] = mapped_column(default=0)  # among those offered at the same time
    status: Mapped[str] = mapped_column(String(12))  # offered, waiting, asking, later, declined, finished
    answers: Mapped[list[Any]] = mapped_column(default=list)  # {"item", "value" or null, "seq" of the message}
    tries: Mapped[int] = mapped_column(default=0)  # messages that were no answer to the question that stands
    offered_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Case(Base):
    """A safety case, or a client's wish for a human. Only a clinician closes it."""

    __tablename__ = "case"
    __table_args__ = (
        Index(  # one open case a client and reason: a second report raises the first one's tier
            "uq_case_open",
            "client_id",
            "reason",
            unique=True,
            sqlite_where=sql_text("closed_at IS NULL"),
            postgresql_where=sql_text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(String(16))  # risk, wish
    tier: Mapped[str] = mapped_column(String(12))
    kinds: Mapped[list[Any]] = mapped_column(default=list)
    opened_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    assigned_to: Mapped[str | None] = mapped_column(String(32))  # staff
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str | None] = mapped_column(Text)


class CaseNote(Base):
    """What staff note down about a case, for each other. Never sent to the client."""

    __tablename__ = "case_note"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Alert(Base):
    """One page to the clinic about a case, on one route; retried until sent, repeated until acknowledged."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("case_id", "tier", "route", "round"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    tier: Mapped[str] = mapped_column(String(12))
    route: Mapped[str] = mapped_column(String(32))  # console, mail, webhook, telegram
    round: Mapped[int] = mapped_column(default=0)  # 0, then 1, 2 … for each re-page
    created_at: Mapped[datetime]  # when the round began: the next one counts from here, whatever the retries
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(500))


class Appointment(Base):
    """A held, booked or cancelled slot. `slot_key` is unique while the slot is taken, and null after a cancellation."""

    __tablename__ = "appointment"
    __table_args__ = (UniqueConstraint("slot_key"), UniqueConstraint("booking_key"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.id", ondelete="SET NULL"))
    clinician: Mapped[str] = mapped_column(String(64))  # id in clinic.yml
    kind: Mapped[str] = mapped_column(String(32))  # appointment kind in clinic.yml
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(12))  # held, booked, cancelled, expired
    slot_key: Mapped[str | None] = mapped_column(String(120))  # "<clinician>|<start, UTC ISO>"
    booking_key: Mapped[str | None] = mapped_column(
        String(64)
    )  # the inbound message that booked: repeats change nothing
    held_until: Mapped[datetime | None]
    sequence: Mapped[int] = mapped_column(default=0)  # RFC 5545 SEQUENCE
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WaitingPlace(Base):
    """A client's place on the waiting list for appointments (bot.clinic.waiting_list), until they have one."""

    __tablename__ = "waiting_place"

    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    asked_at: Mapped[datetime]
    known: Mapped[list[Any]] = mapped_column(
        default=list
    )  # slots that were free when they asked, or were offered since
    passed: Mapped[int] = mapped_column(default=0)  # offers that were not taken
    appointment_id: Mapped[str | None] = mapped_column(
        ForeignKey("appointment.id", ondelete="SET NULL")
    )  # the time that is held for them by the offer that stands
    next_at: Mapped[datetime | None]  # no offer before


class CalendarMail(Base):
    """A mail about an appointment (bot.clinic.mails): an invitation or update, a cancellation, a reminder."""

    __tablename__ = "calendar_mail"
    __table_args__ = (UniqueConstraint("appointment_id", "kind", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    appointment_id: Mapped[str] = mapped_column(ForeignKey("appointment.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))  # request, cancel, reminder
    sequence: Mapped[int]  # the appointment's, which it tells of
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]


class BusyTime(Base):
    """When a clinician's own calendar says busy (bot.clinic.busy). Read anew every ten minutes; about nobody."""

    __tablename__ = "busy_time"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    clinician: Mapped[str] = mapped_column(String(64), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Staff(Base):
    """Someone who signs in to the console."""

    __tablename__ = "staff"
    __table_args__ = (Index("uq_staff_oidc_subject", "oidc_subject", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))  # admin, clinician, front_desk, auditor
    password_hash: Mapped[str] = mapped_column(String(200))
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]  # staff are never deleted: cases and the audit name them
    created_at: Mapped[datetime]
    totp_sealed: Mapped[str | None] = mapped_column(String(200))  # the second factor's secret, encrypted
    totp_since: Mapped[datetime | None]  # null while it is only being set up
    totp_step: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # of the newest code that was used: none is taken twice
    oidc_subject: Mapped[str | None] = mapped_column(String(512))  # "<issuer> <sub>"


class StaffVisit(Base):
    """A sign-in that has not ended. Its secret is in the browser alone; here is the SHA-256."""

    __tablename__ = "staff_visit"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    way: Mapped[str] = mapped_column(String(8))  # password, oidc
    second_factor_at: Mapped[datetime | None]
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class StaffLink(Base):
    """A one-time link with which someone sets a password; the SHA-256 of what is in it."""

    __tablename__ = "staff_link"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]


class RecoveryCode(Base):
    """A recovery code that has not been used; its SHA-256 (the codes are random and long)."""

    __tablename__ = "recovery_code"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)


class SignInAddress(Base):
    """A network address with wrong sign-ins of late."""

    __tablename__ = "sign_in_address"

    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class Audit(Base):
    """Who looked at or changed what, without content. Outlives an erasure."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    staff_id: Mapped[str | None] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64), default="")


class Endpoint(Base):
    """A place where a conversation can be reached. One conversation may have several: a browser and a Telegram chat."""

    __tablename__ = "endpoint"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    address: Mapped[str] = mapped_column(String(128), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime]  # the one used last is where the bot writes to
    unreachable_since: Mapped[datetime | None]  # the client has blocked the bot, or the chat is gone


class TakenUpdate(Base):
    """An update of Telegram that was taken, so that a repeat of it changes nothing. Holds nothing of a client."""

    __tablename__ = "taken_update"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # "<bot's id>.<update_id>"
    taken_at: Mapped[datetime] = mapped_column(index=True)


class OneTimeCode(Base):
    """A code with which a client goes on with this conversation on another channel. Only its SHA-256 is kept."""

    __tablename__ = "one_time_code"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Invitation(Base):
    """A clinic's link for one client. Only the SHA-256 of its token is kept."""

    __tablename__ = "invitation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    note: Mapped[str] = mapped_column(String(120), default="")  # of staff, to know it again
    created_by: Mapped[str | None] = mapped_column(String(32))  # staff.id; none: the command line
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    client_id: Mapped[str | None] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)


class CheckIn(Base):
    """That a client asked to be written to every so many days."""

    __tablename__ = "check_in"

    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    every_days: Mapped[int]
    next_at: Mapped[datetime]
    unanswered: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
