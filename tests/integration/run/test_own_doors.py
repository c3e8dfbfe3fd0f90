"""Presses of devices and answers of 110 at the doors of the running city: what is signed is not lost there either."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from channels.contacts.tables import ContactRow
from channels.front.tables import RefusedDeliveryRow
from channels.one_touch import LARGEST_BODY, OneTouchChannel, OneTouchSettings, signature
from channels.police_110.settings import SignatureMethod
from channels.police_110.signing import HmacSigner, seal
from crm_bridge.one_touch.devices import Devices, Given
from crm_bridge.one_touch.rules import Owner, Place
from infra.kit.identity import Role
from infra.run.floors import running_desk
from infra.run.foundation import Foundation, foundation
from infra.run.settings import Settings
from telephony.numbers import PhoneNumber
from tests.contract.channels.one_touch import SAMPLE as ONE_TOUCH
from tests.integration.agent_console.conftest import PASSWORD, CountingPasswords
from tests.integration.crm_bridge.house import ZHOU

SECRET = "a-secret-of-both-sides"
OWNER = Owner(name="王秀兰", phone=PhoneNumber("13900007777"), address="江滨路 8 号")
FINISHED = {
    "message_id": "jj-20260302-000009",
    "kind": "finished",
    "transfer_id": "lianxin-0001",
    "text": "已处置",
}


@dataclass
class City:
    """A whole installation without telephones.

    Attributes:
        device: A button at somebody's home.
    """

    base: Foundation
    client: TestClient[web.Request, web.Application]
    device: Given

    async def press(self, body: bytes, *, key: str = "", below: str = "") -> int:
        given = self.device.device
        headers = {
            "x-device": f"{given.id}.{given.generation}",
            "x-timestamp": str(int(time.time())),
        }
        headers["x-signature"] = signature(key or self.device.key, headers, body)
        return await self._post(f"/channels/one-touch{below}", body, headers)

    async def say(self, body: bytes, *, secret: str = SECRET) -> int:
        signer = HmacSigner(secret, SignatureMethod.hmac_sha256)
        headers = seal(signer, "110", body, datetime.now(UTC)).headers()
        return await self._post("/channels/police-110/answers", body, headers)

    async def _post(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        async with self.client.post(address, data=body, headers=headers) as answer:
            return answer.status

    async def refused(self) -> list[tuple[str, bool]]:
        """What is kept with a reason in both languages: its channel, and whether all of it is."""
        async with self.base.database.reading() as session:
            rows = (await session.exec(select(RefusedDeliveryRow))).all()
        return [(row.channel, row.whole) for row in rows if row.reason_zh and row.reason_en]

    async def contacts(self) -> int:
        async with self.base.database.reading() as session:
            return len((await session.exec(select(ContactRow))).all())

    def counted(self, channel: str, outcome: str) -> float | None:
        return self.base.registry.get_sample_value(
            "lianxin_channel_deliveries_total", {"channel": channel, "outcome": outcome}
        )

    async def retried(self) -> int:
        """What the administrator is answered who has the only refused delivery tried again."""
        base = self.base
        sessions = Sessions(base.database, base.clock, base.vault, base.hints)
        accounts = Accounts(base.database, base.clock, sessions, CountingPasswords())
        await accounts.add_user("9001", "何宁", Role.ADMINISTRATOR, PASSWORD)
        login = await accounts.log_in("9001", PASSWORD, "127.0.0.1")
        headers = {
            "Cookie": f"lianxin_session={login.token}",
            "X-CSRF-Token": login.session.csrf_token,
        }
        address = "/api/v1/channels/refused"
        async with self.client.get(address, headers=headers) as answer:
            (item,) = (await answer.json())["items"]
        address = f"{address}/{item['id']}/retry"
        async with self.client.post(address, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    settings = Settings(
        database={"url": f"sqlite:///{tmp_path}/lianxin.db"},
        security={"data_key_file": tmp_path / "data.key"},
        telephony={"enabled": False},
        police_110={"enabled": True, "secret": SECRET},
    )
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(foundation(settings))
        app = await stack.enter_async_context(running_desk(base))
        client = await stack.enter_async_context(TestClient(TestServer(app)))
        channel = OneTouchChannel(OneTouchSettings(), base.vault.seal)
        devices = Devices(base.database, base.clock, base.vault, channel)
        yield City(base, client, await devices.add(ZHOU, OWNER, Place(), None))


def press(**changes: object) -> bytes:
    return json.dumps({"press_id": "a81f-0001", "kind": "help", **changes}).encode()


def finished(**changes: object) -> bytes:
    said = {**FINISHED, "sent_at": datetime.now(UTC).isoformat(), **changes}
    return json.dumps(said, ensure_ascii=False).encode()


async def test_press_that_cannot_be_understood_is_kept_and_counted_and_a_forged_one_is_not(
    city: City,
) -> None:
    assert await city.press(press(kind="scream"), key="0" * 64) == 401
    assert await city.refused() == []
    for garbage in ONE_TOUCH.garbage:
        assert await city.press(garbage.body) == 422
    count = len(ONE_TOUCH.garbage)
    assert await city.refused() == [("one-touch", True)] * count
    assert await city.press(b" " * (LARGEST_BODY + 1)) == 413
    assert await city.press(press()) == 200
    assert await city.contacts() == 1
    assert city.counted("one-touch", "invalid") == count
    assert (city.counted("one-touch", "too_large"), city.counted("one-touch", "taken")) == (1, 1)


async def test_key_that_holds_no_more_opens_no_address_of_the_channel(city: City) -> None:
    channel = OneTouchChannel(OneTouchSettings(), city.base.vault.seal)
    devices = Devices(city.base.database, city.base.clock, city.base.vault, channel)
    await devices.take_back(ZHOU, city.device.device.id)
    assert [await city.press(press(), below=below) for below in ("", "/x")] == [403, 403]
    assert await city.press(press(kind="scream")) == 403
    assert (await city.contacts(), await city.refused()) == (0, [])


async def test_answer_that_cannot_be_understood_is_kept_and_counted_and_a_forged_one_is_not(
    city: City,
) -> None:
    assert await city.say(finished(handled_by="所" * 101), secret="another-secret-of-theirs") == 401
    assert await city.refused() == []
    assert await city.say(finished(handled_by="所" * 101)) == 422
    assert await city.say(finished(kind="transfer", matter={"text": "噪声"})) == 422
    assert await city.refused() == [("police-110", True)] * 2
    assert await city.say(finished()) == 404  # signed and understood, and nobody knows the matter
    assert city.counted("police-110", "invalid") == 2.0
    assert await city.contacts() == 0


async def test_refused_answer_is_tried_again_as_an_answer(city: City) -> None:
    assert await city.say(finished(handled_by="所" * 101)) == 422
    assert await city.retried() == 422  # we have learned nothing since
    assert await city.refused() == [("police-110", True)]


async def test_refused_press_is_tried_again_as_a_press(city: City) -> None:
    assert await city.press(press(kind="scream")) == 422
    assert await city.retried() == 422
    assert await city.refused() == [("one-touch", True)]
