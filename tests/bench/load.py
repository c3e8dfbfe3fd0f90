"""A load of HTTP requests over connections that stay open, with as little cost of its own as can be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load came to.

    Attributes:
        a_second: Requests answered a second.
        seconds: How long each took, in order of length.
    """

    a_second: float
    seconds: list[float]

    def quantile(self, part: float) -> float:
        """Return how long the slowest but `1 - part` of the requests took, in seconds."""
        return self.seconds[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


async def post(
    port: int,
    path: str,
    body: Callable[[int], Mapping[str, Any]],
    requests: int,
    *,
    headers: Mapping[str, str] | None = None,
    expected: int = 201,
) -> Load:
    """Send so many requests over `CONNECTIONS` connections and return what it came to.

    Raises:
        AssertionError: One was not answered with the status that is expected.
    """
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    messages = []
    for n in range(requests):
        content = json.dumps(body(n), ensure_ascii=False).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"{extra}Content-Length: {len(content)}\r\n\r\n"
        )
        messages.append(head.encode() + content)
    waiting = iter(messages)
    took: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for message in waiting:
                started = time.perf_counter()
                writer.write(message)
                status = await _answer(reader)
                took.append(time.perf_counter() - started)
                assert status == expected, status
        finally:
            writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return Load(a_second=requests / (time.perf_counter() - started), seconds=sorted(took))


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
