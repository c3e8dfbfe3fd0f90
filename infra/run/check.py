"""`lianxin check`: is everything there, and what is to be done where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import redis.asyncio as redis
from sqlalchemy.exc import SQLAlchemyError

from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, TryLater
from infra.kit.health import Report
from infra.kit.installation import require_own_key
from infra.kit.vault import open_vault
from infra.run.channel_commands import check as check_channels
from infra.run.migrate import require_current
from infra.run.settings import Settings
from infra.run.telephones import ami_settings
from telephony.ami.events import LinkUp
from telephony.ami.link import AmiLink
from telephony.asterisk import install

_LINK_SECONDS = 3.0


async def check(settings: Settings) -> dict[str, Report]:
    """Return a report for each thing that this installation needs."""
    checks: dict[str, Callable[[Settings], Awaitable[Report]]] = {
        "settings": _settings,
        "database": _database,
        "data key": _key,
        "documents": _documents,
        "channels": _channels,
    }
    if settings.redis.url:
        checks["redis"] = _redis
    if settings.telephony.enabled:
        checks["asterisk"] = _asterisk
    return {name: await _guarded(found, settings) for name, found in checks.items()}


async def _guarded(found: Callable[[Settings], Awaitable[Report]], settings: Settings) -> Report:
    try:
        return await found(settings)
    except LianxinError as error:
        return Report(
            ok=False,
            detail_en=error.detail_en or error.title_en,
            detail_zh=error.detail_zh or error.title_zh,
        )


async def _settings(_settings: Settings) -> Report:
    return Report(ok=True, detail_en="complete and valid", detail_zh="完整有效")


async def _database(settings: Settings) -> Report:
    database = Database(settings.database.url)
    await database.open()
    try:
        await require_current(database)
    finally:
        await database.close()
    return Report(ok=True, detail_en="answers, up to date", detail_zh="正常，版本为最新")


async def _documents(settings: Settings) -> Report:
    from crm_bridge.supervision.documents.fonts import Face, Fonts
    from infra.run.supervision import wording

    wording(settings)
    own = settings.supervision
    fonts = Fonts(own.font, own.title_font)
    if not fonts.embeds:
        return Report(
            ok=True,
            detail_en="no TrueType Chinese font found: PDF papers name STSong-Light, which the reader's program must"
            " have; name a font file in supervision.font to embed it",
            detail_zh="未找到中文 TrueType 字体：PDF 文书引用 STSong-Light，由阅读软件提供；"
            "可在 supervision.font 指定字体文件以嵌入",
        )
    names = "、".join(dict.fromkeys(fonts.types[face].file for face in Face))
    return Report(
        ok=True, detail_en=f"PDF papers embed {names}", detail_zh=f"PDF 文书嵌入字体 {names}"
    )


async def _key(settings: Settings) -> Report:
    path = settings.security.data_key_file
    with suppress(TryLater, SQLAlchemyError):  # that is reported of the database
        if await _own_key(settings):
            return Report(ok=True, detail_en=str(path), detail_zh=str(path))
    if not path.exists():
        return Report(
            ok=False,
            detail_en=f"there is no {path}: it is made at the first start, or restore it from its copy",
            detail_zh=f"没有 {path}：首次启动时会自动生成；若已有数据，请从备份恢复",
        )
    open_vault(path)
    return Report(ok=True, detail_en=str(path), detail_zh=str(path))


async def _channels(settings: Settings) -> Report:
    found = await check_channels(settings)
    hindered = [name for name, findings in found.items() if any(one.fatal for one in findings)]
    if not hindered:
        return Report(
            ok=True,
            detail_en="nothing hinders them; `lianxin check channels` says more",
            detail_zh="可用；详情见 lianxin check channels",
        )
    return Report(
        ok=False,
        detail_en=f"{', '.join(hindered)}: see `lianxin check channels`",
        detail_zh=f"{'、'.join(hindered)} 有问题，请运行 lianxin check channels 查看",
    )


async def _own_key(settings: Settings) -> bool:
    database = Database(settings.database.url)
    await database.open()
    try:
        return await require_own_key(database, settings.security.data_key_file) is not None
    finally:
        await database.close()


async def _redis(settings: Settings) -> Report:
    try:
        async with redis.from_url(settings.redis.url, socket_connect_timeout=2) as client:
            await client.ping()
    except (redis.RedisError, OSError):
        where = urlsplit(settings.redis.url).netloc.rpartition("@")[2]  # without the password
        return Report(
            ok=False,
            detail_en=f"Redis at {where} does not answer: start it or mend redis.url",
            detail_zh=f"Redis（{where}）没有响应：请启动 Redis 或修改 redis.url",
        )
    return Report(ok=True, detail_en="answers", detail_zh="正常")


async def _asterisk(settings: Settings) -> Report:
    installation = install.require(settings.asterisk)
    version = ".".join(map(str, installation.version))
    link = AmiLink(ami_settings(settings), SystemClock())
    came_up = asyncio.Event()
    link.subscribe([LinkUp], lambda _event: came_up.set())
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(_LINK_SECONDS):
            await came_up.wait()
    except TimeoutError:
        pass
    # Before the link is ended: ended, it says that it is down.
    found = await link.check()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    if found.ok:
        return found
    where = f"{settings.asterisk.ami_host}:{settings.asterisk.ami_port}"
    return Report(
        ok=False,
        detail_en=f"Asterisk {version} is installed; but not to be had at {where}: {found.detail_en}. "
        "Start it (`lianxin serve` does), or mend asterisk.ami_port and asterisk.ami_secret",
        detail_zh=f"已安装 Asterisk {version}；但 {where} 无法使用：{found.detail_zh}。"
        "请启动它（lianxin serve 会启动），或修改 asterisk.ami_port、asterisk.ami_secret",
    )
