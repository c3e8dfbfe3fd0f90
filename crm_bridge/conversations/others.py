"""Warns of collisions: colleagues who look at the same conversation, or are in touch with the same citizen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.voice import VoiceChannel
from channels.voice_log import call_of_contact
from crm_bridge.conversations.access import visible
from crm_bridge.conversations.rules import ConversationState
from crm_bridge.conversations.tables import ConversationRow, ConversationViewerRow
from crm_bridge.conversations.views import OthersList, OtherView
from crm_bridge.units.staff import Names, names_of
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.identity import Principal

_SEEN = timedelta(seconds=25)
"""A page says every ten seconds that it is still there."""
_TYPING = timedelta(seconds=8)
_LONGEST_CALL = timedelta(days=1)

Hint = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]
"""Tells an agent's pages something that may be lost: 工号, type, facts."""


class Others:
    """Knows who else is in touch with a citizen.

    Args:
        database: Where it lies.
        clock: Tells who is still there.
        hint: Tells the others' pages at once.
        names: Knows what people are called.
    """

    def __init__(
        self, database: Database, clock: Clock, hint: Hint, names: Names | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._hint = hint
        self._names = names

    async def look(self, principal: Principal, conversation_id: int, *, typing: bool) -> OthersList:
        """Note that somebody has a conversation on his screen, and return who else is there.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is not this person's to see.
        """
        now = self._clock.now()
        async with self._database.transaction() as session:
            row = await visible(session, principal, conversation_id)
            known = await session.get(ConversationViewerRow, (conversation_id, principal.number))
            began = known is None or known.seen_at <= now - _SEEN
            was_typing = known is not None and _types(known, now)
            looks = ConversationViewerRow(
                conversation_id=conversation_id,
                agent=principal.number,
                seen_at=now,
                typing_at=now if typing else None,
            )
            try:
                async with session.begin_nested():
                    await session.merge(looks)
            except IntegrityError:
                pass  # he has it in two tabs, and the other one has just said so
            found = await self.of(session, principal, row)
        if began or typing is not was_typing:
            await self._tell(principal, conversation_id, found, typing=typing)
        return OthersList(items=list(found))

    async def leave(self, principal: Principal, conversation_id: int) -> None:
        """Note that somebody has it on his screen no more."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(ConversationViewerRow).where(
                    col(ConversationViewerRow.conversation_id) == conversation_id,
                    col(ConversationViewerRow.agent) == principal.number,
                )
            )

    async def of(
        self, session: AsyncSession, principal: Principal, row: ConversationRow
    ) -> Sequence[OtherView]:
        """Return who else is in touch with the citizen of a conversation."""
        now = self._clock.now()
        found: dict[str, Any] = {}
        for number in await _on_the_telephone(session, row, now):
            found[number] = "call"
        for number in await _in_conversation(session, row):
            found[number] = "conversation"
        for viewer in await _viewers(session, row, now):
            found[viewer.agent] = "typing" if _types(viewer, now) else "screen"
        found.pop(principal.number, None)
        names = await names_of(session, self._names, list(found))
        return [
            OtherView(number=number, name=names.get(number), how=how)
            for number, how in sorted(found.items())
        ]

    async def purge(self) -> None:
        """Forget those who have gone without a word."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(ConversationViewerRow).where(
                    col(ConversationViewerRow.seen_at) <= self._clock.now() - _LONGEST_CALL
                )
            )

    async def _tell(
        self,
        principal: Principal,
        conversation_id: int,
        found: Sequence[OtherView],
        *,
        typing: bool,
    ) -> None:
        facts = {
            "conversation_id": conversation_id,
            "number": principal.number,
            "name": principal.name,
            "how": "typing" if typing else "screen",
        }
        for other in found:
            if other.how in ("screen", "typing"):
                await self._hint(other.number, "conversation.looked_at", facts)


def _types(viewer: ConversationViewerRow, now: datetime) -> bool:
    return viewer.typing_at is not None and viewer.typing_at > now - _TYPING


async def _viewers(
    session: AsyncSession, row: ConversationRow, now: datetime
) -> Sequence[ConversationViewerRow]:
    statement = select(ConversationViewerRow).where(
        ConversationViewerRow.conversation_id == row.id,
        col(ConversationViewerRow.seen_at) > now - _SEEN,
    )
    return (await session.exec(statement)).all()


async def _in_conversation(session: AsyncSession, row: ConversationRow) -> Sequence[str]:
    if row.citizen_id is None:
        return ()
    statement = select(ConversationRow.agent).where(
        col(ConversationRow.citizen_id) == row.citizen_id,
        col(ConversationRow.state) == ConversationState.open,
        col(ConversationRow.id) != row.id,
    )
    return [agent for agent in (await session.exec(statement)).all() if agent]


async def _on_the_telephone(
    session: AsyncSession, row: ConversationRow, now: datetime
) -> Sequence[str]:
    if row.citizen_id is None:
        return ()
    # By the citizen's contacts of today, which are few; from the calls all that go on would have to be looked at.
    today = select(ContactRow).where(
        ContactRow.citizen_id == row.citizen_id,
        ContactRow.channel == VoiceChannel.name,
        col(ContactRow.received_at) > now - _LONGEST_CALL,
    )
    calls = [
        await call_of_contact(session, contact) for contact in (await session.exec(today)).all()
    ]
    return [call.agent for call in calls if call and call.agent and call.ended_at is None]
