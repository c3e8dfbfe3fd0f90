"""A recorded call, as Asterisk 22.10 told it to a manager that filters nothing.

13800001234 dials 12345 and waits; 1001's telephone rings in vain; 1002 answers; the citizen hangs up.
"""

from __future__ import annotations

import re
from pathlib import Path

QUEUE_CALL = (Path(__file__).parent / "samples" / "queue_call.ami").read_bytes()
END = b"\r\n\r\n"


def messages(stream: bytes) -> list[bytes]:
    """Return the messages of a stream, each with its end."""
    return [message + END for message in stream.split(END)[:-1]]


def named(message: bytes) -> str:
    """Return the name of the event that a message is."""
    return message[len(b"Event: ") : message.index(b"\r\n")].decode()


def renumbered(stream: bytes, call: int) -> bytes:
    """Return the same call with ids of its own, so that it is another call."""
    return re.sub(rb"lianxin-\d+\.", b"lianxin-%010d." % (1_800_000_000 + call), stream)
