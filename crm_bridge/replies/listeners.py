"""Who hears what becomes of replies, in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.replies.tables import ReplyRow

MessageNews = Callable[[AsyncSession, int, str, str], Awaitable[None]]
"""Is told: message of a conversation, state of its reply, slug of the error."""

Decided = Callable[[AsyncSession, str], Awaitable[None]]
"""Is told when a person has decided about a reply: the key under which it went out last."""

Arrived = Callable[[AsyncSession, ReplyRow], Awaitable[None]]
"""Is told of a reply that has reached its citizen, as far as its provider says; see `rules.reached`."""

NextWay = Callable[[AsyncSession, ReplyRow], Awaitable[bool]]
"""Sends a reply another way; returns whether there is one."""
