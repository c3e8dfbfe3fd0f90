from __future__ import annotations

import socket
from pathlib import Path

import pytest

from infra.kit.errors import Misconfigured
from telephony.asterisk.install import Installation
from telephony.asterisk.process import AsteriskProcess, listeners
from telephony.asterisk.render import FOLDERS
from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.settings import PhoneNetworkSettings
from tests.parts import free_port

UDP = socket.SOCK_DGRAM


@pytest.fixture
def settings(tmp_path: Path) -> AsteriskSettings:
    for folder in FOLDERS:
        (tmp_path / "h" / folder).mkdir(parents=True)
    return AsteriskSettings(
        home=tmp_path / "h",
        sip_port=free_port("127.0.0.1", UDP),
        ami_port=free_port(),
        http_port=free_port(),
        start_seconds=5,
        stop_seconds=0.2,
    )


def asterisk(tmp_path: Path, script: str) -> Installation:
    binary = tmp_path / "asterisk"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return Installation(command=(str(binary),), version=(22, 0), modules=tmp_path)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("ami_port", socket.SOCK_STREAM),
        ("http_port", socket.SOCK_STREAM),
        ("sip_port", socket.SOCK_DGRAM),
    ],
)
async def test_a_taken_port_is_told_with_the_name_of_its_setting(
    settings: AsteriskSettings, tmp_path: Path, setting: str, kind: socket.SocketKind
) -> None:
    process = AsteriskProcess(asterisk(tmp_path, "exit 1"), settings, "asterisk")
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", getattr(settings, setting)))
        if kind is socket.SOCK_STREAM:
            taken.listen()

        with pytest.raises(Misconfigured) as caught:
            await process.start()

    assert f"asterisk.{setting}" in caught.value.detail_en
    assert f"asterisk.{setting}" in caught.value.detail_zh
    assert not process.running


async def test_one_that_ends_while_starting_says_where_to_look(
    settings: AsteriskSettings, tmp_path: Path
) -> None:
    process = AsteriskProcess(
        asterisk(tmp_path, "echo no such module; exit 1"), settings, "asterisk"
    )

    with pytest.raises(Misconfigured, match=r"output\.log"):
        await process.start()

    assert "no such module" in (settings.home / "log" / "output.log").read_text()


async def test_one_that_does_not_boot_in_time_is_ended(
    settings: AsteriskSettings, tmp_path: Path
) -> None:
    deaf = asterisk(tmp_path, "trap '' TERM; while :; do sleep 0.1; done")
    impatient = settings.model_copy(update={"start_seconds": 0.3})
    process = AsteriskProcess(deaf, impatient, "asterisk")

    with pytest.raises(Misconfigured, match="did not boot in time"):
        await process.start()

    assert not process.running


def test_the_network_has_no_websocket() -> None:
    named = [listener.setting for listener in listeners(PhoneNetworkSettings(), "phone_network")]

    assert named == ["phone_network.ami_port", "phone_network.sip_port"]
