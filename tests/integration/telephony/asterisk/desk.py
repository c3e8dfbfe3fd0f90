"""Agents for tests without a browser: their telephone is a subscriber of the network who always answers."""

from __future__ import annotations

import asyncio
import json
import socket

from telephony.phone_network.link import ManagerLink
from tests.integration import pbx


async def log_in(link: ManagerLink, exchange: pbx.Exchange, number: str, telephone: str) -> None:
    """Mints the agent's endpoint in AstDB, as the product does, and registers it."""
    name = f"agent-{number}"
    endpoint = {
        "transport": "transport-udp",
        "context": "from-agent",
        "disallow": "all",
        "allow": "alaw",
        "aors": name,
        "direct_media": "no",
    }
    for kind, fields in (
        ("aor", {"max_contacts": "1", "remove_existing": "yes"}),
        ("endpoint", endpoint),
    ):
        entry = {"Family": f"ps/{kind}", "Key": name, "Val": json.dumps(fields)}
        assert (await link.act("DBPut", entry))["Response"] == "Success"
    # or the account, though registered, stays "unavailable" to the queue
    await link.act("Reload", {"Module": "res_pjsip.so"})
    await register(exchange, name, telephone)


async def register(exchange: pbx.Exchange, name: str, telephone: str) -> None:
    """A telephone tells the hotline that this agent is to be reached at that number of the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as telephone_socket:
        telephone_socket.setblocking(False)
        telephone_socket.bind(("127.0.0.1", 0))
        own = telephone_socket.getsockname()[1]
        hotline, network = exchange.hotline, exchange.network
        request = (
            f"REGISTER sip:{hotline.sip_address}:{hotline.sip_port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{own}",
            f"From: <sip:{name}@{hotline.sip_address}>;tag={own}",
            f"To: <sip:{name}@{hotline.sip_address}>",
            f"Call-ID: {own}@test",
            "CSeq: 1 REGISTER",
            f"Contact: <sip:{telephone}@{network.sip_address}:{network.sip_port}>;expires=600",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        loop = asyncio.get_running_loop()
        address = (hotline.sip_address, hotline.sip_port)
        await loop.sock_sendto(telephone_socket, "\r\n".join((*request, "", "")).encode(), address)
        async with asyncio.timeout(5):
            answer = await loop.sock_recv(telephone_socket, 4096)
        assert answer.startswith(b"SIP/2.0 200"), answer


async def take_calls(link: ManagerLink, number: str) -> None:
    name = f"agent-{number}"
    member = {"Queue": "hotline", "Interface": f"PJSIP/{name}", "MemberName": name}
    assert (await link.act("QueueAdd", member))["Response"] == "Success"
