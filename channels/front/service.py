"""Takes in what providers post: verified, understood, on disk, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter

from channels.contacts.rules import Contact, Received
from channels.front.refusals import Refusals
from channels.front.settings import FrontSettings
from channels.protocol import (
    Acknowledgement,
    Channel,
    Delivery,
    DeliveryNews,
    Greeting,
    Take,
    Telling,
)
from channels.registry import Registry
from infra.kit.clock import Clock
from infra.kit.errors import (
    Forbidden,
    Invalid,
    LianxinError,
    NotAuthenticated,
    TooLarge,
    TooMany,
    TryLater,
)
from infra.kit.rate import Rate

log = structlog.get_logger()

Tell = Callable[[str, Sequence[DeliveryNews]], Awaitable[None]]
"""Writes down what became of replies that went out over a channel; on disk when it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Takes in what is posted to an address where more is done than to take contacts in.

    Attributes:
        take: Takes a verified delivery in; on disk when it returns, or raises `Invalid`.
        again: Takes one in after all that was refused when it came; returns its contacts.
    """

    take: Callable[[Delivery], Awaitable[Acknowledgement]]
    again: Callable[[Delivery], Awaitable[Sequence[Received]]]


LARGEST_BODY = 1024 * 1024
"""The most bytes of a delivery, unless the channel says another number in `largest_body`."""


class NotUnderstood(Invalid):
    """A genuine delivery that the channel cannot read."""

    slug = "not-understood"
    title_zh = "内容无法识别，已保留待查"
    title_en = "The delivery cannot be understood, it is kept to be looked at"


class Front:
    """The one door for all webhooks.

    Args:
        channels: Those that are posted to; they verify and parse.
        take: Takes contacts in.
        tell: Is told what became of replies.
        refusals: Keeps what could not be understood.
        clock: Measures rates.
        settings: Limits.
        registry: Where the counter is registered.
    """

    def __init__(
        self,
        channels: Registry,
        take: Take,
        tell: Tell,
        refusals: Refusals,
        clock: Clock,
        settings: FrontSettings,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._channels = channels
        # Looking whether something has a protocol's shape takes longer than to call it.
        self._greeting = {one.name: one for one in channels if isinstance(one, Greeting)}
        self._telling = {one.name: one for one in channels if isinstance(one, Telling)}
        self._take = take
        self._tell = tell
        self._refusals = refusals
        self._clock = clock
        self._settings = settings
        self._rate = Rate(settings.per_minute)
        self._doors: dict[str, Door] = {}
        self._deliveries = Counter(
            "lianxin_channel_deliveries",
            "Deliveries of providers by what became of them",
            ["channel", "outcome"],
            registry=registry,
        )
        self._not_kept = Counter(
            "lianxin_channel_refused_not_kept",
            "Refused deliveries of which nothing was kept, because too much of the channel's is",
            ["channel"],
            registry=registry,
        )

    def open(self, address: str, door: Door) -> None:
        """Have a door take in what is posted to an address.

        Args:
            address: A channel's name, for all that is posted to the channel, or name and path, e.g. `pigeon/nest`.
            door: Takes it in.
        """
        self._doors[address] = door

    def limit(self, name: str) -> int:
        """Return how many bytes a delivery to a channel may have.

        Raises:
            NotFound: There is no such channel, or nothing is posted to it.
        """
        return int(getattr(self._channels[name], "largest_body", LARGEST_BODY))

    def too_large(self, name: str) -> TooLarge:
        """Count a delivery that is larger than its limit, and return the error for it."""
        self._deliveries.labels(name, "too_large").inc()
        return TooLarge(
            f"a delivery may have {self.limit(name)} bytes at most",
            f"单次投递不能超过 {self.limit(name)} 字节",
        )

    async def receive(self, name: str, raw: Delivery) -> Acknowledgement:
        """Take a delivery in; when this returns, its contacts are on disk.

        Returns:
            What the provider is answered.

        Raises:
            NotFound: There is no such channel.
            TooMany: The sender sends too much.
            NotAuthenticated: It does not come from whom it says; nothing of it is stored.
            Forbidden: The same, as the channel prefers to say it.
            Invalid: It cannot be understood; it is kept with the reason.
            TryLater: It could not be written down in time; the provider sends it again.
        """
        channel = self._channels[name]
        wait = self._rate.wait(raw.remote, self._clock.monotonic())
        if wait > 0:
            self._deliveries.labels(name, "too_many").inc()
            raise TooMany("too many deliveries", "投递过于频繁", retry_after=wait)
        try:
            answer, outcome = await self._answer(channel, raw)
        except LianxinError as error:
            self._deliveries.labels(name, error.slug).inc()
            raise
        self._deliveries.labels(name, outcome).inc()
        return answer

    async def again(self, refused_id: int) -> Sequence[Received]:
        """Take a refused delivery in after all, now that its channel understands it.

        Raises:
            NotFound: There is none, or its channel is not enabled.
            Invalid: The channel still does not understand it, or not all of it was kept.
            TryLater: It could not be written down in time.
        """
        name, raw = await self._refusals.delivery(refused_id)
        channel, door = self._channels[name], self._door(name, raw)
        if door is not None:
            received = await door.again(raw)
        else:
            received = await self._written(name, *self._understood(channel, raw))
        await self._refusals.forget(refused_id)
        return received

    def _door(self, name: str, raw: Delivery) -> Door | None:
        return self._doors.get(name) or self._doors.get(f"{name}/{raw.path}")

    async def _answer(self, channel: Channel[Any], raw: Delivery) -> tuple[Acknowledgement, str]:
        self._verify(channel, raw)
        try:
            return await self._taken(channel, raw)
        except Invalid as error:
            if not await self._refusals.keep(channel.name, raw, error):
                self._not_kept.labels(channel.name).inc()
            raise

    async def _taken(self, channel: Channel[Any], raw: Delivery) -> tuple[Acknowledgement, str]:
        door = self._door(channel.name, raw)
        if door is not None:
            return await door.take(raw), "taken"
        greeting = self._greeting.get(channel.name)
        if greeting is not None and (answer := greeting.greet(raw)) is not None:
            return answer, "greeted"
        news, contacts = self._understood(channel, raw)
        received = await self._written(channel.name, news, contacts)
        outcome = "taken" if received else "told" if news else "nothing"
        return channel.acknowledge(received), outcome

    def _verify(self, channel: Channel[Any], raw: Delivery) -> None:
        try:
            channel.verify(raw)
        except (NotAuthenticated, Forbidden):
            raise
        except Exception as error:
            # Whatever a stranger sends: what cannot be verified is not genuine.
            log.warning("delivery_not_verified", channel=channel.name, error=type(error).__name__)
            raise NotAuthenticated("the signature cannot be checked", "无法验证签名") from error

    def _understood(
        self, channel: Channel[Any], raw: Delivery
    ) -> tuple[Sequence[DeliveryNews], Sequence[Contact]]:
        try:
            telling = self._telling.get(channel.name)
            news = telling.news(raw) if telling is not None else ()
            return news, () if news else channel.parse(raw)
        except LianxinError:
            raise
        except Exception as error:
            # A slip of ours, or bytes that nobody has thought of: either way it must not be lost.
            log.exception("delivery_not_parsed", channel=channel.name, error=type(error).__name__)
            raise NotUnderstood from error

    async def _written(
        self, name: str, news: Sequence[DeliveryNews], contacts: Sequence[Contact]
    ) -> Sequence[Received]:
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                if news:
                    await self._tell(name, news)
                return [await self._take(contact) for contact in contacts]
        except TimeoutError as error:
            raise TryLater("not written down in time", "暂时无法保存，请稍后重新投递") from error
