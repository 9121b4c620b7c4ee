"""Links that open a conversation elsewhere."""

from __future__ import annotations

from bot.store.codes import plain


def links(code: str, web: str, telegram_name: str) -> dict[str, str]:
    """The link of a one-time code for each channel; where there is no address for a link, the code to type.

    Args:
        web: address of the chat page.
        telegram_name: the bot's user name, or empty.
    """
    short = f"c_{plain(code)}"
    return {
        # Behind the #, which browsers send to nobody
        "web": f"{web.rstrip('/')}/join#{short}" if web else code,
        "telegram": f"https://t.me/{telegram_name}?start={short}" if telegram_name else code,
    }
