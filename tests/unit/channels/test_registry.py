import pytest

from channels.protocol import ChannelSettings, Mode
from channels.registry import Registry
from channels.voice import VoiceChannel
from infra.kit.errors import Misconfigured, NotFound


class Shouting(VoiceChannel):
    name = "Voice Channel"


class Second(VoiceChannel):
    pass


class Moody(VoiceChannel):
    name = "moody"
    mode = "sometimes"  # type: ignore[assignment]  # what a careless channel would do


class Loose(VoiceChannel):
    name = "loose"
    Settings = dict  # type: ignore[assignment]  # what a careless channel would do


def test_channel_is_found_by_its_name() -> None:
    voice = VoiceChannel()
    registry = Registry([voice])
    assert registry["voice"] is voice
    assert list(registry) == [voice]
    assert len(registry) == 1


def test_channel_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        Registry([])["wechat"]


def test_two_channels_of_one_name_stop_the_start() -> None:
    with pytest.raises(Misconfigured, match="two channels are named voice"):
        Registry([VoiceChannel(), Second()])


@pytest.mark.parametrize("channel", [Shouting(), Moody(), Loose()])
def test_channel_of_another_shape_stops_the_start(channel: VoiceChannel) -> None:
    with pytest.raises(Misconfigured):
        Registry([channel])


def test_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="volume"):
        VoiceChannel.Settings.model_validate({"volume": 11})
    assert issubclass(VoiceChannel.Settings, ChannelSettings)
    assert VoiceChannel.mode is Mode.listen
