"""Senders whom an installation must know before they send: devices at people's homes, people of the mini program."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from channels.contacts.rules import Address, AddressKind
from channels.one_touch import OneTouchChannel, signature
from channels.protocol import Delivery
from crm_bridge.mini_program.people import People
from crm_bridge.mini_program.rules import external_id
from crm_bridge.one_touch.devices import Devices
from crm_bridge.one_touch.rules import Owner, Place
from infra.kit.audit_chain import Chain
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.errors import Refused
from infra.kit.http import IDEMPOTENCY_HEADER
from infra.kit.identity import Principal, Role
from infra.kit.vault import open_vault
from telephony.numbers import PhoneNumber
from tests.bench.posting import MakeMessage, Posted, posted
from tests.installation import Installation

DEVICES = 300
PEOPLE = 200
_ADMINISTRATOR = Principal(
    user_id=0, number="9001", name="9001", role=Role.ADMINISTRATOR, permissions=frozenset()
)


async def devices(installation: Installation) -> MakeMessage:
    """Give devices out, and return what makes their presses."""
    settings = installation.settings
    vault = open_vault(settings.security.data_key_file)
    channel = OneTouchChannel(settings.one_touch, vault.seal)
    database = Database(settings.database.url)
    await Chain(database, vault).begin()
    given = Devices(database, SystemClock(), vault, channel)
    keys = [
        await given.add(
            _ADMINISTRATOR,
            Owner(name="王奶奶", phone=PhoneNumber(f"138{n:08}"), address=f"滨江路 {n} 号"),
            Place(latitude=30.27, longitude=120.15),
            None,
        )
        for n in range(DEVICES)
    ]
    await database.close()

    def press(n: int) -> Posted:
        now, one = datetime.now(UTC), keys[n % DEVICES]
        body = json.dumps({"press_id": f"bench-{n:08}", "battery": 80}).encode()
        headers = {
            "x-device": f"{one.device.id}.{one.device.generation}",
            "x-timestamp": str(int(now.timestamp())),
            # Every device stands in another home; from one address only so many presses are borne.
            "x-forwarded-for": f"10.7.{n // 250 % 250}.{n % 250 + 1}",
        }
        headers["x-signature"] = signature(one.key, headers, body)
        return posted(channel, Delivery(method="POST", headers=headers, body=body, received_at=now))

    return press


class _WhoHeSays:
    """Stands for WeChat, which would be asked once by each telephone: whoever comes is whom his code names."""

    async def identify(self, code: str) -> tuple[Address, Address | None]:
        return Address(kind=AddressKind.openid, value=code, scope="wx9b1c72b8c4d0d2f9"), None

    async def phone(self, code: str) -> PhoneNumber:
        raise Refused("nobody shows a number here", "此处不核验手机号")


async def people_of_the_mini_program(installation: Installation) -> MakeMessage:
    """Log people in, and return what makes their reports."""
    settings = installation.settings
    vault = open_vault(settings.security.data_key_file)
    database = Database(settings.database.url)
    people = People(database, SystemClock(), vault, _WhoHeSays(), timedelta(days=1))
    tokens = [(await people.log_in(f"oBench{n:022}")).token for n in range(PEOPLE)]
    digests = [(await people.who(token)).digest for token in tokens]
    await database.close()

    def report(n: int) -> Posted:
        key = f"bench-report-{n:08}"
        return Posted(
            external_id=external_id(digests[n % PEOPLE], key),
            path="/api/v1/mini/reports",
            headers={
                "Authorization": f"Bearer {tokens[n % PEOPLE]}",
                IDEMPOTENCY_HEADER: key,
                "Content-Type": "application/json",
            },
            body=json.dumps({"text": f"望江路路灯不亮，第 {n} 次说。"}).encode(),
        )

    return report
