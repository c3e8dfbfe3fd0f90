"""Structured logs, one JSON object a line, from which personal data is taken out before it is written.

The first rule is that callers log ids only. The second line of defence is here: fields with telling names are dropped,
anything that looks like a telephone number is masked, and of an exception only its type and its places in the code are
written, never its message, which may quote what somebody typed.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_SECRET_FIELDS = frozenset(
    {"phone", "number", "caller", "callee", "name", "password", "secret", "token", "cookie"}
    | {"authorization", "text", "body", "title", "address"}
)
_PHONE = re.compile(
    r"(?:(?<=sip:)|(?<=sips:)|(?<=tel:)|(?<![0-9a-zA-Z.:-]))(\+?86)?(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])"
)
_ID_CARD = re.compile(r"(?<![0-9a-zA-Z])[1-9][0-9]{16}[0-9Xx](?![0-9a-zA-Z])")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take personal data out of a log entry; a structlog processor."""
    for key, value in event.items():
        event[key] = _clean(key, value)
    return event


def _clean(key: object, value: Any) -> Any:
    if key in _SECRET_FIELDS:
        return "[redacted]"
    if isinstance(value, str):
        return _mask(value)
    if isinstance(value, Mapping):
        return {_clean(None, name): _clean(name, item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(None, item) for item in value]
    return value


def _mask(text: str) -> str:
    return _ID_CARD.sub("[redacted]", _PHONE.sub(r"\1\2****\3", text))


def places(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put an exception's type and places in the code where `exc_info` was; a structlog processor."""
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = found if isinstance(found, BaseException) else sys.exc_info()[1]
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["places"] = [
            f"{f.filename.rsplit('/', 3)[-1]}:{f.lineno}:{f.name}" for f in frames[-8:]
        ]
    return event


def configure(level: str, *, readable: bool, stream: TextIO | None = None) -> None:
    """Send our own and all libraries' logs through one chain.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        readable: Short coloured lines for a person at a terminal, instead of JSON.
        stream: Where to; standard error by default.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        places,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared[:4],
                structlog.stdlib.PositionalArgumentsFormatter(),
                structlog.stdlib.ExtraAdder(),
                places,
                redact,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These say at INFO what our own entries already say, or write out whole messages.
    for noisy in ("aiohttp.access", "engineio", "socketio", "aiosqlite", "alembic", "panoramisk"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
