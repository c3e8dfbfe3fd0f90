"""`lianxin check channels`: what of the ways in and out is misconfigured, and what to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import click

from channels.protocol import Channel, Checking, Finding
from infra.kit.clock import SystemClock
from infra.kit.errors import LianxinError, Misconfigured, NotFound, TryLater
from infra.kit.logging import configure
from infra.run.settings import Settings
from infra.run.store import open_store

_SECONDS = 20.0

Findings = Mapping[str, Sequence[Finding]]
"""What was found about each channel, by its name; nothing where all is well."""


@click.command("channels")
@click.make_pass_decorator(Settings)
def check_channels(settings: Settings) -> None:
    """Ask every enabled channel, and its provider where that costs nothing, what an operator should mend."""
    configure("error", readable=True)
    found = asyncio.run(check(settings))
    for name, findings in found.items():
        if not findings:
            click.secho(f"✓ {name}: 正常 / all well", fg="green")
        for finding in findings:
            mark, colour = ("✗", "red") if finding.fatal else ("!", "yellow")
            click.secho(f"{mark} {name}: {finding.setting}", fg=colour)
            click.echo(f"  {finding.message_zh}")
            click.echo(f"  {finding.message_en}")
    if any(finding.fatal for findings in found.values() for finding in findings):
        raise click.exceptions.Exit(1)


async def check(settings: Settings) -> Findings:
    """Return what was found about the installation's address, its store of files, and every enabled channel.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
        TryLater: The database does not answer.
    """
    from channels.marks.service import StoredMarks
    from infra.run.enabled import enabled_channels, posted_to
    from infra.run.sms import carriers

    clock = SystemClock()
    # What a running process remembers is shared: a token that was fetched anew would end the one in use.
    async with open_store(settings) as store:
        marks = StoredMarks(store.database, clock, store.vault)
        try:
            sms = carriers(settings, clock)
            channels = enabled_channels(settings, clock, marks, store.vault.seal, sms.channels)
        except Misconfigured as error:
            return {"settings": [_of_error("", error)]}
        try:
            asked = await asyncio.gather(*(_ask(channel) for channel in channels))
            short_messages = await _ask_checking("sms", sms.provider)
        finally:
            await sms.close()
            await asyncio.gather(*(_close(channel) for channel in channels))
    return {
        "server": _of_address(settings, posted=len(posted_to(channels))),
        "files": await _of_files(settings),
        **{channel.name: found for channel, found in zip(channels, asked, strict=True)},
        "sms": short_messages,
    }


async def _ask(channel: Channel[Any]) -> Sequence[Finding]:
    return await _ask_checking(channel.name, channel) if isinstance(channel, Checking) else ()


async def _ask_checking(name: str, checked: Checking) -> Sequence[Finding]:
    section = name.replace("-", "_")
    try:
        async with asyncio.timeout(_SECONDS):
            return await checked.check()
    except TimeoutError:
        silent = TryLater(
            f"no answer within {_SECONDS:.0f} s", f"{_SECONDS:.0f} 秒内没有响应，请检查网络"
        )
        return [_of_error(section, silent)]
    except LianxinError as error:
        return [_of_error(section, error)]


async def _close(channel: Channel[Any]) -> None:
    close = getattr(channel, "close", None)
    if close is not None:
        await close()


def _of_address(settings: Settings, *, posted: int) -> Sequence[Finding]:
    address = settings.server.public_url
    if not posted or address.startswith("https://"):
        return ()
    if address:
        return [
            Finding(
                setting="server.public_url",
                message_zh="服务商和市民会以明文访问本系统，请配置 HTTPS 地址",
                message_en="Providers and citizens reach us without TLS: set an https address",
                fatal=False,
            )
        ]
    return [
        Finding(
            setting="server.public_url",
            message_zh="未设置对外地址：服务商登记的回调地址、短信中的链接都需要它，"
            "例如 https://12345.example.gov.cn",
            message_en="No public address is set: providers' callbacks and links in messages need it, "
            "e.g. https://12345.example.gov.cn",
            fatal=False,
        )
    ]


async def _of_files(settings: Settings) -> Sequence[Finding]:
    findings = []
    if settings.s3.bucket:
        from channels.attachments.s3 import S3Store

        try:
            await S3Store(settings.s3).check()
        except NotFound:
            missing = NotFound(
                f"there is no bucket {settings.s3.bucket}: make it, or mend s3.bucket",
                f"没有存储桶 {settings.s3.bucket}，请创建或修改 s3.bucket",
            )
            findings.append(_of_error("s3.bucket", missing))
        except TryLater as error:
            findings.append(_of_error("s3.endpoint_url", error))
    if shutil.which("ffmpeg") is None:
        findings.append(
            Finding(
                setting="PATH",
                message_zh="未安装 ffmpeg，视频没有封面图",
                message_en="ffmpeg is not installed, videos get no poster",
                fatal=False,
            )
        )
    return findings


def _of_error(setting: str, error: LianxinError) -> Finding:
    return Finding(
        setting=setting,
        message_zh=error.detail_zh or error.title_zh,
        message_en=error.detail_en or error.title_en,
    )
