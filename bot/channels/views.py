"""A row of the message table as channels show it, with a plain-text form for those without buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the terminal needs no database
    from bot.store.models import Message

RULER_ENDS = {
    "importance": ("not at all important", "as important as it gets"),
    "confidence": ("not at all sure", "completely sure"),
    "readiness": ("not ready at all", "ready right now"),
}


def view(message: Message) -> dict[str, Any]:
    """The message as the web API gives it (docs/messages.md)."""
    payload = message.payload or {}
    shown: dict[str, Any] = {
        "id": message.id,
        "seq": message.seq,
        "from": "client" if message.direction == "in" else "clinician" if message.kind == "clinician" else "bot",
        "kind": message.kind,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
        "in_reply_to": message.in_reply_to,
    }
    if message.direction == "in":
        shown["client_message_id"] = message.external_id
        return shown
    shown.update({name: payload[name] for name in ("buttons", "slots") if payload.get(name)})
    if payload.get("ruler"):
        name = payload["ruler"]["name"]
        low, high = RULER_ENDS[name]
        shown["ruler"] = {"name": name, "low": low, "high": high}
    if "with" in payload:
        shown["with"] = payload["with"]
    if payload.get("card"):
        card = dict(payload["card"])
        file = card.pop("file", None)
        if file:
            card["download"] = f"/api/v1/conversations/{message.conversation_id}/files/{file}"
        shown["card"] = card
    return shown


def plain_text(shown: dict[str, Any]) -> str:
    """The same message for a channel that has only text: times numbered, buttons in brackets, cards as lines."""
    parts = [shown["text"]]
    if shown.get("card") and shown["card"]["lines"]:
        card = shown["card"]
        lines = [card["title"], *(f"  {line['label']}: {line['text']}" for line in card["lines"])]
        parts.append("\n".join(lines))
    if shown.get("slots"):
        parts.append("\n".join(f"  {n}. {slot['label']} ({slot['with']})" for n, slot in enumerate(shown["slots"], 1)))
    elif shown.get("buttons"):
        parts.append("  [" + "] [".join(button["title"] for button in shown["buttons"]) + "]")
    if shown.get("ruler"):
        ruler = shown["ruler"]
        parts.append(f"  (0 = {ruler['low']} ... 10 = {ruler['high']})")
    return "\n".join(part for part in parts if part)
