"""The demo city as a newcomer starts it: everything runs, and what citizens, WeChat and 110 bring comes in."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.run.demo import LOG_FILE, PASSWORD
from tests.faults.hotline import asterisk_section
from tests.installation import Installation, Person
from tests.integration import pbx
from tests.integration.run.wechat_city import until

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]
LEAD = "2001"
_SLOW_SECONDS = 150.0
"""A first start lets four weeks pass and speaks its sounds; what comes by itself takes half a minute more."""


@pytest.fixture
async def demo() -> AsyncIterator[Installation]:
    pbx.installed()
    # not pytest's folder: its path is longer than a Unix socket's may be
    folder = Path(tempfile.mkdtemp(prefix="lx-"))
    try:
        hotline, network = pbx.settings_in(folder)
        for sounds in (hotline.prompts, network.home / "sounds"):
            pbx.make_short_prompts(sounds)
        sections = {
            "asterisk": asterisk_section(hotline),
            "phone_network": network.model_dump(mode="json", exclude_unset=True),
        }
        made = Installation(folder, sections, command="demo", place=folder)
        await made.start(seconds=_SLOW_SECONDS)
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_everything_runs_and_every_way_brings_something(demo: Installation) -> None:
    process = demo.process
    assert process is not None
    async with Person(demo, LEAD, PASSWORD) as lead:
        assert (await ready(lead))["tasks"]["ok"]
        assert (await lead.call("GET", "/tickets?limit=1", expect=200))["items"]
        await asyncio.gather(
            brought(lead, "/calls?mine=false"),
            brought(lead, "/conversations?box=live"),
            brought(lead, "/tickets?channel=police-110"),
        )
        # Once more, when all of it has begun: a task that takes another's name, or fails, is seen here.
        await all_well(lead)
        assert await restarted(lead) == []
    assert process.poll() is None
    assert demo.stop() < 15
    assert process.returncode == 0
    assert "Traceback" not in demo.log()
    assert faults(demo.folder / LOG_FILE) == []


async def ready(person: Person) -> dict[str, Any]:
    """What `/readyz` says of everything that the process needs."""
    async with person.session.get(f"{person.url}/readyz") as response:
        found: dict[str, Any] = (await response.json())["dependencies"]
        return found


async def all_well(person: Person) -> None:
    """Return when `/readyz` complains of nothing; a look that is due may make one late for a moment."""

    async def find() -> bool | None:
        return all(one["ok"] for one in (await ready(person)).values()) or None

    await until(find)


async def brought(person: Person, path: str) -> None:
    """Return when a list has something that it had not, which stands first."""
    before = await person.call("GET", path, expect=200)

    async def find() -> bool | None:
        found = await person.call("GET", path, expect=200)
        return found["items"][:1] != before["items"][:1] or None

    await until(find, _SLOW_SECONDS)


async def restarted(person: Person) -> Sequence[str]:
    """The tasks that had to be started again."""
    async with person.session.get(f"{person.url}/metrics") as response:
        families = text_string_to_metric_families(await response.text())
    return [
        sample.labels["task"]
        for family in families
        for sample in family.samples
        if sample.name == "lianxin_task_restarts_total" and sample.value
    ]


def faults(log: Path) -> Sequence[Any]:
    """What the log calls an error."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines
    return [line for line in lines if line["level"] in ("error", "critical")]
