"""The one hand that writes conversations: where each stands, what is said in it, and who is told.

A citizen's message is taken in by a commit that many share, an agent's answer by a transaction of its own; both are
pieces of the same kind (`infra.kit.group_commit`), and use this.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from channels.protocol import Reply, ReplyKind
from crm_bridge.conversations.carriage import Carriage
from crm_bridge.conversations.files import Handed
from crm_bridge.conversations.guide import Guide
from crm_bridge.conversations.rules import (
    ConversationEvent,
    ConversationState,
    Delivery,
    Speaker,
    Utterance,
    next_state,
)
from crm_bridge.conversations.statements import (
    ANSWERED,
    BY_ID,
    BY_ID_IF_FREE,
    EXCUSED,
    HEARD,
    LIVE,
    SAID,
    STANDS,
    TOLD,
)
from crm_bridge.conversations.tables import (
    ConversationEventRow,
    ConversationMessageRow,
    ConversationRow,
)
from crm_bridge.conversations.talk import Said, Talk, seal
from crm_bridge.tickets.ticket import Ticket
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.errors import NotFound
from infra.kit.group_commit import Writing
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault

_QUEUES = frozenset({ConversationState.waiting, ConversationState.offered})
_HAD = frozenset({ConversationState.offered, ConversationState.open, ConversationState.closed})


class Record:
    """Writes conversations.

    Args:
        clock: Gives the time.
        vault: Seals what is said, and makes the digest that a thread is found by.
        carriage: Carries our words to the citizen.
    """

    def __init__(self, clock: Clock, vault: Vault, carriage: Carriage) -> None:
        self._clock = clock
        self._vault = vault
        self._carriage = carriage

    def live(self, writing: Writing, digest: str) -> Talk | None:
        """Return the conversation of a thread that is not closed, held until the transaction ends."""
        row = writing.row(LIVE, of_thread=digest)
        return self._talk(row) if row else None

    def held(self, writing: Writing, conversation_id: int) -> Talk:
        """Return a conversation, held until the transaction ends.

        Raises:
            NotFound: There is no such conversation.
        """
        row = writing.row(BY_ID, row_id=conversation_id)
        if row is None:
            raise NotFound
        return self._talk(row)

    def held_if_free(self, writing: Writing, conversation_id: int) -> Talk | None:
        """Return a conversation as `held` does; None when another transaction holds it.

        Whoever holds several takes them so: he waits for nobody, and nobody waits for him in a circle.
        """
        row = writing.row(BY_ID_IF_FREE, row_id=conversation_id)
        return self._talk(row) if row else None

    def begin(self, writing: Writing, talk: Talk) -> Talk:
        """Write the row of a conversation; what begins it is still to happen."""
        now = self._clock.now()
        values = {
            "channel": talk.channel,
            "thread_digest": talk.digest,
            "live_digest": talk.digest,
            "citizen_id": talk.citizen_id,
            "contact_id": talk.contact_id,
            "state": ConversationState.waiting,
            "skill": talk.skill,
            "opened_at": now,
            "excused": False,
            "unread": 0,
            "last_seq": 0,
            "last_at": now,
            "heard_at": now,
        }
        return replace(talk, id=writing.add(ConversationRow, values))

    def keep(self, writing: Writing, talk: Talk, said: Utterance, contact_id: int) -> Said:
        """Write down what the citizen said."""
        message = self._message(talk, said, Speaker.citizen) | {"contact_id": contact_id}
        message_id = writing.add(ConversationMessageRow, message)
        talk = replace(talk, seq=talk.seq + 1, contact_id=contact_id)
        writing.run(
            HEARD,
            row_id=talk.id,
            to_contact_id=contact_id,
            to_citizen_id=talk.citizen_id,
            to_seq=talk.seq,
            to_at=self._clock.now(),
        )
        return Said(talk=talk, message_id=message_id)

    def say(
        self,
        writing: Writing,
        talk: Talk,
        text: str,
        *,
        agent: str | None = None,
        receipt: Ticket | None = None,
        handed: Handed | None = None,
    ) -> Said:
        """Write down what is said to the citizen, and have it carried to him once.

        Args:
            writing: The transaction.
            talk: The conversation.
            text: What is said.
            agent: 工号 of who says it; None is the guide.
            receipt: The ticket whose registration it tells of; None for anything else.
            handed: How a file goes with it; None without one.
        """
        files = (handed.attachment,) if handed and handed.attachment else ()
        said = Utterance(text=text, files=len(files))
        message = self._message(talk, said, Speaker.agent if agent else Speaker.guide)
        message |= {"agent": agent, "delivery": Delivery.queued}
        message_id = writing.add(ConversationMessageRow, message)
        talk = replace(talk, seq=talk.seq + 1)
        statement = ANSWERED if agent else SAID
        writing.run(statement, row_id=talk.id, to_seq=talk.seq, to_at=self._clock.now())
        reply = Reply(
            key=f"receipt:{receipt.id}" if receipt else f"message:{message_id}",
            kind=ReplyKind.receipt if receipt else ReplyKind.message,
            text=text,
            ticket_number=receipt.number if receipt else "",
        )
        self._carriage.carry(
            writing,
            talk.contact_id,
            reply,
            message_id=message_id,
            order=f"conversation:{talk.id}",
            files=files if handed and handed.goes_along else (),
        )
        return Said(talk=talk, message_id=message_id)

    def happen(
        self,
        writing: Writing,
        talk: Talk,
        event: ConversationEvent,
        *,
        agent: str | None = None,
        actor: str | None = None,
        until: datetime | None = None,
    ) -> Talk:
        """Let something happen to a conversation, and tell those whom it concerns.

        Args:
            writing: The transaction.
            talk: The conversation, with the skill and the guide that it is to have then.
            event: What happens.
            agent: Who is asked or has it then; None where the event itself says it.
            actor: 工号 of who did it; None is the citizen or the system.
            until: Until when who is asked may answer.

        Raises:
            ConversationRefused: It cannot happen to the conversation as it stands.
        """
        now, before = self._clock.now(), talk
        state = next_state(talk.state, event)
        closed = state is ConversationState.closed
        had = (agent or talk.agent) if state in _HAD else None
        writing.run(
            STANDS[state in _QUEUES],
            row_id=talk.id,
            to_state=state,
            to_agent=had,
            to_skill=talk.skill,
            to_live_digest=None if closed else talk.digest,
            to_guide=self._sealed(talk.guide),
            to_offered_until=until,
            to_closed_at=now if closed else None,
            **({"to_at": now} if state in _QUEUES else {}),
        )
        happened = {
            "conversation_id": talk.id,
            "event": event,
            "state": state,
            "agent": agent or before.agent,
            "actor": actor,
            "at": now,
        }
        writing.add(ConversationEventRow, happened)
        talk = replace(talk, state=state, agent=had)
        self._tell_of(writing, before, talk, event, until)
        return talk

    def remember(self, writing: Writing, talk: Talk) -> None:
        """Keep what the guide has been told meanwhile."""
        writing.run(TOLD, row_id=talk.id, to_guide=self._sealed(talk.guide))

    def excuse(self, writing: Writing, talk: Talk) -> None:
        """Note that the citizen has been told that it takes longer."""
        writing.run(EXCUSED, row_id=talk.id)

    def tell(
        self, writing: Writing, agent: str | None, kind: str, talk: Talk, **facts: object
    ) -> None:
        """Put something into an agent's feed; ids and small facts, never what was said."""
        if agent is None:
            return
        entry = outbox.entry(
            self._clock,
            destination="feed",
            kind=kind,
            key=f"conversation:{talk.id}",
            body={"agents": [agent], "data": {"conversation_id": talk.id, **facts}},
        )
        writing.add(OutboxRow, entry)

    def _tell_of(
        self,
        writing: Writing,
        before: Talk,
        after: Talk,
        event: ConversationEvent,
        until: datetime | None,
    ) -> None:
        if before.agent is not None and before.agent != after.agent:
            self.tell(writing, before.agent, "conversation.changed", after, state=str(after.state))
        match after.state:
            case ConversationState.offered:
                lapses = until.isoformat() if until else None
                self.tell(
                    writing,
                    after.agent,
                    "conversation.offered",
                    after,
                    channel=after.channel,
                    until=lapses,
                )
            case ConversationState.open:
                self.tell(writing, after.agent, "conversation.assigned", after, by=event.value)
            case ConversationState.closed:
                self.tell(writing, after.agent, "conversation.closed", after)

    def _message(self, talk: Talk, said: Utterance, speaker: Speaker) -> dict[str, Any]:
        return {
            "conversation_id": talk.id,
            "seq": talk.seq + 1,
            "speaker": speaker,
            "body_encrypted": seal(self._vault, said),
            "files": said.files,
            "at": self._clock.now(),
            "failure": "",
        }

    def _talk(self, row: tuple[Any, ...]) -> Talk:
        guide = self._vault.decrypt(bytes(row[9])) if row[9] else None
        return Talk(
            id=row[0],
            state=ConversationState(row[1]),
            agent=row[2],
            seq=row[3],
            contact_id=row[4],
            citizen_id=row[5],
            digest=row[6],
            channel=row[7],
            skill=row[8],
            guide=Guide.from_json(json.loads(guide)) if guide else None,
        )

    def _sealed(self, guide: Guide | None) -> bytes | None:
        return self._vault.encrypt(json.dumps(guide.as_json())) if guide else None
