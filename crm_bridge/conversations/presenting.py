"""Makes views of conversations and messages: names beside numbers, files beside words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlmodel import and_, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.incoming import subject_of
from channels.attachments.tables import AttachmentRow, MediaRow
from channels.contacts.service import Contacts
from crm_bridge.conversations.files import subject_of as subject_of_ours
from crm_bridge.conversations.rules import Speaker
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from crm_bridge.conversations.talk import unseal
from crm_bridge.conversations.views import ConversationSummary, MessageView, WriterView
from crm_bridge.replies.tables import ReplyRow
from crm_bridge.tickets.views import AttachmentView
from crm_bridge.units.staff import Names, names_of
from infra.kit.vault import Vault

_PREVIEW = 60


class Presenter:
    """Makes views.

    Args:
        vault: Opens what was said.
        contacts: Knows the citizens.
        names: Knows what people are called.
    """

    def __init__(self, vault: Vault, contacts: Contacts, names: Names | None = None) -> None:
        self._vault = vault
        self._contacts = contacts
        self._names = names

    async def summaries(
        self, session: AsyncSession, rows: Sequence[ConversationRow]
    ) -> list[ConversationSummary]:
        """Return conversations as they are listed, in the order given."""
        named = await self.names(session, {row.agent for row in rows if row.agent})
        last = await _last_messages(session, rows)
        citizens = {
            citizen_id: await self._citizen(session, citizen_id)
            for citizen_id in {row.citizen_id for row in rows if row.citizen_id is not None}
        }
        found = []
        for row in rows:
            fields = row.model_dump(include=_SUMMARY_FIELDS)
            said, speaker = self._preview(last.get(row.id))
            found.append(
                ConversationSummary(
                    **fields,
                    agent_name=named.get(row.agent or ""),
                    citizen=citizens.get(row.citizen_id or 0),
                    preview=said,
                    preview_speaker=speaker,
                )
            )
        return found

    async def messages(
        self, session: AsyncSession, rows: Sequence[ConversationMessageRow]
    ) -> list[MessageView]:
        """Return messages with their files, in the order given."""
        named = await self.names(session, {row.agent for row in rows if row.agent})
        contacts = [row.contact_id for row in rows if row.files and row.contact_id is not None]
        files = await _files(session, [_subject(row) for row in rows if row.files])
        coming = await _coming(session, contacts)
        reasons = await _reasons(session, [row.id or 0 for row in rows if row.failure])
        return [
            self._message(row, named, files, coming, reasons.get(row.id or 0, ("", "")))
            for row in rows
        ]

    async def names(self, session: AsyncSession, numbers: Collection[str]) -> Mapping[str, str]:
        """Return what people are called, by 工号."""
        return await names_of(session, self._names, numbers)

    def _message(
        self,
        row: ConversationMessageRow,
        named: Mapping[str, str],
        files: Mapping[str, list[AttachmentView]],
        coming: Mapping[int, int],
        reason: tuple[str, str],
    ) -> MessageView:
        said = unseal(self._vault, row.body_encrypted, row.files)
        return MessageView(
            seq=row.seq,
            speaker=row.speaker,
            agent=row.agent,
            agent_name=named.get(row.agent or ""),
            text=said.text,
            address=said.address,
            latitude=said.latitude,
            longitude=said.longitude,
            at=row.at,
            delivery=row.delivery,
            failure=row.failure,
            failure_zh=reason[0],
            failure_en=reason[1],
            files=files.get(_subject(row), []),
            files_coming=coming.get(row.contact_id or 0, 0),
        )

    def _preview(self, row: ConversationMessageRow | None) -> tuple[str, Speaker | None]:
        if row is None:
            return "", None
        text = unseal(self._vault, row.body_encrypted, row.files).text
        return " ".join(text.split())[:_PREVIEW], row.speaker

    async def _citizen(self, session: AsyncSession, citizen_id: int) -> WriterView:
        citizen = await self._contacts.citizen(session, citizen_id)
        return WriterView(
            id=citizen.id,
            name=citizen.name,
            phone_masked=citizen.phone.masked if citizen.phone else None,
        )


_SUMMARY_FIELDS = set(ConversationSummary.model_fields) & set(ConversationRow.model_fields)


async def _last_messages(
    session: AsyncSession, rows: Sequence[ConversationRow]
) -> Mapping[int | None, ConversationMessageRow]:
    """Return the last message of each conversation but for the guide's, which say nothing of the matter."""
    conversation, seq = (
        col(ConversationMessageRow.conversation_id),
        col(ConversationMessageRow.seq),
    )
    last = (
        select(conversation, func.max(seq).label("seq"))
        .where(
            conversation.in_([row.id for row in rows]),
            col(ConversationMessageRow.speaker) != Speaker.guide,
        )
        .group_by(conversation)
        .subquery()
    )
    statement = select(ConversationMessageRow).join(
        last, and_(conversation == last.c.conversation_id, seq == last.c.seq)
    )
    return {row.conversation_id: row for row in (await session.exec(statement)).all()}


def _subject(row: ConversationMessageRow) -> str:
    """Return what the files of a message belong to: the citizen's to his contact, ours to the message itself."""
    return (
        subject_of(row.contact_id) if row.contact_id is not None else subject_of_ours(row.id or 0)
    )


async def _files(
    session: AsyncSession, subjects: Sequence[str]
) -> Mapping[str, list[AttachmentView]]:
    if not subjects:
        return {}
    statement = (
        select(AttachmentRow)
        .where(col(AttachmentRow.subject).in_(subjects))
        .order_by(col(AttachmentRow.id))
    )
    found: dict[str, list[AttachmentView]] = defaultdict(list)
    for row in (await session.exec(statement)).all():
        view = AttachmentView(id=row.id or 0, name=row.name, size=row.size, type=row.type)
        found[row.subject or ""].append(view)
    return found


async def _reasons(session: AsyncSession, messages: Sequence[int]) -> Mapping[int, tuple[str, str]]:
    """Return in both languages why messages have not come further."""
    if not messages:
        return {}
    statement = select(ReplyRow.message_id, ReplyRow.error_zh, ReplyRow.error_en).where(
        col(ReplyRow.message_id).in_(messages)
    )
    return {one: (zh, en) for one, zh, en in (await session.exec(statement)).all() if one}


async def _coming(session: AsyncSession, contacts: Sequence[int]) -> Mapping[int, int]:
    if not contacts:
        return {}
    statement = (
        select(MediaRow.contact_id, func.count())
        .where(
            col(MediaRow.contact_id).in_(contacts),
            col(MediaRow.attachment_id).is_(None),
            col(MediaRow.gone_at).is_(None),
        )
        .group_by(col(MediaRow.contact_id))
    )
    return dict((await session.exec(statement)).all())
