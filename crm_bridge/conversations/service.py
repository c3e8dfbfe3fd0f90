"""What agents do in conversations; each use case is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.floor import Floor
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.rules import (
    WITH_AGENT,
    ConversationEvent,
    ConversationRefused,
    ConversationState,
    Delivery,
    Speaker,
)
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from crm_bridge.conversations.talk import Talk
from infra.kit import audit, idempotency, outbox
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, FieldError, Forbidden, Invalid
from infra.kit.group_commit import Writing, in_session
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

HANDLE = "conversation.handle"
WATCH = "conversation.watch"
ASSIGN = "conversation.assign"

_S, _E = ConversationState, ConversationEvent
Act = Callable[[Writing, Talk], Talk]
"""Does something to a conversation that is held."""


class MovedOn(Conflict):
    """A colleague has answered meanwhile."""

    slug = "conversation-moved-on"
    title_zh = "同事刚刚已回复该市民，请先查看再决定是否发送"
    title_en = "A colleague has just answered this citizen: read that first, then send if it is still needed"

    def __init__(self, by: str, seq: int) -> None:
        super().__init__(f"{by} has answered with message {seq}", f"{by} 已发送第 {seq} 条消息")
        self._extensions = {"by": by, "seq": seq}

    @property
    def extensions(self) -> Mapping[str, object]:
        """Who has answered, and with which message."""
        return self._extensions


class Conversations:
    """The conversations of agents.

    Args:
        database: Where they lie.
        clock: Gives the time.
        record: Writes them.
        floor: Knows who may take conversations.
        poke: Wakes whoever tells and routes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        record: Record,
        floor: Floor,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._record = record
        self._floor = floor
        self._poke = poke

    async def accept(self, principal: Principal, conversation_id: int) -> None:
        """Take a conversation that one was asked about; accepting it twice is accepting it once.

        Raises:
            NotFound: There is no such conversation.
            ConversationRefused: The offer has lapsed, or was another's.
        """

        def accept(writing: Writing, talk: Talk) -> Talk:
            if talk.agent != principal.number:
                raise ConversationRefused("the offer has lapsed", "邀请已失效，会话已转给其他人")
            if talk.state is _S.open:
                return talk
            return self._record.happen(writing, talk, _E.accepted, actor=principal.number)

        await self._act(conversation_id, accept)

    async def decline(self, principal: Principal, conversation_id: int) -> None:
        """Do not take a conversation that one was asked about: another is asked.

        Raises:
            NotFound: There is no such conversation.
            ConversationRefused: The offer has lapsed, or was another's.
        """

        def decline(writing: Writing, talk: Talk) -> Talk:
            if talk.agent != principal.number:
                raise ConversationRefused("the offer has lapsed", "邀请已失效，会话已转给其他人")
            return self._record.happen(writing, talk, _E.declined, actor=principal.number)

        await self._act(conversation_id, decline)

    async def take(self, principal: Principal, conversation_id: int) -> None:
        """Help oneself to a conversation that waits.

        Raises:
            NotFound: There is no such conversation.
            ConversationRefused: It does not wait any more.
        """

        def take(writing: Writing, talk: Talk) -> Talk:
            me = principal.number
            if talk.state is _S.open and talk.agent == me:
                return talk
            return self._record.happen(writing, talk, _E.taken, agent=me, actor=me)

        await self._act(conversation_id, take)

    async def assign(self, principal: Principal, conversation_id: int, agent: str) -> None:
        """Give a conversation to an agent, whoever has it.

        Raises:
            NotFound: There is no such conversation.
            Invalid: The agent cannot take conversations.
            ConversationRefused: It is closed.
        """
        async with self._database.transaction() as session:
            if not await self._floor.may_handle(session, agent):
                raise _nobody()

            def assign(writing: Writing) -> None:
                talk = self._record.held(writing, conversation_id)
                self._record.happen(writing, talk, _E.assigned, agent=agent, actor=principal.number)

            await in_session(session, assign)
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="conversation.assign",
                subject=f"conversation:{conversation_id}",
                detail={"agent": agent},
            )
        self._poke()

    async def pass_on(self, principal: Principal, conversation_id: int, skill: str) -> None:
        """Give one's own conversation back to the queue.

        Args:
            principal: Who has it.
            conversation_id: Its row.
            skill: What its next agent must be able to do; empty: anybody.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
            ConversationRefused: It is not open.
        """

        def pass_on(writing: Writing, talk: Talk) -> Talk:
            _require_own(principal, talk)
            return self._record.happen(
                writing, replace(talk, skill=skill), _E.passed_on, actor=principal.number
            )

        await self._act(conversation_id, pass_on)

    async def close(self, principal: Principal, conversation_id: int) -> None:
        """Close a conversation; what the citizen writes next begins another. Closing it twice is closing it once.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
        """

        def close(writing: Writing, talk: Talk) -> Talk:
            if talk.state is _S.closed:
                return talk
            _require_own(principal, talk)
            return self._record.happen(writing, talk, _E.closed, actor=principal.number)

        await self._act(conversation_id, close)

    async def say(
        self,
        principal: Principal,
        conversation_id: int,
        text: str,
        *,
        after_seq: int,
        key: IdempotencyKey | None,
    ) -> int:
        """Say something to the citizen, once.

        Args:
            principal: Who has the conversation, or one who may step in.
            conversation_id: Its row.
            text: What is said.
            after_seq: The last message that he has seen.
            key: Sent again, the same key says it once.

        Returns:
            The number of the message.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
            ConversationRefused: It is not open.
            MovedOn: A colleague has said something after that message.
        """
        async with self._database.transaction() as session:

            def hold(writing: Writing) -> Talk:
                return self._record.held(writing, conversation_id)

            # Held first: the twin of a request waits here until the key of the other is there to be found.
            talk = await in_session(session, hold)
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                return int(earlier)
            _require_own(principal, talk)
            if talk.state is not _S.open:
                raise ConversationRefused("the conversation is not open", "会话未在进行中")
            await _require_last_word(session, principal, talk, after_seq)

            def say(writing: Writing) -> int:
                return self._record.say(writing, talk, text, agent=principal.number).talk.seq

            seq = await in_session(session, say)
            await idempotency.keep(session, key, str(seq), self._clock.now())
        self._poke()
        return seq

    async def read(self, principal: Principal, conversation_id: int) -> None:
        """Note that its agent has looked at a conversation; of others it says nothing."""
        async with self._database.transaction() as session:
            await session.exec(
                update(ConversationRow)
                .where(
                    col(ConversationRow.id) == conversation_id,
                    col(ConversationRow.agent) == principal.number,
                    col(ConversationRow.unread) > 0,
                )
                .values(unread=0)
            )

    async def delivered(
        self, session: AsyncSession, message_id: int, state: str, error: str = ""
    ) -> None:
        """Note how far a message has come, in the transaction that learns it, and show it to who has the conversation.

        Args:
            session: The transaction.
            message_id: Row of the message.
            state: One of `Delivery`.
            error: Why it did not come further, as a slug; empty otherwise.
        """
        row = await session.get(ConversationMessageRow, message_id)
        if row is None:
            return
        row.delivery, row.failure = Delivery(state), error[:60]
        mine = select(ConversationRow.agent).where(
            col(ConversationRow.id) == row.conversation_id,
            col(ConversationRow.state) == _S.open,
        )
        agent = (await session.exec(mine)).one_or_none()
        if agent is None:
            return
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="message.delivery_changed",
            key=f"conversation:{row.conversation_id}",
            body={
                "agents": [agent],
                "data": {
                    "conversation_id": row.conversation_id,
                    "seq": row.seq,
                    "delivery": row.delivery.value,
                },
            },
        )

    async def file_arrived(self, session: AsyncSession, contact_id: int) -> None:
        """Tell who has the conversation of a contact that one of its files has come, in that transaction."""
        of_contact = (
            select(ConversationMessageRow.seq, ConversationRow.id, ConversationRow.agent)
            .join(
                ConversationRow,
                col(ConversationRow.id) == col(ConversationMessageRow.conversation_id),
            )
            .where(
                col(ConversationMessageRow.contact_id) == contact_id,
                col(ConversationRow.state).in_(WITH_AGENT),
            )
        )
        found = (await session.exec(of_contact)).first()
        if found is None or found[2] is None:
            return
        seq, conversation_id, agent = found
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="message.file_arrived",
            key=f"conversation:{conversation_id}",
            body={
                "agents": [agent],
                "data": {"conversation_id": conversation_id, "seq": seq},
            },
        )

    async def _act(self, conversation_id: int, act: Act) -> None:
        def piece(writing: Writing) -> Talk:
            return act(writing, self._record.held(writing, conversation_id))

        # A transaction of its own, not a shared commit: it holds one conversation, and so cannot wait in a circle.
        async with self._database.transaction() as session:
            await in_session(session, piece)
        self._poke()


async def _require_last_word(
    session: AsyncSession, principal: Principal, talk: Talk, after_seq: int
) -> None:
    statement = (
        select(ConversationMessageRow.agent, ConversationMessageRow.seq)
        .where(
            col(ConversationMessageRow.conversation_id) == talk.id,
            col(ConversationMessageRow.seq) > after_seq,
            col(ConversationMessageRow.speaker) == Speaker.agent,
            col(ConversationMessageRow.agent) != principal.number,
        )
        .order_by(col(ConversationMessageRow.seq).desc())
    )
    newer = (await session.exec(statement.limit(1))).first()
    if newer is not None:
        raise MovedOn(newer[0] or "", newer[1])


def _require_own(principal: Principal, talk: Talk) -> None:
    if talk.agent != principal.number and not principal.may(ASSIGN):
        raise Forbidden("another agent's conversation", "这是其他话务员的会话")


def _nobody() -> Invalid:
    return Invalid(
        fields=[
            FieldError(
                pointer="/agent",
                message_zh="没有这位话务员，或其不能接待会话",
                message_en="No such agent, or one who takes no conversations",
            )
        ]
    )
