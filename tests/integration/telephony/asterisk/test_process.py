from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from infra.kit.errors import Misconfigured
from telephony.asterisk.process import AsteriskProcess
from telephony.phone_network.link import connect
from tests.integration import pbx

pytestmark = pytest.mark.asterisk

PARENT = """
import asyncio, sys
from pathlib import Path
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.settings import AsteriskSettings
from tests.integration.pbx import installed

async def main():
    settings = AsteriskSettings.model_validate_json(sys.argv[1])
    process = AsteriskProcess(installed(), settings, "asterisk")
    await process.start()
    print("PID", process.pid, flush=True)
    await process.wait()

asyncio.run(main())
"""


async def test_both_start_and_take_a_login_without_an_error_or_a_warning(
    exchange: pbx.Exchange,
) -> None:
    for settings in (exchange.hotline, exchange.network):
        async with connect(settings) as link:
            assert (await link.act("Ping"))["Ping"] == "Pong"

    assert "fully booted" in await exchange.hotline_process.console("core waitfullybooted")
    assert pbx.complaints(exchange) == []


async def test_a_second_one_on_the_same_ports_is_refused_with_the_name_of_the_setting(
    exchange: pbx.Exchange,
) -> None:
    second = AsteriskProcess(pbx.installed(), exchange.hotline, "asterisk")

    with pytest.raises(Misconfigured, match=r"asterisk\.ami_port"):
        await second.start()


async def test_one_that_was_killed_starts_again_and_remembers(exchange: pbx.Exchange) -> None:
    async with connect(exchange.hotline) as link:
        entry = {"Family": "lianxin", "Key": "call/1", "Val": "direction=in"}
        await link.act("DBPut", entry)
    await exchange.hotline_process.stop()
    await exchange.hotline_process.start()
    await exchange.hotline_process.kill()
    await exchange.hotline_process.start()

    assert "direction=in" in await exchange.hotline_process.console("database show lianxin")


async def test_it_ends_when_the_process_that_started_it_is_killed(exchange: pbx.Exchange) -> None:
    await exchange.hotline_process.stop()
    secret = (exchange.hotline.home / "ami.secret").read_text()
    settings = exchange.hotline.model_dump_json(exclude={"ami_secret"})
    assert secret  # it is read from the folder again
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        settings,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        while not (line := await parent.stdout.readline()).startswith(b"PID"):
            assert line
    child = psutil.Process(int(line.split()[1]))

    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()

    await asyncio.to_thread(psutil.wait_procs, [child], timeout=10)
    assert not child.is_running()


async def test_what_cannot_boot_says_where_to_look(exchange: pbx.Exchange) -> None:
    await exchange.hotline_process.stop()
    (exchange.hotline.home / "etc" / "modules.conf").write_text("[modules]\nrequire = nothing.so\n")

    with pytest.raises(Misconfigured, match=r"messages\.log"):
        await exchange.hotline_process.start()
    assert not exchange.hotline_process.running
    (exchange.hotline.home / "log" / "messages.log").write_text("")  # what it said was asked for
