"""The demo city's other ways in: a stub WeChat, a stub 110 platform, and citizens who write by themselves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from channels.police_110 import stub as police_stub
from channels.police_110.settings import Police110Settings
from channels.police_110.stub import Stub110
from channels.police_110.wire import Kind, MatterBody, Message
from channels.wechat.settings import WeChatSettings
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import StubAccount
from infra.kit.clock import Clock
from infra.kit.errors import LianxinError
from infra.run.settings import Settings

log = structlog.get_logger()

Say = Callable[[str], None]

_ACCOUNT = StubAccount(
    appid="wxdem0000000000001",
    secret="d" * 32,
    token="demo-token-of-the-stub",  # noqa: S106  # of a stub on the loopback
    encoding_aes_key="D" * 43,
)
_SECRET = "demo-secret-of-both-platforms"  # noqa: S105  # of a stub on the loopback
_FIRST_MESSAGE_SECONDS = 25.0
_BETWEEN_MESSAGES_SECONDS = (60.0, 120.0)
_FIRST_TRANSFER_SECONDS = 35.0
_BETWEEN_TRANSFERS_SECONDS = (150.0, 300.0)
_PATIENCE_SECONDS = 300.0

_SAID: Sequence[Sequence[str]] = (
    (
        "你好，望江路 18 号门口的路灯已经三天不亮了，晚上走路看不清。",
        "就是公交站旁边那一盏。",
        "好的，谢谢！",
    ),
    ("请问社保卡丢了去哪里补办？", "需要带什么材料呢？", "明白了，谢谢。"),
    ("我们小区楼下烧烤摊每天营业到凌晨两点，油烟很大。", "滨江花园 3 幢楼下。", "麻烦你们了。"),
    ("江滨公园的健身器材松了，老人小孩都在用。", "在东门进去右手边。", "辛苦了。"),
)
"""What citizens write on WeChat: the first of their own accord, the rest as they are answered."""

_HANDED_OVER: Sequence[MatterBody] = (
    MatterBody(
        title="占道停车",
        text="报警人称朝阳路菜场门口长期占道停车，行人只能走机动车道，非警情，请贵中心处理。",
        address="朝阳路 66 号菜场门口",
        caller_phone="13800012340",
    ),
    MatterBody(
        title="邻里噪声",
        text="报警人反映楼上装修，晚上十点以后仍在施工，已到场劝阻，后续请按职责处理。",
        address="江滨路 8 号",
        caller_phone="13800020001",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The stubs, and who is behind them.

    Attributes:
        wechat: Brings what citizens write; None when the settings name a real one.
        account: The official account there.
        police: Hands matters over; None when the settings name a real platform.
    """

    wechat: StubWeChat | None
    account: StubAccount
    police: Stub110 | None


@asynccontextmanager
async def providers(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Settings, Providers]]:
    """Run stubs of the providers that the settings say nothing of; yield the settings that know them."""
    here = f"http://{settings.server.host}:{settings.server.port}/channels"
    wechat = police = None
    async with AsyncExitStack() as stack:
        account = replace(_ACCOUNT, callback=f"{here}/wechat")
        if "wechat" not in settings.model_fields_set:
            wechat = await stack.enter_async_context(StubWeChat((account,), clock))
            settings = settings.model_copy(update={"wechat": _wechat_settings(wechat)})
        if "police_110" not in settings.model_fields_set:
            own = Police110Settings.model_validate(
                {
                    "own_id": "110",
                    "platform_id": "12345",
                    "secret": _SECRET,
                    "url": f"{here}/police-110",
                }
            )
            police = await stack.enter_async_context(police_stub.running(own, clock))
            platform = police
            police.officer = lambda matter: _decided(platform, matter)
            ours = Police110Settings.model_validate(
                {"enabled": True, "secret": _SECRET, "url": police.url}
            )
            settings = settings.model_copy(update={"police_110": ours})
        yield settings, Providers(wechat=wechat, account=account, police=police)


async def writers(found: Providers, say: Say) -> None:
    """Let citizens write, and 110 hand matters over, every so often until cancelled."""
    async with asyncio.TaskGroup() as group:
        if found.wechat is not None:
            group.create_task(_write(found.wechat, found.account, say))
        if found.police is not None:
            group.create_task(_hand_over(found.police, say))


async def _write(wechat: StubWeChat, account: StubAccount, say: Say) -> None:
    pause, number = _FIRST_MESSAGE_SECONDS, 0
    while True:
        await asyncio.sleep(pause)
        pause = random.uniform(*_BETWEEN_MESSAGES_SECONDS)  # noqa: S311  # when a citizen writes is no secret
        number += 1
        openid = f"oDemo{number % 20:023}"
        say(f"市民发来微信 / a citizen writes on WeChat: {openid[-4:]}")
        for words in _SAID[number % len(_SAID)]:
            told = len(wechat.texts(openid))
            await wechat.citizens.write(account, openid, words)
            if not await _answered(wechat, openid, told):
                break


async def _answered(wechat: StubWeChat, openid: str, told: int) -> bool:
    """Return whether a citizen was told something more before his patience ended."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(wechat.texts(openid)) <= told:  # noqa: ASYNC110  # the stub keeps a list, no event
                await asyncio.sleep(2)
    except TimeoutError:
        return False
    return True


async def _hand_over(police: Stub110, say: Say) -> None:
    pause, number = _FIRST_TRANSFER_SECONDS, 0
    while True:
        await asyncio.sleep(pause)
        pause = random.uniform(*_BETWEEN_TRANSFERS_SECONDS)  # noqa: S311  # nor is when 110 does
        say("110 转来一件非警情诉求 / 110 hands a matter over")
        try:
            await police.hand_over(_HANDED_OVER[number % len(_HANDED_OVER)])
        except LianxinError as error:
            log.warning("demo_transfer_failed", error=type(error).__name__)
        number += 1


def _decided(police: Stub110, matter: Message) -> Sequence[Message]:
    """Return what the duty officer of the stub says to a matter that is passed on to him."""
    return (
        police.answer(Kind.accepted, matter),
        police.answer(Kind.finished, matter, text="民警已到场处置，现场无异常。"),
    )


def _wechat_settings(wechat: StubWeChat) -> WeChatSettings:
    return WeChatSettings.model_validate(
        {
            "enabled": True,
            "appid": _ACCOUNT.appid,
            "secret": _ACCOUNT.secret,
            "token": _ACCOUNT.token,
            "encoding_aes_key": _ACCOUNT.encoding_aes_key,
            "api_url": wechat.url,
        }
    )
