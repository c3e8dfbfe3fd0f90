"""The base of the comparison: panoramisk and python-socketio wired as their manuals show, without a database.

    python -m tests.bench.plain_console AMI_PORT

It prints the port on which it serves `/socket.io/?agent=NUMBER`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from urllib.parse import parse_qs

import socketio
from aiohttp import web
from panoramisk.manager import Manager

_KINDS = {
    "AgentCalled": "call.ringing",
    "AgentRingNoAnswer": "call.missed",
    "AgentConnect": "call.answered",
    "AgentComplete": "call.ended",
}


async def run(ami_port: int) -> None:
    """Serve until killed."""
    server = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])

    async def connect(sid: str, environ: dict[str, Any], auth: object = None) -> None:
        agent = parse_qs(environ["QUERY_STRING"])["agent"][0]
        await server.enter_room(sid, agent)

    async def pop(_manager: Manager, event: Any) -> None:
        agent = event["MemberName"].removeprefix("agent-")
        body = {
            "type": _KINDS[event["Event"]],
            "at": event["Timestamp"],
            "data": {
                "linkedid": event["Linkedid"],
                "caller": event["CallerIDNum"],
                "agent": agent,
                "queue": event["Queue"],
            },
        }
        await server.emit("hint", body, room=agent)

    server.on("connect", connect)
    app = web.Application()
    server.attach(app)
    manager = Manager(host="127.0.0.1", port=ami_port, username="lianxin", secret="secret")
    for kind in _KINDS:
        manager.register_event(kind, pop)
    await manager.connect()
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1])))
