"""The files and the voices of the simulated telephone network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from telephony.asterisk.install import Installation
from telephony.asterisk.prompts import Prompt, make_prompts
from telephony.asterisk.render import SPEECH_MODULES, write
from telephony.phone_network.settings import PhoneNetworkSettings

SOUNDS = (
    Prompt(name="citizen-hello", text="喂，您好。"),
    Prompt(
        name="citizen-talks",
        text="您好，我们小区门口的路灯坏了三天了，晚上走路看不清，请尽快派人来修一下，谢谢。",
    ),
    Prompt(name="police-speaks", text="您好，这里是110报警服务台，请讲。"),
    Prompt(name="citizen-reason", text="到现在还没有人来修。"),
    # Speaks almost without a pause, so that a busy machine leaves enough of it to know it for long by.
    Prompt(
        name="machine-greeting",
        text="现由语音邮箱为您服务，您拨打的用户暂时无法接听您的电话，请在提示音之后留言，留言结束后请挂机，我们会尽快转告机主与您联系。",
    ),
)
"""What the simulated citizens say."""


def render(
    settings: PhoneNetworkSettings,
    installation: Installation,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Renders the network's configuration and makes its sounds.

    Returns:
        The path of `asterisk.conf`.
    """
    sounds = settings.home / "sounds"
    conf = write(
        settings,
        installation,
        name="phone-network",
        templates=("telephony.phone_network", "network"),
        modules=[*SPEECH_MODULES, "func_env", "func_timeout"],
        more={"sounds": sounds, "record": settings.record},
    )
    make_prompts(sounds, SOUNDS, say=say)
    return conf
