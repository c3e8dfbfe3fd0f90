"""`lianxin phone-network`: the simulated telephone network from the command line."""

from __future__ import annotations

import asyncio
import signal
from typing import Protocol

import click

from telephony.asterisk.install import require
from telephony.phone_network import citizens, network
from telephony.phone_network.settings import PhoneNetworkSettings


class _Settings(Protocol):
    @property
    def phone_network(self) -> PhoneNetworkSettings: ...


@click.group("phone-network")
def phone_network() -> None:
    """The simulated telephone network of demo and tests."""


@phone_network.command("call")
@click.argument("caller", metavar="FROM")
@click.argument("called", metavar="TO")
@click.option(
    "--talk", default=20, show_default=True, help="Seconds that the citizen stays on the line."
)
@click.option("--press", default="", help="Keys pressed after the answer; w pauses half a second.")
@click.pass_obj
def call(settings: _Settings, caller: str, called: str, talk: int, press: str) -> None:
    """Let the citizen with the number FROM call TO; the network must be running (`make run` runs one)."""
    placed = citizens.call(
        settings.phone_network, caller, called, stay_seconds=talk, press=press, say=click.echo
    )
    ending = asyncio.run(placed)
    if not ending.answered:
        click.echo(f"未接通 / not answered (Q.850 {ending.cause})")
        raise click.exceptions.Exit(1)
    click.echo(f"结束 / ended (Q.850 {ending.cause})")


@phone_network.command("run")
@click.pass_obj
def run(settings: _Settings) -> None:
    """Run the network until Ctrl-C."""
    asyncio.run(_run(settings.phone_network))


async def _run(settings: PhoneNetworkSettings) -> None:
    stopping = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    async with network.running(settings, require(settings), click.echo) as process:
        click.echo(f"电话网已启动 / the network is up: {settings.sip_address}:{settings.sip_port}")
        ended, asked = asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())
        _, left = await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
