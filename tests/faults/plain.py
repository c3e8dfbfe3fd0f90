"""panoramisk as it comes, to show what would happen without our remedies."""

from __future__ import annotations

import asyncio
from typing import Any

from panoramisk.manager import Manager

from telephony.asterisk.credentials import ami_secret
from tests.faults.proxy import Proxy
from tests.integration import pbx


def plain_manager(exchange: pbx.Exchange, proxy: Proxy, **config: Any) -> Any:
    """A Manager that will log in at the hotline's Asterisk, through the proxy."""
    return Manager(
        loop=asyncio.get_running_loop(),
        host="127.0.0.1",
        port=proxy.port,
        username=exchange.hotline.ami_user,
        secret=ami_secret(exchange.hotline),
        reconnect_timeout=1,
        **config,
    )
