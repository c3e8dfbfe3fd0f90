"""The statements that write conversations, compiled once for each kind of database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Integer, Select, bindparam, false, func, null, select, true, update
from sqlmodel import col

from crm_bridge.conversations.tables import ConversationRow
from infra.kit.database import UtcDateTime
from infra.kit.group_commit import Prepared


def _standing(condition: Any, *, skip_locked: bool = False) -> Select[*tuple[Any, ...]]:
    return (
        select(
            col(ConversationRow.id),
            col(ConversationRow.state),
            col(ConversationRow.agent),
            col(ConversationRow.last_seq),
            col(ConversationRow.contact_id),
            col(ConversationRow.citizen_id),
            col(ConversationRow.thread_digest),
            col(ConversationRow.channel),
            col(ConversationRow.skill),
            col(ConversationRow.guide_encrypted),
        )
        .where(condition)
        .with_for_update(skip_locked=skip_locked)
    )


_AT = bindparam("to_at", type_=UtcDateTime())
_THIS = col(ConversationRow.id) == bindparam("row_id")
LIVE = Prepared(_standing(col(ConversationRow.live_digest) == bindparam("of_thread")))
BY_ID = Prepared(_standing(_THIS))
BY_ID_IF_FREE = Prepared(_standing(_THIS, skip_locked=True))
HEARD = Prepared(
    update(ConversationRow)
    .where(_THIS)
    .values(
        contact_id=bindparam("to_contact_id"),
        citizen_id=func.coalesce(
            bindparam("to_citizen_id", type_=Integer()), col(ConversationRow.citizen_id)
        ),
        last_seq=bindparam("to_seq"),
        last_at=_AT,
        heard_at=_AT,
        unread=col(ConversationRow.unread) + 1,
        unanswered_since=func.coalesce(col(ConversationRow.unanswered_since), _AT),
    )
)
SAID = Prepared(
    update(ConversationRow).where(_THIS).values(last_seq=bindparam("to_seq"), last_at=_AT)
)
ANSWERED = Prepared(
    update(ConversationRow)
    .where(_THIS)
    .values(last_seq=bindparam("to_seq"), last_at=_AT, unread=0, unanswered_since=null())
)
STANDS: Mapping[bool, Prepared] = {
    queues: Prepared(
        update(ConversationRow)
        .where(_THIS)
        .values(
            state=bindparam("to_state"),
            agent=bindparam("to_agent"),
            skill=bindparam("to_skill"),
            live_digest=bindparam("to_live_digest"),
            guide_encrypted=bindparam("to_guide"),
            # Who was asked and did not take it has cost the citizen none of his place in the queue.
            waiting_since=func.coalesce(col(ConversationRow.waiting_since), _AT)
            if queues
            else null(),
            excused=col(ConversationRow.excused) if queues else false(),
            offered_until=bindparam("to_offered_until"),
            closed_at=bindparam("to_closed_at"),
        )
    )
    for queues in (True, False)
}
TOLD = Prepared(update(ConversationRow).where(_THIS).values(guide_encrypted=bindparam("to_guide")))


EXCUSED = Prepared(update(ConversationRow).where(_THIS).values(excused=true()))
