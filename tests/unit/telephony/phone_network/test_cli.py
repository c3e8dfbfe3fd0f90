from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.kit.errors import TryLater
from telephony.asterisk.cli import asterisk
from telephony.asterisk.prompts import PROMPTS
from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.cli import phone_network
from telephony.phone_network.settings import PhoneNetworkSettings
from tests.parts import free_port


@dataclass(frozen=True)
class Settings:
    asterisk: AsteriskSettings
    phone_network: PhoneNetworkSettings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        asterisk=AsteriskSettings(home=tmp_path / "h", cache=tmp_path / "cache"),
        phone_network=PhoneNetworkSettings(home=tmp_path / "n", ami_port=free_port()),
    )


def test_every_prompt_is_listed_with_its_text_and_whether_it_is_there(settings: Settings) -> None:
    settings.asterisk.prompts.mkdir(parents=True)
    (settings.asterisk.prompts / "welcome.wav").touch()

    result = CliRunner().invoke(asterisk, ["prompts"], obj=settings)

    assert result.exit_code == 0
    first, *lines = result.output.splitlines()
    assert str(settings.asterisk.prompts) in first
    assert lines == [
        f"{'✓' if prompt.name == 'welcome' else '·'} {prompt.name}.wav\t{prompt.text}"
        for prompt in PROMPTS
    ]


def test_a_call_without_a_network_says_that_it_does_not_run(settings: Settings) -> None:
    result = CliRunner().invoke(phone_network, ["call", "13900001111", "12345"], obj=settings)

    assert isinstance(result.exception, TryLater)
    assert str(settings.phone_network.ami_port) in result.exception.detail_en


@pytest.mark.parametrize("arguments", [["call"], ["call", "1"], ["call", "1", "2", "--talk", "x"]])
def test_wrong_use_is_told_apart_from_failure(settings: Settings, arguments: list[str]) -> None:
    assert CliRunner().invoke(phone_network, arguments, obj=settings).exit_code == 2
