"""The running process: a citizen reports over Open311, and another system hears of it by a signed webhook."""

from __future__ import annotations

import time
from pathlib import Path

import aiohttp

from agent_console.keys.service import NewKey
from infra.kit.clock import SystemClock
from infra.kit.identity import Role
from infra.run.key_commands import add_key
from tests.installation import Installation, Person
from tests.integration.crm_bridge.webhooks.receiver import receiving

SETTINGS = {
    "telephony": {"enabled": False},
    "webhooks": {"allow_http": True, "allow_private": True},
}
LAMP = {"service_code": "2004", "lat": "30.27415", "long": "120.15515", "phone": "13800015121"}


async def test_report_over_open311_reaches_another_system_as_a_webhook(tmp_path: Path) -> None:
    installation = Installation(tmp_path, SETTINGS)
    await installation.prepare(
        ("3001", "何芳", Role.DISPATCHER), ("9001", "何宁", Role.ADMINISTRATOR)
    )
    new = NewKey(name="随手拍", scopes=frozenset({"open311.write"}))
    token = (await add_key(installation.settings, SystemClock(), new)).token
    await installation.start()
    try:
        async with receiving() as receiver:
            async with Person(installation, "9001") as administrator:
                body = {"name": "省平台", "url": receiver.url, "types": ["*"]}
                made = await administrator.call("POST", "/webhooks", body, expect=201)
            open311 = f"{installation.url}/open311/v2"
            async with aiohttp.ClientSession() as app:
                posted = await app.post(f"{open311}/requests.json", data={**LAMP, "api_key": token})
                assert posted.status == 200, await posted.text()
                number = (await posted.json())[0]["service_request_id"]
                note = {"api_key": token, "service_request_id": number, "description": "还没修"}
                await app.post(f"{open311}/servicerequestupdates.json", data=note)
                refused = await app.post(
                    f"{open311}/requests.json", data={**LAMP, "api_key": "lx_1_x"}
                )
                listed = await (await app.get(f"{open311}/requests.json")).json()
            await receiver.until(2)
            async with Person(installation, "3001") as dispatcher:
                ticket_id = receiver.requests[0]["data"]["ticket_id"]
                notes = await dispatcher.call("GET", f"/tickets/{ticket_id}/notes", expect=200)
    finally:
        installation.stop()
    assert refused.status == 403
    assert [request["service_request_id"] for request in listed] == [number]
    assert [event["type"] for event in receiver.requests] == ["ticket.created", "ticket.noted"]
    assert {event["data"]["number"] for event in receiver.requests} == {number}
    assert receiver.all_genuine(made["secret"], time.time())
    assert [item["text"] for item in notes["items"]] == ["还没修"]
