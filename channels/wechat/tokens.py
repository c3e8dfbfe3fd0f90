"""The access token of an account: fetched by one process, kept for all, renewed when it is not taken any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from channels.marks.service import Lease, Marks
from infra.kit.clock import Clock
from infra.kit.errors import TryLater

log = structlog.get_logger()

_MARGIN = timedelta(seconds=200)
"""Asked for this long before its end, WeChat gives a new token: it renews by itself five minutes before."""
_FORCED_AGAIN = timedelta(seconds=30)
"""WeChat's least time between two forced renewals, of which a day has twenty."""
_LEASE_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_MOST_LOOKS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An access token, until when it is good, and when one was last forced out of WeChat."""

    value: str = field(repr=False)
    until: datetime
    forced_at: datetime | None = None


Fetch = Callable[[bool], Awaitable[AccessToken]]
"""Asks WeChat for the token (getStableAccessToken); True forces a new one, which ends the one before at once."""


class AccessTokens:
    """Gives out the access token of one account.

    Args:
        appid: The account.
        marks: Where all processes keep it.
        clock: Tells when it ends.
        fetch: Asks WeChat.
    """

    def __init__(self, appid: str, marks: Marks, clock: Clock, fetch: Fetch) -> None:
        self._name = f"wechat/{appid}/token"
        self._marks = marks
        self._clock = clock
        self._fetch = fetch
        self._own: AccessToken | None = None
        self._turn = asyncio.Lock()

    async def current(self) -> str:
        """Return a token that should be good.

        Raises:
            TryLater: Neither WeChat nor another process gives one now.
            CodeRefused: WeChat gives none to this account.
        """
        own = self._own
        if own is not None and self._good(own):
            return own.value
        return await self._next("")

    async def renewed(self, refused: str) -> str:
        """Return another token than the one that WeChat has just refused.

        Raises:
            TryLater: There is none now.
            CodeRefused: WeChat gives none to this account.
        """
        own = self._own
        if own is not None and own.value != refused and self._good(own):
            return own.value
        return await self._next(refused)

    async def _next(self, refused: str) -> str:
        async with self._turn:
            for _ in range(_MOST_LOOKS):
                kept = await self._kept()
                if kept is not None and kept.value != refused and self._good(kept):
                    self._own = kept
                    return kept.value
                lease = await self._marks.lease(self._name, _LEASE_SECONDS)
                if lease is not None:
                    return await self._renew(lease, refused)
                # Another process is asking WeChat at this moment; its answer will be there in a moment.
                await asyncio.sleep(_LOOK_SECONDS)
        raise TryLater("no access token of WeChat yet", "暂未取得微信 access_token")

    async def _renew(self, lease: Lease, refused: str) -> str:
        try:
            # Once more under the lease: whoever had it before may have just written one.
            kept = await self._kept()
            if kept is None or kept.value == refused or not self._good(kept):
                kept = await self._asked(kept, refused)
                await self._keep(kept, lease)
        finally:
            await self._marks.release(lease)
        self._own = kept
        return kept.value

    async def _asked(self, kept: AccessToken | None, refused: str) -> AccessToken:
        forced_at = kept.forced_at if kept else None
        token = await self._fetch(False)
        if token.value == refused:
            # WeChat takes it for good and refuses it all the same: only force helps, which is rationed.
            now = self._clock.now()
            if forced_at is not None and now - forced_at < _FORCED_AGAIN:
                raise TryLater(
                    "WeChat refuses its own access token",
                    "微信拒绝其签发的 access_token",
                    retry_after=_FORCED_AGAIN.total_seconds(),
                )
            token, forced_at = await self._fetch(True), now
            log.warning("wechat_token_forced")
        return AccessToken(value=token.value, until=token.until, forced_at=forced_at)

    def _good(self, token: AccessToken) -> bool:
        return token.until - _MARGIN > self._clock.now()

    async def _kept(self) -> AccessToken | None:
        mark = await self._marks.get(self._name)
        if mark is None:
            return None
        forced = mark.value.get("forced_at")
        return AccessToken(
            value=mark.value["value"],
            until=datetime.fromisoformat(mark.value["until"]),
            forced_at=datetime.fromisoformat(forced) if forced else None,
        )

    async def _keep(self, token: AccessToken, lease: Lease) -> None:
        value = {
            "value": token.value,
            "until": token.until.isoformat(),
            "forced_at": token.forced_at.isoformat() if token.forced_at else None,
        }
        await self._marks.put(self._name, value, lease=lease)
