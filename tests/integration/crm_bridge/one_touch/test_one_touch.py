"""Calls at one touch: a citizen's page is given a telephone, a press has owner and agents rung."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from sqlmodel import col, select

from channels.contacts.tables import ContactRow
from channels.front.api import Entrance
from channels.front.refusals import Refusals
from channels.front.service import Door, Front
from channels.front.settings import FrontSettings
from channels.one_touch import Device, OneTouchChannel, OneTouchSettings, signature
from channels.protocol import Delivery
from channels.registry import Registry
from crm_bridge.one_touch.api import routes
from crm_bridge.one_touch.devices import DeviceGone, Devices, Given
from crm_bridge.one_touch.reading import OneTouchReader
from crm_bridge.one_touch.rules import Owner, Place, guest_of_pass
from crm_bridge.one_touch.service import NoTelephony, OneTouch
from crm_bridge.one_touch.tables import OneTouchCallRow, OneTouchDeviceRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotAuthenticated, NotFound, TooMany
from infra.kit.http import mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from telephony.ami.errors import LinkDown
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import Guest, Press
from tests.integration.crm_bridge.house import LI, MOBILE, WANG, ZHOU, House

OWNER = Owner(
    name="王秀兰",
    phone=PhoneNumber("13900007777"),
    address="江滨路 8 号 3 单元 201",
    contact="女儿 王芳",
    notes="心脏病",
)
WATCHER = replace(ZHOU, permissions=ZHOU.permissions | {"call.read_any"})
HOME = Place(latitude=30.27415, longitude=120.15515)


@dataclass
class ScriptedPhones:
    """Telephones without telephones: they promise what the real ones do."""

    clock: ManualClock
    reachable: bool = True
    rung: dict[str, PhoneNumber] = field(default_factory=dict)
    orders: int = 0
    minted: list[Guest] = field(default_factory=list)
    listeners: list[Callable[[str, str, str], None]] = field(default_factory=list)

    async def mint(self, caller: PhoneNumber | None, valid: timedelta) -> Guest:
        guest = Guest(
            name=f"guest-{uuid4().hex[:16]}",
            secret="s",
            caller=caller,
            until=self.clock.now() + valid,
        )
        self.minted.append(guest)
        return guest

    async def ring(self, press: Press) -> None:
        self.orders += 1
        if not self.reachable:
            raise LinkDown
        self.rung.setdefault(press.linkedid, press.owner)

    def subscribe(self, listener: Callable[[str, str, str], None]) -> None:
        self.listeners.append(listener)


@dataclass(kw_only=True)
class Home(House):
    """The house, with a device at somebody's home."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = OneTouchSettings(per_device=20)
        self.phones = ScriptedPhones(self.clock)
        self.channel = OneTouchChannel(settings, self.vault.seal)
        self.devices = Devices(self.database, self.clock, self.vault, self.channel)
        self.one_touch = OneTouch(
            self.database,
            self.clock,
            self.vault,
            self.channel,
            self.devices,
            settings,
            self.intake.take,
            "pbx-1",
        )
        self.one_touch.attach(self.phones)
        self.beside = OneTouchReader(self.database, self.vault, self.devices)

    async def given(self) -> Given:
        return await self.devices.add(ZHOU, OWNER, HOME, None)

    def pressed(
        self, given: Given, press_id: str = "press-1", *, key: str = "", **said: object
    ) -> Delivery:
        body = json.dumps({"press_id": press_id, **said}).encode()
        device = given.device
        headers = {
            "x-device": f"{device.id}.{device.generation}",
            "x-timestamp": str(int(self.clock.now().timestamp())),
        }
        headers["x-signature"] = signature(key or given.key, headers, body)
        return Delivery(method="POST", headers=headers, body=body, received_at=self.clock.now())

    async def logged(self, linkedid: str) -> int:
        """The call of a press, as the log has it once Li has answered."""
        row = CallRow(
            pbx="pbx-1",
            linkedid=linkedid,
            direction=Direction.callback,
            state=CallState.answered,
            agent=LI.number,
            offered_at=self.clock.now(),
        )
        async with self.database.transaction() as session:
            session.add(row)
        assert row.id is not None
        return row.id

    async def calls_of_devices(self) -> list[OneTouchCallRow]:
        async with self.database.reading() as session:
            statement = select(OneTouchCallRow).order_by(col(OneTouchCallRow.id))
            return list((await session.exec(statement)).all())


class NobodysDoor:
    """No page comes here."""

    async def admit(self, challenge: str, nonce: str, address: str) -> None:
        raise AssertionError(challenge)

    def caller(self, phone: str | None, phone_pass: str) -> PhoneNumber | None:
        raise AssertionError(phone)

    def ticket(self, ticket_pass: str) -> int | None:
        raise AssertionError(ticket_pass)


@pytest.fixture
async def home(database: Database, clock: ManualClock, vault: Vault) -> Home:
    made = Home(database=database, clock=clock, vault=vault)
    await made.open()
    return made


async def test_a_press_opens_a_ticket_with_its_owner_and_rings_once(home: Home) -> None:
    given = await home.given()
    answer = await home.one_touch.press(home.pressed(given))
    async with home.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
    assert json.loads(answer.body) == {"taken": True, "number": ticket.number}
    assert ticket.address == OWNER.address
    (row,) = await home.calls_of_devices()
    assert home.phones.rung == {row.linkedid: OWNER.phone}
    assert (row.ticket_id, row.rung_at) == (ticket.id, home.clock.now())


async def test_the_same_press_ten_times_at_once_is_one_ticket_and_rings_once(home: Home) -> None:
    given = await home.given()
    raw = home.pressed(given)
    await asyncio.gather(*(home.one_touch.press(raw) for _ in range(10)))
    assert await home.count(TicketRow) == 1
    assert len(home.phones.rung) == 1
    assert len(await home.calls_of_devices()) == 1


async def test_a_pbx_that_is_away_rings_when_it_is_back_and_not_after_three_minutes(
    home: Home,
) -> None:
    given = await home.given()
    home.phones.reachable = False
    await home.one_touch.press(home.pressed(given))
    assert await home.one_touch.ring_due() == 1
    home.phones.reachable = True
    assert await home.one_touch.ring_due() == 0
    assert len(home.phones.rung) == 1
    home.phones.reachable = False
    await home.one_touch.press(home.pressed(given, "press-2"))
    home.phones.reachable = True
    home.clock.advance(181)
    orders = home.phones.orders
    assert await home.one_touch.ring_due() == 0
    assert home.phones.orders == orders
    assert await home.count(TicketRow) == 2  # a person looks at it


async def test_a_sign_of_life_calls_nobody(home: Home) -> None:
    given = await home.given()
    await home.one_touch.press(home.pressed(given, kind="test"))
    assert await home.count(TicketRow) == 0
    assert home.phones.orders == 0
    async with home.database.reading() as session:
        assert (await session.exec(select(OneTouchDeviceRow))).one().seen_at == home.clock.now()


async def test_a_device_that_was_taken_back_or_has_a_new_key_stores_nothing(home: Home) -> None:
    given = await home.given()
    renewed = await home.devices.renew(ZHOU, given.device.id)
    assert renewed.key != given.key
    with pytest.raises(DeviceGone):
        await home.one_touch.press(home.pressed(given))
    with pytest.raises(NotAuthenticated):
        home.channel.verify(home.pressed(renewed, key=given.key))
    await home.devices.take_back(ZHOU, given.device.id)
    with pytest.raises(DeviceGone):
        await home.one_touch.press(home.pressed(renewed))
    nobodys = Device(id=999, generation=1)
    unknown = Given(device=nobodys, key=home.channel.key_of(nobodys))
    with pytest.raises(DeviceGone):
        await home.one_touch.press(home.pressed(unknown))
    async with home.database.reading() as session:
        assert (await session.exec(select(ContactRow))).all() == []


async def test_a_button_that_is_stuck_is_not_followed_for_ever(home: Home) -> None:
    given = await home.given()
    for number in range(20):
        await home.one_touch.press(home.pressed(given, f"press-{number}"))
    with pytest.raises(TooMany):
        await home.one_touch.press(home.pressed(given, "press-20"))
    assert len(home.phones.rung) == 20


async def test_the_agent_sees_whose_device_it_is_and_his_colleague_does_not(home: Home) -> None:
    given = await home.given()
    await home.one_touch.press(home.pressed(given))
    (row,) = await home.calls_of_devices()
    assert row.linkedid is not None
    call_id = await home.logged(row.linkedid)
    with pytest.raises(Forbidden):
        await home.beside.beside(WANG, call_id)
    assert await home.beside.beside(WATCHER, call_id) == await home.beside.beside(LI, call_id)
    shown = (await home.beside.beside(LI, call_id)).one_touch
    assert shown is not None
    assert shown.owner is not None
    assert (shown.owner.notes, shown.owner.phone_masked) == ("心脏病", "139****7777")
    assert shown.ticket_number is not None


async def test_a_page_gets_a_telephone_and_its_call_has_ticket_and_place_beside_it(
    home: Home,
) -> None:
    ticket_id = await home.close_a_ticket()
    place = Place(address="滨江路 18 号", latitude=30.2, longitude=120.1)
    made = await home.one_touch.begin(MOBILE, place, ticket_id)
    assert guest_of_pass(made.socket_pass, home.clock.now(), home.vault.seal)[0] == made.guest.name
    assert made.guest.caller == MOBILE

    call_id = await home.ring()  # the call that the guest makes, as the log has it
    call = f"1740879000.{home.calls}"
    for _ in range(2):  # told again when the link was away
        home.phones.listeners[0](made.guest.name, "pbx-1", call)
    home.phones.listeners[0](made.guest.name, "pbx-1", "another-call")
    await home.one_touch.note_heard()

    shown = (await home.beside.beside(LI, call_id)).one_touch
    assert shown is not None
    assert (shown.ticket_id, shown.address, shown.latitude) == (ticket_id, "滨江路 18 号", 30.2)
    ordinary = await home.ring()
    assert (await home.beside.beside(LI, ordinary)).one_touch is None
    with pytest.raises(Forbidden):
        await home.beside.beside(WANG, call_id)
    with pytest.raises(NotFound):
        await home.beside.beside(LI, 999)


def without_telephones(home: Home) -> OneTouch:
    return OneTouch(
        home.database,
        home.clock,
        home.vault,
        home.channel,
        home.devices,
        OneTouchSettings(),
        home.intake.take,
        "pbx-1",
    )


async def test_without_telephones_the_page_says_so(home: Home) -> None:
    with pytest.raises(NoTelephony):
        await without_telephones(home).begin(None, Place(), None)


async def test_a_press_from_before_there_were_telephones_rings_when_there_are(home: Home) -> None:
    alone = without_telephones(home)
    await alone.press(home.pressed(await home.given()))
    assert home.phones.orders == 0
    alone.attach(home.phones)
    await rings_by_itself(alone, home)


async def test_a_press_that_a_process_without_telephones_took_in_is_rung_for_by_another(
    home: Home,
) -> None:
    await without_telephones(home).press(home.pressed(await home.given()))
    await rings_by_itself(home.one_touch, home)


async def rings_by_itself(one_touch: OneTouch, home: Home) -> None:
    work = asyncio.create_task(one_touch.run())
    try:
        async with asyncio.timeout(20):
            while not home.phones.rung:  # noqa: ASYNC110  # the scripted phones keep a list, no event
                await asyncio.sleep(0.02)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert len(home.phones.rung) == 1


async def test_a_press_that_is_taken_in_later_opens_a_ticket_and_rings_nobody(home: Home) -> None:
    given = await home.given()
    raw = home.pressed(given)
    home.clock.advance(3600)
    (received,) = await home.one_touch.again(raw)
    async with home.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
        device = (await session.exec(select(OneTouchDeviceRow))).one()
    assert (received.ticket_number, ticket.address) == (ticket.number, OWNER.address)
    assert home.phones.orders == 0
    assert device.seen_at is None


async def nobody_listens(_channel: str, _news: object) -> None: ...


async def test_who_forges_presses_is_held_back_and_the_homes_behind_his_address_are_not(
    home: Home,
) -> None:
    settings = FrontSettings()
    front = Front(
        Registry([home.channel]),
        home.intake.take,
        nobody_listens,
        Refusals(home.database, home.clock, home.vault, settings),
        home.clock,
        settings,
        registry=CollectorRegistry(),
    )
    front.open(home.channel.name, Door(take=home.one_touch.press, again=home.one_touch.again))
    entrance = Entrance(front=front, clock=home.clock, address_of=lambda _request: "10.0.0.7")
    app = web.Application(middlewares=[problem_middleware])
    mount(
        app,
        [routes(home.one_touch, home.devices, home.beside, NobodysDoor(), entrance, "12345")],
    )
    given = await home.given()
    async with TestClient(TestServer(app)) as client:

        async def posted(press: Delivery) -> int:
            answer = await client.post(
                "/channels/one-touch", data=press.body, headers=dict(press.headers)
            )
            return answer.status

        forged = [await posted(home.pressed(given, key="0" * 64)) for _ in range(61)]
        assert forged == [401] * 60 + [429]
        assert await posted(home.pressed(given)) == 200
    assert len(home.phones.rung) == 1
