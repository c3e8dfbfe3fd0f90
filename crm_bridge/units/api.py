"""Units over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from crm_bridge.forms import Text
from crm_bridge.sheets.api import add_routes
from crm_bridge.units.rules import Unit, UnitKind
from crm_bridge.units.service import Units
from crm_bridge.units.transfer import UnitsTransfer
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_READ, _MANAGE = "catalogue.read", "unit.manage"


class UnitBody(ApiModel):
    """What a unit is to be; `active` false closes it: it is given no more tickets."""

    name_zh: Annotated[Text, Field(min_length=1, max_length=60)]
    name_en: Annotated[Text, Field(min_length=1, max_length=120)]
    kind: UnitKind
    area: Annotated[Text, Field(max_length=60)] = ""
    phone: Annotated[Text, Field(max_length=30)] = ""
    active: bool = True


class NewUnitBody(UnitBody):
    """A unit that is new; its code stays what it is."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,20}$")]


class UnitView(ApiModel):
    """A unit (承办单位)."""

    code: str
    name_zh: str
    name_en: str
    kind: UnitKind
    area: str
    phone: str
    active: bool


class UnitList(ApiModel):
    """Every unit, closed ones too, in the order of the codes."""

    items: list[UnitView]


def routes(units: Units) -> Routes:
    """Return the endpoints of units."""
    api = Routes(tag="units")

    @api.get("/api/v1/units", permission=_READ)
    async def all_units() -> UnitList:
        """List every unit, closed ones too."""
        return UnitList(items=[_view(unit) for unit in await units.all()])

    add_routes(api, UnitsTransfer(units), read_permission=_READ)

    @api.get("/api/v1/units/{code}", permission=_READ)
    async def one(code: str) -> UnitView:
        """Show a unit."""
        return _view(await units.get(code))

    @api.post("/api/v1/units", permission=_MANAGE, status=201, idempotent=True)
    async def add(
        principal: Principal, body: NewUnitBody, idempotency: IdempotencyKey | None
    ) -> UnitView:
        """Add a unit."""
        return _view(await units.add(principal, Unit(**body.model_dump()), idempotency))

    @api.put("/api/v1/units/{code}", permission=_MANAGE)
    async def change(principal: Principal, code: str, body: UnitBody) -> UnitView:
        """Rename, close or reopen a unit."""
        return _view(await units.change(principal, Unit(code=code, **body.model_dump())))

    return api


def _view(unit: Unit) -> UnitView:
    return UnitView(
        code=unit.code,
        name_zh=unit.name_zh,
        name_en=unit.name_en,
        kind=unit.kind,
        area=unit.area,
        phone=unit.phone,
        active=unit.active,
    )
