"""What agents do in conversations; each use case is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.access import ASSIGN
from crm_bridge.conversations.files import Handed, SentFiles
from crm_bridge.conversations.floor import Floor
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.rules import (
    ConversationEvent,
    ConversationRefused,
    ConversationState,
    MovedOn,
    Speaker,
)
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from crm_bridge.conversations.talk import Said, Talk
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Forbidden, Invalid
from infra.kit.group_commit import Writing, in_session
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_S, _E = ConversationState, ConversationEvent
Act = Callable[[Writing, Talk], Talk]
"""Does something to a conversation that is held."""


class Conversations:
    """The conversations of agents.

    Args:
        database: Where they lie.
        clock: Gives the time.
        record: Writes them.
        floor: Knows who may take conversations.
        files: Knows which files can be sent.
        poke: Wakes whoever tells and routes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        record: Record,
        floor: Floor,
        files: SentFiles,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._record = record
        self._floor = floor
        self._files = files
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
        text: str = "",
        *,
        after_seq: int,
        key: IdempotencyKey | None,
        attachment: int | None = None,
    ) -> int:
        """Say something to the citizen, or send him a file, once.

        Args:
            principal: Who has the conversation, or one who may step in.
            conversation_id: Its row.
            text: What is said; empty when a file is sent.
            after_seq: The last message that he has seen.
            key: Sent again, the same key says it once.
            attachment: The file that is sent, which he has uploaded; None when something is said.

        Returns:
            The number of the message.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
            ConversationRefused: It is not open.
            MovedOn: A colleague has said something after that message.
            Invalid: The file is not his, or cannot be sent over this channel.
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
            said = Handed(words=text)
            if attachment is not None:
                said = await self._files.hand(session, talk.channel, attachment)

            def say(writing: Writing) -> Said:
                return self._record.say(
                    writing, talk, said.words, agent=principal.number, handed=said
                )

            done = await in_session(session, say)
            await self._files.attach(session, principal, said, done.message_id)
            seq = done.talk.seq
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
