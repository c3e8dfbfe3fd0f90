"""A webhook leads nowhere into our own network, whatever its name says."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from crm_bridge.webhooks.rules import Failure
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.settings import WebhookSettings
from infra.kit.clock import SystemClock
from tests.integration.crm_bridge.webhooks.receiver import Receiver, receiving, status

BODY = b'{"id":"1"}'
GUARDED = WebhookSettings(allow_http=True, timeout_seconds=5)
OPEN = WebhookSettings(allow_http=True, allow_private=True, timeout_seconds=5)


class Names(AbstractResolver):
    """A name server of the attacker's: each look-up gets the next answer."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in answer.split()
        ]

    async def close(self) -> None: ...


def named(receiver: Receiver) -> str:
    return receiver.url.replace("127.0.0.1", "hook.example.com")


@pytest.mark.parametrize(
    "addresses", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "8.8.8.8 127.0.0.1"]
)
async def test_name_that_leads_into_our_network_is_not_followed(
    receiver: Receiver, addresses: str
) -> None:
    async with Sender(SystemClock(), GUARDED, Names(addresses)) as sender:
        outcome = await sender.send(named(receiver), BODY, "t=1,v1=0")
    assert (outcome.failure, outcome.status) == (Failure.private_address, None)
    assert receiver.requests == []


async def test_without_the_guard_the_same_name_would_reach_it(receiver: Receiver) -> None:
    async with Sender(SystemClock(), OPEN, Names("127.0.0.1")) as sender:
        outcome = await sender.send(named(receiver), BODY, "t=1,v1=0")
    assert outcome.status == 204


async def test_address_that_was_looked_at_is_the_one_connected_to(receiver: Receiver) -> None:
    names = Names("192.0.2.1", "127.0.0.1")  # first harmless, then ours: rebinding
    async with Sender(SystemClock(), GUARDED, names) as sender:
        await sender.send(named(receiver), BODY, "t=1,v1=0")
    assert names.asked == 1
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0"])
async def test_address_in_figures_is_refused_however_it_is_written(
    receiver: Receiver, host: str
) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    async with Sender(SystemClock(), GUARDED) as sender:
        outcome = await sender.send(url, BODY, "t=1,v1=0")
    assert outcome.status is None
    assert outcome.failure in (
        Failure.private_address,
        Failure.protocol,
        Failure.unknown_host,
    )
    assert receiver.requests == []


async def test_redirect_is_not_followed(receiver: Receiver) -> None:
    async with receiving() as inside:
        receiver.answer = status(307, Location=inside.url)
        async with Sender(SystemClock(), OPEN) as sender:
            outcome = await sender.send(receiver.url, BODY, "t=1,v1=0")
        assert (outcome.failure, outcome.status) == (Failure.redirect, 307)
        assert inside.requests == []
