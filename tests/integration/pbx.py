"""A hotline's Asterisk and a telephone network, both real, for tests: up in half a second, on ports of their own."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telephony.asterisk import install, prompts
from telephony.asterisk.install import Installation
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.render import render
from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.render import render as render_network
from telephony.phone_network.settings import PhoneNetworkSettings
from tests.parts import free_port, missing

SHORT_PROMPT_SECONDS = 0.8
QUESTION_SILENCE_MS = 600
BUSY = ("Exceptionally long ", "(high water mark: ")
"""Asterisk writes these when one of its threads was not given a processor for a while, which is nobody's mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Both Asterisks.

    Attributes:
        hotline: Settings of the hotline's Asterisk.
        network: Settings of the network's.
        hotline_process: The hotline's, running.
        network_process: The network's, running.
    """

    hotline: AsteriskSettings
    network: PhoneNetworkSettings
    hotline_process: AsteriskProcess
    network_process: AsteriskProcess


def installed() -> Installation:
    """The Asterisk to test with; a failure under CI, a skip elsewhere, where there is none."""
    found = install.find(AsteriskSettings())
    if found is None:
        missing("Asterisk", "lianxin asterisk install")
    return found


def settings_in(folder: Path, **hotline: Any) -> tuple[AsteriskSettings, PhoneNetworkSettings]:
    """Settings of a hotline and a network that know each other, on ports that nobody uses."""
    udp = socket.SOCK_DGRAM
    speech = random.randrange(20000, 60000, 400)
    hotline_sip, network_sip = free_port("127.0.0.1", udp), free_port("127.0.0.2", udp)
    values: dict[str, Any] = {
        "home": folder / "hotline",
        "recordings_dir": folder / "recordings",
        "sip_port": hotline_sip,
        "trunk_port": network_sip,
        "ami_port": free_port(),
        "http_port": free_port(),
        "rtp_start": speech,
        "rtp_end": speech + 199,
        "key_wait_seconds": 2,
        "reason_silence_seconds": 1,
        **hotline,
    }
    return (
        AsteriskSettings(**values),
        PhoneNetworkSettings(
            home=folder / "network",
            sip_port=network_sip,
            hotline_port=hotline_sip,
            ami_port=free_port(),
            rtp_start=speech + 200,
            rtp_end=speech + 399,
            question_silence_ms=QUESTION_SILENCE_MS,
        ),
    )


def make_short_prompts(folder: Path) -> None:
    """Prompts that take a moment; they lie there like recorded ones, so that no voice is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for prompt in prompts.PROMPTS:
        prompts.write_wav(folder / f"{prompt.name}.wav", prompts.tone(440.0, SHORT_PROMPT_SECONDS))


def complaints(exchange: Exchange) -> list[str]:
    """Every ERROR and WARNING that either Asterisk has logged, but for those that say that the machine is busy."""
    lines = [
        line
        for home in (exchange.hotline.home, exchange.network.home)
        for line in (home / "log" / "messages.log").read_text().splitlines()
    ]
    return [
        line
        for line in lines
        if ("WARNING[" in line or "ERROR[" in line) and not any(text in line for text in BUSY)
    ]


def seconds_of(recording: Path) -> float:
    """The length of a recording; it must be 8 kHz, 16 bit, mono."""
    with wave.open(str(recording)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        frames, rate = int(file.getnframes()), int(file.getframerate())
        return frames / rate


@asynccontextmanager
async def exchange(**hotline: Any) -> AsyncIterator[Exchange]:
    """Starts both, and stops them by their own ids at the end.

    Args:
        **hotline: Settings of the hotline's Asterisk that are to differ.
    """
    installation = installed()
    # not pytest's folder: its path is longer than a Unix socket's may be
    folder = Path(tempfile.mkdtemp(prefix="lx-"))
    try:
        settings, network = settings_in(folder, **hotline)
        make_short_prompts(settings.prompts)
        prompts.make_prompts(settings.prompts)
        render(settings, installation)
        render_network(network, installation)
        both = (
            AsteriskProcess(installation, settings, "asterisk"),
            AsteriskProcess(installation, network, "phone_network"),
        )
        try:
            await asyncio.gather(*(process.start() for process in both))
            yield Exchange(
                hotline=settings,
                network=network,
                hotline_process=both[0],
                network_process=both[1],
            )
        finally:
            await asyncio.gather(*(process.stop() for process in both))
            for home in (settings.home, network.home):
                print(
                    home.name, (home / "log" / "messages.log").read_text()
                )  # seen when a test fails
    finally:
        shutil.rmtree(folder, ignore_errors=True)
