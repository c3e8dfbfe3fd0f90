"""Bearer keys over HTTP, for who manages them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from agent_console.keys.rules import PER_MINUTE, Key
from agent_console.keys.service import Keys, NewKey
from crm_bridge.forms import Moment
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_PERMISSION = "key.manage"


class KeyBody(ApiModel):
    """What a key is to be: a permission a scope; with a unit it acts for that unit alone."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=20)]
    unit: Annotated[str | None, Field(max_length=20)] = None
    per_minute: Annotated[int, Field(ge=1, le=600_000)] = PER_MINUTE
    expires_at: Moment | None = None


class KeyView(ApiModel):
    """A key, without its secret."""

    id: int
    name: str
    scopes: list[str]
    unit: str | None
    per_minute: int
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class MintedKeyView(ApiModel):
    """A key that was just made; `token` is shown this once."""

    key: KeyView
    token: str


class KeyQuery(ApiModel):
    """Which part of the list."""

    cursor: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class KeyList(ApiModel):
    """Keys in the order in which they were made."""

    items: list[KeyView]
    next_cursor: int | None


def routes(keys: Keys) -> Routes:
    """Return the endpoints of keys."""
    api = Routes(tag="keys")

    @api.get("/api/v1/keys", permission=_PERMISSION)
    async def listed(query: KeyQuery) -> KeyList:
        """List the keys of other systems."""
        found = await keys.list(query.cursor, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return KeyList(
            items=[_view(key) for key in page], next_cursor=page[-1].id if more else None
        )

    @api.post("/api/v1/keys", permission=_PERMISSION, status=201, idempotent=True)
    async def add(
        principal: Principal, body: KeyBody, idempotency: IdempotencyKey | None
    ) -> MintedKeyView:
        """Make a key; its token is in this answer and nowhere else."""
        new = NewKey(
            name=body.name,
            scopes=frozenset(body.scopes),
            unit=body.unit,
            per_minute=body.per_minute,
            expires_at=body.expires_at,
        )
        minted = await keys.add(principal, new, idempotency)
        return MintedKeyView(key=_view(minted.key), token=minted.token)

    @api.delete("/api/v1/keys/{key_id}", permission=_PERMISSION)
    async def revoke(principal: Principal, key_id: int) -> None:
        """Take a key back; it opens nothing any more."""
        await keys.revoke(principal, key_id)

    return api


def _view(key: Key) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        unit=key.unit,
        per_minute=key.per_minute,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
