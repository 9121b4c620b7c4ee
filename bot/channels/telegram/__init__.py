"""Telegram by python-telegram-bot 22: `channel` ties the rest together."""
