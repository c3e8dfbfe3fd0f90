"""People who log in, kept over HTTP by who manages them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from agent_console.accounts.people import People, Person
from agent_console.accounts.service import Accounts
from crm_bridge.forms import LARGEST_ID, Text
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role

_PERMISSION = "user.manage"

Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class NewPersonBody(ApiModel):
    """A person who is to log in; a clerk or head of a unit has its code. Blanks of a password are part of it."""

    model_config = ConfigDict(str_strip_whitespace=False)

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
    role: Role
    unit: Annotated[str | None, Field(max_length=20)] = None
    password: Password


class PasswordBody(ApiModel):
    """Another password; its blanks are part of it."""

    model_config = ConfigDict(str_strip_whitespace=False)

    password: Password


class PersonView(ApiModel):
    """An account."""

    number: str
    name: str
    role: Role
    unit: str | None
    unit_name: str | None
    unit_name_en: str | None
    disabled: bool
    created_at: datetime


class PeopleQuery(ApiModel):
    """Which people, and which part of the list."""

    role: Role | None = None
    unit: Annotated[str | None, Field(max_length=20)] = None
    cursor: Annotated[int, Field(ge=0, le=LARGEST_ID)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PeopleList(ApiModel):
    """People in the order in which they were added."""

    items: list[PersonView]
    next_cursor: int | None


def routes(accounts: Accounts, people: People) -> Routes:
    """Return the endpoints of people."""
    api = Routes(tag="users")

    @api.get("/api/v1/users", permission=_PERMISSION)
    async def listed(query: PeopleQuery) -> PeopleList:
        """List who can log in, and who could."""
        found = await people.list(
            after=query.cursor, limit=query.limit + 1, role=query.role, unit=query.unit
        )
        page = found[: query.limit]
        return PeopleList(
            items=[_view(person) for person in page],
            next_cursor=page[-1].id if len(found) > len(page) else None,
        )

    @api.post("/api/v1/users", permission=_PERMISSION, status=201, idempotent=True)
    async def add(
        principal: Principal, body: NewPersonBody, idempotency: IdempotencyKey | None
    ) -> PersonView:
        """Add a person who can log in."""
        await accounts.add_user(
            body.number,
            body.name,
            body.role,
            body.password.get_secret_value(),
            unit=body.unit,
            actor=principal,
            key=idempotency,
        )
        return _view(await people.get(body.number))

    @api.post("/api/v1/users/{number}/disable", permission=_PERMISSION)
    async def disable(principal: Principal, number: str) -> PersonView:
        """Let a person in no more; his logins open nothing from now on."""
        await accounts.disable(number, actor=principal)
        return _view(await people.get(number))

    @api.post("/api/v1/users/{number}/enable", permission=_PERMISSION)
    async def enable(principal: Principal, number: str) -> PersonView:
        """Let a person in again who was disabled; he logs in anew."""
        await accounts.enable(number, actor=principal)
        return _view(await people.get(number))

    @api.put("/api/v1/users/{number}/password", permission=_PERMISSION)
    async def set_password(principal: Principal, number: str, body: PasswordBody) -> None:
        """Give a person another password; his logins end."""
        await accounts.set_password(number, body.password.get_secret_value(), actor=principal)

    return api


def _view(person: Person) -> PersonView:
    return PersonView(
        number=person.number,
        name=person.name,
        role=person.role,
        unit=person.unit,
        unit_name=person.unit_name,
        unit_name_en=person.unit_name_en,
        disabled=person.disabled,
        created_at=person.created_at,
    )
