"""Who sent a request: a person by the session cookie, or another system by its bearer key."""

from __future__ import annotations

from aiohttp import web

from agent_console.keys.service import Keys
from infra.kit.http import Authenticated, Authenticator


class BearerOrCookie:
    """Knows the sender by `Authorization: Bearer …`; without it, as another authenticator does.

    A request that carries both counts as the key's: a key that is wrong is told so, and is not taken for whoever is
    logged in beside it.

    Args:
        keys: The bearer keys.
        cookie: Asked when there is no bearer token.
    """

    def __init__(self, keys: Keys, cookie: Authenticator) -> None:
        self._keys = keys
        self._cookie = cookie

    async def __call__(self, request: web.Request) -> Authenticated | None:
        """Return the sender, or None if neither key nor cookie opens anything.

        Raises:
            TooMany: The key asks more often than it may.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return await self._cookie(request)
        principal = await self._keys.find(token.strip())
        # A foreign page cannot make a browser send a bearer token, so it needs no other.
        return None if principal is None else Authenticated(principal=principal, csrf_token=None)
