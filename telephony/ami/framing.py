"""Bytes from the wire into whole messages, and whole messages into headers.

Framing is done on bytes and decoding on whole messages: a Chinese character may be split between two
reads at any byte, and must survive it.
"""

from __future__ import annotations

from collections.abc import Mapping

Headers = Mapping[str, str]

END = b"\r\n\r\n"
BANNER = b"Asterisk Call Manager/"
MAX_PENDING_BYTES = 64 * 1024
"""Far above any message of ours; a peer that sends more without an end is not speaking AMI."""


class TooLong(ValueError):
    """The peer sends without ever ending a message."""


class Framer:
    """Cuts a stream of bytes into messages; holds at most one that is not complete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the messages that `chunk` completes, without their blank line.

        Raises:
            TooLong: More than `MAX_PENDING_BYTES` have come without an end.
        """
        messages = (self._rest + chunk).split(END)
        self._rest = messages.pop()
        if len(self._rest) > MAX_PENDING_BYTES:
            raise TooLong(f"{len(self._rest)} bytes without an end of message")
        return messages


def parse_headers(message: bytes) -> dict[str, str]:
    """Return the headers of one message, by name as Asterisk writes it.

    Of a repeated header the first counts: Asterisk writes its own before those that a user may have
    had a hand in. Bytes that are not UTF-8 are replaced, never dropped.
    """
    headers: dict[str, str] = {}
    for line in message.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(": ")
        headers.setdefault(name, value)
    return headers
