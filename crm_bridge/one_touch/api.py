"""Calls at one touch over HTTP: for citizens' pages, for devices, for agents, and for who gives devices out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol, Self
from urllib.parse import quote

from aiohttp import web
from pydantic import AfterValidator, Field, model_validator

from channels.front.api import Entrance
from channels.one_touch import NAME
from crm_bridge.forms import LARGEST_ID, Text
from crm_bridge.one_touch.devices import Devices, Given
from crm_bridge.one_touch.reading import OneTouchBeside, OneTouchReader
from crm_bridge.one_touch.rules import Owner, Place
from crm_bridge.one_touch.service import OneTouch
from crm_bridge.one_touch.tables import OneTouchDeviceRow
from infra.kit.errors import NotAuthenticated, TooMany
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from infra.kit.rate import Rate
from telephony.numbers import PhoneNumber

MANAGE = "device.manage"
SOCKET = "/sip/guest"
_FORGED_PER_MINUTE = 60


def _number(text: str) -> str:
    PhoneNumber.parse(text)
    return text


Phone = Annotated[str, Field(max_length=30), AfterValidator(_number)]
Token = Annotated[str, Field(max_length=200)]


class _Placed(ApiModel):
    address: Text = Field(default="", max_length=200)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        if (self.latitude is None) is not (self.longitude is None):
            raise ValueError("a place has both; latitude 与 longitude 须同时填写")
        return self

    def place(self) -> Place:
        """Return where it is."""
        return Place(address=self.address, latitude=self.latitude, longitude=self.longitude)


class GuestCallBody(_Placed):
    """A call from the citizen's page: a proof of work, and what the agent should see beside it."""

    challenge: Token
    nonce: Token
    phone: Phone | None = None
    phone_pass: Token = ""
    ticket_pass: Token = ""


class GuestPhoneView(ApiModel):
    """A telephone for one call: SIP over the WebSocket at `socket`, account and password for this call only."""

    account: str
    password: str
    uri: str
    socket: str
    hotline: str
    expires_at: datetime


class DeviceBody(_Placed):
    """Whose device it is."""

    name: Text = Field(min_length=1, max_length=60)
    phone: Phone
    address: Text = Field(min_length=2, max_length=200)
    contact: Text = Field(default="", max_length=200)
    notes: Text = Field(default="", max_length=500)

    def owner(self) -> Owner:
        """Return whose it is."""
        return Owner(
            name=self.name,
            phone=PhoneNumber.parse(self.phone),
            address=self.address,
            contact=self.contact,
            notes=self.notes,
        )


class DeviceKeyView(ApiModel):
    """A device's number as it says it in `X-Device`, and the key that it signs with."""

    id: int
    device: str
    key: str


class DeviceView(ApiModel):
    """A device."""

    id: int
    device: str
    active: bool
    name: str
    phone_masked: str
    address: str
    created_at: datetime
    seen_at: datetime | None


class DevicePage(ApiModel):
    """Some devices, the oldest first; `next_cursor` brings the next ones."""

    items: list[DeviceView]
    next_cursor: str | None


class DeviceQuery(ApiModel):
    """Which devices to list."""

    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,10}$")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Door(Protocol):
    """Lets citizens' pages in: proofs of work, limits for addresses, and passes."""

    async def admit(self, challenge: str, nonce: str, address: str) -> None:
        """Return if a page may begin a call."""
        ...

    def caller(self, phone: str | None, phone_pass: str) -> PhoneNumber | None:
        """Return the number that a citizen has shown to be his."""
        ...

    def ticket(self, ticket_pass: str) -> int | None:
        """Return the ticket that a pass opens; None without one."""
        ...


RemoteOf = Callable[[web.Request], str]


def routes(
    one_touch: OneTouch,
    devices: Devices,
    reader: OneTouchReader,
    door: Door,
    entrance: Entrance,
    hotline: str,
) -> Routes:
    """Return the endpoints of calls at one touch."""
    api = Routes(tag="one-touch")
    _pages(api, one_touch, door, entrance.address_of, hotline)
    _presses(api, entrance)
    _giving_out(api, devices)

    @api.get("/api/v1/calls/{call_id}/one-touch", permission="call.read")
    async def beside(principal: Principal, call_id: int) -> OneTouchBeside:
        """Show what is known beside a call at one touch: its ticket, the place, whose device it is."""
        return await reader.beside(principal, call_id)

    return api


def _pages(api: Routes, one_touch: OneTouch, door: Door, remote_of: RemoteOf, hotline: str) -> None:
    @api.post("/api/v1/citizen/calls", permission=None, status=201)
    async def call(request: web.Request, body: GuestCallBody) -> GuestPhoneView:
        """Get a telephone for one call to the hotline, which must be begun within two minutes."""
        await door.admit(body.challenge, body.nonce, remote_of(request))
        caller = door.caller(body.phone, body.phone_pass)
        made = await one_touch.begin(caller, body.place(), door.ticket(body.ticket_pass))
        return GuestPhoneView(
            account=made.guest.name,
            password=made.guest.secret,
            uri=f"sip:{made.guest.name}@hotline.invalid",
            socket=f"{SOCKET}?pass={quote(made.socket_pass, safe='')}",
            hotline=hotline,
            expires_at=made.until,
        )


def _presses(api: Routes, entrance: Entrance) -> None:
    forged = Rate(_FORGED_PER_MINUTE)

    @api.post(f"/channels/{NAME}", permission=None)
    async def press(request: web.Request) -> web.Response:
        """Take the press of a device, signed with its key; answered once it is on disk."""
        try:
            return await entrance.take(request, NAME)
        except NotAuthenticated:
            # Of signed presses each device has a measure of its own: many homes may stand behind one address.
            wait = forged.wait(entrance.address_of(request), entrance.clock.monotonic())
            if wait > 0:
                raise TooMany("too many requests", "请求过于频繁", retry_after=wait) from None
            raise


def _giving_out(api: Routes, devices: Devices) -> None:
    @api.post("/api/v1/one-touch/devices", permission=MANAGE, status=201, idempotent=True)
    async def add(
        principal: Principal, body: DeviceBody, idempotency: IdempotencyKey | None
    ) -> DeviceKeyView:
        """Give a device out; its key is for whoever sets it up."""
        return _key(await devices.add(principal, body.owner(), body.place(), idempotency))

    @api.get("/api/v1/one-touch/devices", permission=MANAGE)
    async def page(query: DeviceQuery) -> DevicePage:
        """List devices."""
        after = min(int(query.cursor), LARGEST_ID) if query.cursor else 0
        rows, following = await devices.page(after, query.limit)
        return DevicePage(
            items=[_view(devices, row) for row in rows],
            next_cursor=str(following) if following else None,
        )

    @api.post("/api/v1/one-touch/devices/{device_id}/key", permission=MANAGE)
    async def renew(principal: Principal, device_id: int) -> DeviceKeyView:
        """Give a device a new key; the old one holds no more."""
        return _key(await devices.renew(principal, device_id))

    @api.delete("/api/v1/one-touch/devices/{device_id}", permission=MANAGE)
    async def take_back(principal: Principal, device_id: int) -> None:
        """Follow no press of a device any more."""
        await devices.take_back(principal, device_id)


def _key(given: Given) -> DeviceKeyView:
    device = given.device
    return DeviceKeyView(id=device.id, device=f"{device.id}.{device.generation}", key=given.key)


def _view(devices: Devices, row: OneTouchDeviceRow) -> DeviceView:
    owner = devices.owner_of(row)
    return DeviceView(
        id=row.id or 0,
        device=f"{row.id}.{row.generation}",
        active=row.active,
        name=owner.name,
        phone_masked=owner.phone.masked,
        address=owner.address,
        created_at=row.created_at,
        seen_at=row.seen_at,
    )
