"""Hints between processes: "look again". They may be lost, and nothing may depend on one; the database is the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import redis.asyncio as redis
import structlog

log = structlog.get_logger()

Listener = Callable[[dict[str, Any]], Awaitable[None]]
_PREFIX = "lianxin:hint:"


class Hints(Protocol):
    """A channel for hints."""

    async def publish(self, topic: str, body: dict[str, Any]) -> None:
        """Tell every listener of `topic`; returns without an error when nobody can be told."""
        ...

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the body of every hint on `topic`; the returned function ends it."""
        ...


class MemoryHints:
    """Hints inside one process."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    async def publish(self, topic: str, body: dict[str, Any]) -> None:
        """Tell every listener of `topic`."""
        for listener in list(self._listeners.get(topic, ())):
            try:
                await listener(body)
            except Exception as error:  # one bad listener must not silence the others
                log.warning("hint_listener_failed", topic=topic, error=type(error).__name__)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the body of every hint on `topic`; the returned function ends it."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)


class RedisHints:
    """Hints between processes over Redis publish/subscribe.

    Args:
        client: An open client; closing it stays with its owner.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._local = MemoryHints()

    async def publish(self, topic: str, body: dict[str, Any]) -> None:
        """Tell every process; with Redis down the hint is lost, which is allowed, and logged."""
        try:
            async with asyncio.timeout(2):
                await self._client.publish(_PREFIX + topic, json.dumps(body))
        except (redis.RedisError, TimeoutError, OSError) as error:
            log.warning("hint_lost", topic=topic, error=type(error).__name__)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the body of every hint on `topic`; the returned function ends it."""
        return self._local.subscribe(topic, listener)

    async def run(self) -> None:
        """Receive until cancelled; raises when Redis goes away, so that the supervisor starts it anew."""
        async with self._client.pubsub() as pubsub:
            await pubsub.psubscribe(_PREFIX + "*")
            async for message in pubsub.listen():
                if message["type"] == "pmessage":
                    topic = message["channel"].decode().removeprefix(_PREFIX)
                    await self._local.publish(topic, json.loads(message["data"]))
