"""The demo city: everything in one process, a simulated telephone network, and citizens who call by themselves."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import click
import structlog
from sqlmodel import select

from agent_console.accounts.rules import PERMISSIONS
from agent_console.accounts.tables import UserRow
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, Misconfigured
from infra.kit.identity import Principal, Role
from infra.run.demo_past import Past, has_tickets, seed
from infra.run.demo_ways import providers, writers
from infra.run.foundation import Foundation, foundation
from infra.run.people import add_person
from infra.run.serve import running
from infra.run.settings import Settings
from telephony.asterisk import install
from telephony.phone_network.citizens import call
from telephony.phone_network.network import running as network_running
from telephony.phone_network.settings import PhoneNetworkSettings

log = structlog.get_logger()

PASSWORD = "lianxin-demo-2026"  # noqa: S105  # the demo's, printed at its start; the demo listens on the loopback
LOG_FILE = Path("var/lianxin.log")
_FIRST_CALL_SECONDS = 15.0
_BETWEEN_CALLS_SECONDS = (40.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    number: str
    name: str
    role: Role
    unit: str | None = None


PEOPLE: Sequence[_Person] = (
    _Person(number="1001", name="李静", role=Role.AGENT),
    _Person(number="1002", name="王磊", role=Role.AGENT),
    _Person(number="1003", name="陈晓", role=Role.AGENT),
    _Person(number="2001", name="周敏", role=Role.LEAD),
    _Person(number="3001", name="孙平", role=Role.DISPATCHER),
    _Person(number="4001", name="赵强", role=Role.UNIT_CLERK, unit="GRGS"),
    _Person(number="4002", name="钱芳", role=Role.UNIT_HEAD, unit="GRGS"),
    _Person(number="4101", name="吴斌", role=Role.UNIT_CLERK, unit="QXJD"),
    _Person(number="4201", name="郑丽", role=Role.UNIT_CLERK, unit="CGJ"),
    _Person(number="5001", name="马市长", role=Role.LEADER),
    _Person(number="6001", name="何琳", role=Role.ANALYST),
    _Person(number="7001", name="审计员", role=Role.AUDITOR),
    _Person(number="9001", name="管理员", role=Role.ADMINISTRATOR),
)

_PAGES: Sequence[tuple[str, Collection[Role]]] = (
    ("/", (Role.AGENT, Role.LEAD)),
    ("/dispatch", (Role.DISPATCHER, Role.LEADER)),
    ("/desk", (Role.UNIT_CLERK, Role.UNIT_HEAD)),
    ("/reports", (Role.ANALYST, Role.AUDITOR)),
    ("/channels", (Role.ADMINISTRATOR,)),
)
"""Where whose work is."""

CALLERS = (
    "13800011121",
    "13800011112",
    "13800011235",
    "13800012340",
    "13800012450",
    "13800020001",
    "13800050002",
    "13800090003",
)
"""Numbers of the simulated network: when they are rung back they answer, are busy, are silent or press keys."""


async def demo(settings: Settings, *, citizens: bool) -> None:
    """Run the demo city until it is interrupted.

    Raises:
        LianxinError: Something that is needed is missing; the message says what to do.
    """
    _require_loopback(settings.server.host)
    settings = _demo_settings(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    installation = install.require(settings.asterisk)
    async with foundation(settings) as base:
        await _prepare(base)
    _say("正在启动演示电话网和微信、110 的替身 / starting the simulated networks and stubs")
    async with (
        network_running(settings.phone_network, installation, _say),
        providers(settings, SystemClock()) as (settings, found),
    ):
        _say("正在启动热线 / starting the hotline")
        async with running(settings, _say) as base:
            _welcome(settings)
            if citizens:
                base.supervisor.spawn("demo_callers", lambda: _citizens(settings.phone_network))
                base.supervisor.spawn("demo_writers", lambda: writers(found, _say))
            await stop.wait()
            _say("正在停止 / stopping")


def _require_loopback(host: str) -> None:
    try:
        fine = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        fine = False
    if not fine:
        raise Misconfigured(
            f"the demo's passwords are known to everybody: server.host must be 127.0.0.1, not {host}",
            f"演示系统的密码是公开的：server.host 只能是 127.0.0.1，不能是 {host}",
        )


def _demo_settings(settings: Settings) -> Settings:
    """Return the settings with callbacks that come at once and at any hour, unless they were set."""
    if "callbacks" in settings.model_fields_set:
        return settings
    soon = {"windows": ("00:00-24:00",), "delay_seconds": 5.0, "gap_seconds": 60.0}
    callbacks = settings.callbacks.model_copy(update={**soon, "different_hours": False})
    return settings.model_copy(update={"callbacks": callbacks})


async def _prepare(base: Foundation) -> None:
    """Give a new city its units, its people and its past; what is there already stays."""
    await seed(base)
    known = await _known(base.database)
    for person in PEOPLE:
        if person.number not in known:
            await add_person(
                base.settings,
                base.clock,
                person.number,
                person.name,
                person.role,
                PASSWORD,
                unit=person.unit,
            )
    if not await has_tickets(base):
        _say("正在生成演示城市过去四周的工单 / letting the demo city's last four weeks pass")
        tickets = await Past(base, {person.role: _principal(person) for person in PEOPLE}).happen()
        _say(f"已生成 {tickets} 件工单 / {tickets} tickets")


def _principal(person: _Person) -> Principal:
    return Principal(
        user_id=0,
        number=person.number,
        name=person.name,
        role=person.role,
        permissions=PERMISSIONS[person.role],
        unit=person.unit,
    )


async def _known(database: Database) -> set[str]:
    async with database.reading() as session:
        return set((await session.exec(select(UserRow.number))).all())


async def _citizens(network: PhoneNetworkSettings) -> None:
    """Let a citizen call every so often, until cancelled."""
    pause = _FIRST_CALL_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = random.uniform(*_BETWEEN_CALLS_SECONDS)  # noqa: S311  # when a citizen calls is no secret
        caller = random.choice(CALLERS)  # noqa: S311  # nor is who
        _say(f"市民来电 / a citizen calls: {caller}")
        try:
            ending = await call(network, caller, network.hotline_number, stay_seconds=90)
        except (LianxinError, OSError, TimeoutError) as error:
            log.warning("demo_call_failed", error=type(error).__name__)
            continue
        _say(f"来电结束 / the call is over: {caller}, {'接通' if ending.answered else '未接通'}")


def _welcome(settings: Settings) -> None:
    where = f"http://{settings.server.host}:{settings.server.port}"
    lines = [
        "",
        click.style(f"  连心 Lianxin · {settings.city.name_zh} 12345", bold=True),
        f"  工作台 / console      {click.style(where, fg='cyan')}",
        f"  市民网页 / citizens   {click.style(f'{where}/citizen/', fg='cyan')}",
        f"  接口说明 / API        {where}/api/docs",
        f"  日志 / log            {LOG_FILE}",
        "",
        "  登录 / log in with",
        *(f"    {path:<14}{_names(roles)}" for path, roles in _PAGES),
        f"  密码 / password       {PASSWORD}",
        "",
        "  登录后选“在线”即可接听；模拟市民每分钟左右打进来或发来微信，110 不时转来诉求。",
        "  Go online after logging in; about once a minute a simulated citizen calls or writes.",
        f"  短信 / short messages {settings.sms.file}",
        "  另开终端可自行拨打 / or call yourself from another terminal:",
        f"    .venv/bin/lianxin phone-network call 13800011121 {settings.asterisk.hotline_number} --talk 60",
        "",
        "  Ctrl-C 结束 / to stop",
        "",
    ]
    click.echo("\n".join(lines))


def _names(roles: Collection[Role]) -> str:
    found = (person for person in PEOPLE if person.role in roles)
    return "  ".join(
        f"{person.number} {person.name}{f'（{person.unit}）' if person.unit else ''}"
        for person in found
    )


def _say(text: str) -> None:
    click.echo(f"{click.style('▸', fg='cyan')} {text}", file=sys.stderr)
