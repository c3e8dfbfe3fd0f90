from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.settings import PhoneNetworkSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ami_user", "lianxin\r\nsecret = x"),
        ("ami_user", "lianxin;x"),
        ("ami_secret", "a\nb"),
        ("ami_secret", "one,two"),
        ("ami_secret", "空格 不行"),
        ("home", "/tmp/a;b"),
        ("home", "/tmp/${EPOCH}"),
        ("home", "/tmp/a\nb"),
        ("prompts_dir", "/tmp/a&b"),
        ("recordings_dir", "/tmp/a,b"),
        ("recordings_dir", "/tmp/a|b"),
        ("timezone", "Asia/Shanghai,%Y"),
        ("hotline_number", "12345,1"),
        ("hotline_number", "_X."),
        ("sip_address", "127.0.0.1:5060"),
        ("trunk_address", "carrier.example;x"),
        ("sip_port", "5060"[:0]),
        ("sip_port", 0),
        ("ami_port", 70000),
    ],
)
def test_a_value_that_would_change_the_meaning_of_a_line_is_refused_by_name(
    field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        AsteriskSettings(**{field: value})

    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="sip_prot"):
        AsteriskSettings.model_validate({"sip_prot": 5060})


def test_a_home_too_deep_for_a_console_socket_is_refused() -> None:
    with pytest.raises(ValidationError, match="home is too long"):
        AsteriskSettings(home=Path("/tmp") / ("深" * 40))


def test_a_range_without_room_for_a_call_is_refused() -> None:
    with pytest.raises(ValidationError, match="rtp_end"):
        AsteriskSettings(rtp_start=10000, rtp_end=10001)


def test_folders_are_absolute_whatever_was_written() -> None:
    settings = AsteriskSettings(home=Path("var/asterisk"))

    assert settings.home == Path.cwd() / "var" / "asterisk"
    assert settings.prompts == settings.home / "prompts"


def test_a_home_in_chinese_is_allowed() -> None:
    assert AsteriskSettings(home=Path("/srv/热线 一")).home == Path("/srv/热线 一")


def test_hotline_and_network_are_not_in_each_others_way() -> None:
    hotline, network = AsteriskSettings(), PhoneNetworkSettings()

    assert (hotline.sip_address, hotline.sip_port) == (
        network.hotline_address,
        network.hotline_port,
    )
    assert (network.sip_address, network.sip_port) == (hotline.trunk_address, hotline.trunk_port)
    assert hotline.ami_port != network.ami_port
    assert hotline.rtp_end < network.rtp_start
