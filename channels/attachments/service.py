"""Files that people send: taken in, tied to what they belong to, and given out to who may see that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.keeping import Keeper
from channels.attachments.store import ContentStore
from channels.attachments.tables import AttachmentRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Forbidden, Invalid, NotFound
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file as it is listed."""

    id: int
    name: str
    size: int
    type: str


class Sight(Protocol):
    """Knows who may see what files belong to; the floors above tell."""

    async def may_see(self, principal: Principal, subject: str) -> bool:
        """Return whether this person may see it, e.g. `ticket:7`."""
        ...


class Attachments:
    """Keeps files.

    Args:
        database: Where their rows lie.
        clock: Gives the time of an upload.
        store: Where their bytes lie.
        limit: The most bytes of a file.
    """

    def __init__(self, database: Database, clock: Clock, store: ContentStore, limit: int) -> None:
        self._database = database
        self._clock = clock
        self._store = store
        self._keeper = Keeper(store, limit)
        self.limit = limit

    async def take(self, principal: Principal, name: str, content: bytes) -> Attachment:
        """Keep a file that somebody has sent; it belongs to nothing yet, and only he sees it.

        Raises:
            TooLarge: It has more bytes than are taken.
            Invalid: It is empty, broken, or of a type that is not taken.
            TryLater: There is no room for it.
        """
        row = AttachmentRow(
            **await self._keeper.keep(name, content),
            uploaded_by=principal.number,
            uploaded_at=self._clock.now(),
        )
        async with self._database.transaction() as session:
            session.add(row)
        return _view(row)

    async def attach(
        self, session: AsyncSession, principal: Principal, ids: Sequence[int], subject: str
    ) -> None:
        """Tie files to what they belong to, in the caller's transaction.

        Raises:
            Invalid: One does not exist, is another's, or belongs to something else already; it is named.
        """
        statement = select(AttachmentRow).where(col(AttachmentRow.id).in_(ids)).with_for_update()
        rows = {row.id: row for row in (await session.exec(statement)).all()}
        wrong = []
        for position, attachment_id in enumerate(ids):
            row = rows.get(attachment_id)
            mine = row is not None and row.uploaded_by == principal.number
            if row is None or not mine or row.subject not in (None, subject):
                wrong.append(_unknown(f"/attachments/{position}"))
            else:
                row.subject = subject
        if wrong:
            raise Invalid("upload these files anew", "请重新上传这些附件", fields=wrong)

    async def of_subject(self, session: AsyncSession, *subjects: str) -> Sequence[Attachment]:
        """Return the files that belong to one of these things, in the order in which they were sent."""
        statement = select(AttachmentRow).where(col(AttachmentRow.subject).in_(subjects))
        rows = (await session.exec(statement.order_by(col(AttachmentRow.id)))).all()
        return [_view(row) for row in rows]

    async def of_ids(self, ids: Sequence[int]) -> Sequence[Attachment]:
        """Return files by their rows, in the order of these; who asks has made sure who may see them."""
        statement = select(AttachmentRow).where(col(AttachmentRow.id).in_(ids))
        async with self._database.reading() as session:
            found = {row.id: _view(row) for row in (await session.exec(statement)).all()}
        return [found[one] for one in ids if one in found]

    async def content(self, attachment_id: int) -> tuple[bytes, bytes]:
        """Return the bytes of a file and those of its poster; who asks has made sure who may see it.

        Raises:
            NotFound: There is no such file, or it is not whole any more.
            TryLater: The store is away.
        """
        async with self._database.reading() as session:
            row = await session.get(AttachmentRow, attachment_id)
        if row is None:
            raise NotFound
        poster = await self._store.get(row.poster) if row.poster else b""
        return await self._store.get(row.sha256), poster

    async def open(
        self, principal: Principal, attachment_id: int, sights: Mapping[str, Sight]
    ) -> tuple[Attachment, bytes]:
        """Return a file with its bytes.

        Args:
            principal: Who wants it.
            attachment_id: Its row.
            sights: Who knows who may see what, by the kind of subject, e.g. `ticket`.

        Raises:
            NotFound: There is no such file.
            Forbidden: It belongs to what this person may not see.
        """
        row = await self._seen(principal, attachment_id, sights)
        return _view(row), await self._store.get(row.sha256)

    async def poster(
        self, principal: Principal, attachment_id: int, sights: Mapping[str, Sight]
    ) -> bytes:
        """Return the first picture of a video, a small JPEG of our own making; see `open`.

        Raises:
            NotFound: There is no such file, or it has none.
            Forbidden: It belongs to what this person may not see.
        """
        row = await self._seen(principal, attachment_id, sights)
        if row.poster is None:
            raise NotFound
        return await self._store.get(row.poster)

    async def _seen(
        self, principal: Principal, attachment_id: int, sights: Mapping[str, Sight]
    ) -> AttachmentRow:
        async with self._database.reading() as session:
            row = await session.get(AttachmentRow, attachment_id)
        if row is None:
            raise NotFound
        if row.subject is None:
            allowed = row.uploaded_by == principal.number
        else:
            sight = sights.get(row.subject.partition(":")[0])
            allowed = sight is not None and await sight.may_see(principal, row.subject)
        if not allowed:
            raise Forbidden("it belongs to what you may not see", "您无权查看该附件")
        return row

    async def purge(self, older_than: timedelta) -> None:
        """Forget files that were uploaded and then left; their bytes stay, as others may have sent the same."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(
                delete(AttachmentRow).where(
                    col(AttachmentRow.subject).is_(None), col(AttachmentRow.uploaded_at) < before
                )
            )


def _view(row: AttachmentRow) -> Attachment:
    assert row.id is not None  # noqa: S101  # the row is stored
    return Attachment(id=row.id, name=row.name, size=row.size, type=row.type)


def _unknown(pointer: str) -> FieldError:
    return FieldError(
        pointer=pointer,
        message_zh="没有这个附件，或它已用于其他地方，请重新上传",
        message_en="No such file, or it belongs to something else; upload it anew",
    )
