"""From a provider's webhook to an agent's socket: 200 messages a second of each channel, and a burst of 10 000 in ten.

A message of a chat counts when the agent whose chat it is has its number on his socket, a matter when a dispatcher has
the number of its ticket there. The mayor's mailbox and files of boards have benches of their own: nobody posts there.

    python -m tests.bench.ways_in [CHANNEL …]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from channels.contacts.rules import Purpose
from tests.bench.arrivals import AGENTS, LEAD, City, Run, at, running_city
from tests.bench.posting import MakeMessage
from tests.bench.providers import PROVIDERS, Provider

SECONDS = 10
STEADY_A_SECOND = 200
BURST = 10_000
PROVIDER_WAITS_SECONDS = 5.0
"""WeChat gives up after this and sends again; no provider is known to wait less."""

_CONNECTIONS = 64


def describe(name: str, run: Run) -> str:
    """Return the figures in one line."""
    answers = sorted(one for one in run.answered if one is not None)
    in_time = sum(one <= PROVIDER_WAITS_SECONDS for one in answers)
    return (
        f"  {name:34} {len(run.sent):6,} sent  {in_time:6,} answered in time"
        f" (p99 {at(answers, 0.99):7.1f} ms)  {run.on_screens}"
    )


async def send(
    city: City, provider: Provider, message_of: MakeMessage, first: int, count: int
) -> Run:
    """Send messages evenly over some seconds, whatever becomes of them, and wait for the screens."""
    run = Run(busy=city.busy)
    began = time.monotonic()
    coming = iter(range(count))

    async def connection() -> None:
        for n in coming:
            await asyncio.sleep(max(0.0, began + n * SECONDS / count - time.monotonic()))
            message = message_of(first + n)
            run.sent[message.external_id] = time.monotonic()
            run.answered.append(await city.post(message.path, message.headers, message.body))

    await asyncio.gather(*(connection() for _ in range(_CONNECTIONS)))
    await city.wait(run, provider.channel, provider.purpose)
    return run


async def begin_chats(city: City, provider: Provider, message_of: MakeMessage) -> None:
    """Let every citizen of a channel of chats say a first word, and give each chat to an agent."""
    for n in range(provider.citizens):
        message = message_of(n - provider.citizens)
        assert await city.post(message.path, message.headers, message.body) is not None
    chats = sorted({key[0] for key in city.keys(provider.channel, provider.purpose).values()})
    for n, conversation_id in enumerate(chats):
        agent = AGENTS[n % len(AGENTS)]
        await city.call(LEAD, f"/conversations/{conversation_id}/assign", json={"agent": agent})


async def measure(provider: Provider) -> None:
    """Print what one channel comes to, in a city of its own."""
    async with running_city(provider.settings) as city:
        message_of = await provider.begin(city.installation)
        if provider.purpose is Purpose.talk:
            await begin_chats(city, provider, message_of)
        steady = STEADY_A_SECOND * SECONDS
        found = await send(city, provider, message_of, 0, steady)
        print(describe(f"{provider.name}, {STEADY_A_SECOND}/s", found), flush=True)
        burst = await send(city, provider, message_of, steady, BURST)
        print(describe(f"{provider.name}, burst", burst), flush=True)


async def run(names: Sequence[str]) -> None:
    """Print what every channel comes to, or those that are named."""
    print(
        f"webhook to an agent's socket: {STEADY_A_SECOND} messages/s for {SECONDS} s, then"
        f" {BURST:,} in {SECONDS} s; one processor; in time: within {PROVIDER_WAITS_SECONDS:.0f} s"
    )
    for provider in PROVIDERS:
        if not names or provider.name in names:
            await measure(provider)


def main(names: Sequence[str] = ()) -> None:
    """Run the bench."""
    asyncio.run(run(names))


if __name__ == "__main__":
    main(sys.argv[1:])
