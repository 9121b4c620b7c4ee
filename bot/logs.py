"""Logs: one line an event, names and numbers only. What clients write is in the database and nowhere else."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Sends our own events and warnings of libraries to standard error.

    Libraries that log requests or updates in full (httpx, telegram) are kept at WARNING whatever the level.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_drop_values)
    for name in ("httpx", "httpcore", "telegram", "telegram.ext", "rasa_sdk", "uvicorn", "sqlalchemy", "aiosmtplib"):
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _drop_values(record: logging.LogRecord) -> bool:
    # An exception's message can hold SQL parameters, and so a client's words: only its type is kept.
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = f"{record.name}: {record.exc_info[0].__name__}", ()
        record.exc_info, record.exc_text = None, None
    return True
