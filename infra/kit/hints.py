"""Hints between processes: "look again". They may be lost, and nothing may depend on one; the database is the truth."""

from __future__ import annotations

import asyncio
import json
import secrets
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
    """Hints between processes over Redis publish/subscribe; inside this process they do without it.

    Args:
        client: An open client; closing it stays with its owner.
        quiet_seconds: After this long without a message Redis is asked whether it is still there.
    """

    def __init__(self, client: redis.Redis, *, quiet_seconds: float = 5.0) -> None:
        self._client = client
        self._quiet_seconds = quiet_seconds
        self._local = MemoryHints()
        self._instance = secrets.token_hex(8)

    async def publish(self, topic: str, body: dict[str, Any]) -> None:
        """Tell every process; with Redis down the others are not told, which is allowed, and logged."""
        await self._local.publish(topic, body)
        message = json.dumps({"from": self._instance, "body": body})
        try:
            async with asyncio.timeout(2):
                await self._client.publish(_PREFIX + topic, message)
        except (redis.RedisError, TimeoutError, OSError) as error:
            log.warning("hint_lost", topic=topic, error=type(error).__name__)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the body of every hint on `topic`; the returned function ends it."""
        return self._local.subscribe(topic, listener)

    async def run(self) -> None:
        """Receive until cancelled; raises when Redis goes away, so that the supervisor starts it anew."""
        async with self._client.pubsub() as pubsub:
            await pubsub.psubscribe(_PREFIX + "*")
            asked = False
            while True:
                message = await pubsub.get_message(timeout=self._quiet_seconds)
                if message is not None:
                    asked = False
                    if message["type"] == "pmessage":
                        await self._heard(message)
                elif asked:
                    raise redis.ConnectionError("no answer on the subscription")
                else:
                    async with asyncio.timeout(self._quiet_seconds):
                        await pubsub.ping()
                    asked = True

    async def _heard(self, message: dict[str, Any]) -> None:
        heard = json.loads(message["data"])
        if heard["from"] != self._instance:  # our own have been told already
            topic = message["channel"].decode().removeprefix(_PREFIX)
            await self._local.publish(topic, heard["body"])
