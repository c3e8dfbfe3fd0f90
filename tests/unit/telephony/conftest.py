from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.kit.clock import SystemClock
from telephony.ami.link import AmiLink
from tests.unit.telephony.fake_pbx import FakePbx, running_pbx
from tests.unit.telephony.links import settings


@pytest.fixture
async def pbx() -> AsyncIterator[FakePbx]:
    async with running_pbx() as fake:
        yield fake


@pytest.fixture
async def link(pbx: FakePbx) -> AmiLink:
    """A link to the fake PBX, made but not yet running: subscribe first, then `running(link)`."""
    return AmiLink(settings(pbx), SystemClock())
