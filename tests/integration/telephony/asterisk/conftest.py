from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from telephony.phone_network.link import ManagerLink, connect
from tests.integration import pbx


@pytest.fixture
async def exchange() -> AsyncIterator[pbx.Exchange]:
    async with pbx.exchange() as both:
        yield both
        assert pbx.complaints(both) == []


@pytest.fixture
async def link(exchange: pbx.Exchange) -> AsyncIterator[ManagerLink]:
    """A manager connection to the hotline's Asterisk."""
    async with connect(exchange.hotline) as opened:
        yield opened
