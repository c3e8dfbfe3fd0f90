"""Files from a citizen's telephone, in pieces: a lost network costs one piece, and the rest is gone on with.

A piece is on disk when it is answered. It goes where the last one ended and nowhere else: a piece that comes twice, or
after another page has sent it, is told how far the file is. The pieces lie in the database, so that any process can
take the next one; the whole file is then taken like any other, by its own bytes and not by its name.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.incoming import CITIZEN
from channels.attachments.rules import clean_name, too_large
from channels.attachments.service import Attachments
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.tables import UploadPartRow, UploadRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid, NotFound
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault

_SENDER = Principal(user_id=0, number=CITIZEN, name="", role=Role.MACHINE, permissions=frozenset())
_TOKEN_BYTES = 16


class UploadGone(NotFound):
    """There is no such upload, or it was begun too long ago."""

    slug = "upload-gone"
    title_zh = "该文件的上传已过期，请重新选择文件"
    title_en = "This upload is gone, choose the file again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How far a file has come.

    Attributes:
        token: What the page knows it by.
        size: Bytes of the whole file.
        received: Bytes that are here; the next piece begins there.
        taken: Whether the whole file is here and was taken.
    """

    token: str
    size: int
    received: int
    taken: bool


class Uploads:
    """Takes files in, piece by piece.

    Args:
        database: Where the pieces lie meanwhile.
        clock: Tells which uploads have expired.
        vault: Makes the digests of tokens.
        attachments: Takes the whole files.
        settings: How large a piece is, how long an upload lives.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        attachments: Attachments,
        settings: CitizenPageSettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._attachments = attachments
        self._life = timedelta(hours=settings.upload_hours)
        self.part_bytes = settings.part_kilobytes * 1024

    @property
    def limit(self) -> int:
        """The most bytes of a file."""
        return self._attachments.limit

    async def begin(self, name: str, size: int) -> Upload:
        """Begin a file; nothing of it is here yet.

        Raises:
            TooLarge: It has more bytes than are taken.
        """
        if size > self.limit:
            raise too_large(self.limit)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        row = UploadRow(
            token_digest=self._vault.digest(token),
            name=clean_name(name),
            size=size,
            received=0,
            begun_at=self._clock.now(),
        )
        async with self._database.transaction() as session:
            session.add(row)
        return _view(token, row)

    async def state(self, token: str) -> Upload:
        """Return how far a file has come.

        Raises:
            UploadGone: There is no such upload any more.
        """
        async with self._database.reading() as session:
            return _view(token, await self._row(session, token))

    async def take_part(self, token: str, start: int, content: bytes) -> Upload:
        """Take the next piece; with the last one the file is taken as a whole.

        Args:
            token: What the page knows the file by.
            start: Where in the file the piece begins.
            content: The piece; none only to take a file whose last piece was here before.

        Returns:
            How far the file is now; unchanged when the piece does not begin where the last one ended.

        Raises:
            UploadGone: There is no such upload any more.
            TooLarge: The piece is larger than pieces are, or goes beyond the file's end.
            Invalid: The whole file is of a type that is not taken.
            TryLater: There is no room for it.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, token, lock=True)
            if start != row.received or row.attachment_id is not None:
                return _view(token, row)
            if len(content) > self.part_bytes or start + len(content) > row.size:
                raise too_large(self.part_bytes)
            if content and row.id is not None:
                session.add(UploadPartRow(upload_id=row.id, start=start, content=content))
                row.received += len(content)
        if row.received == row.size and not await self._finish(row):
            return await self.state(token)
        return _view(token, row)

    async def claim(self, tokens: Sequence[str]) -> list[int]:
        """Return the attachments that uploads have become.

        Raises:
            Invalid: One is not here as a whole, or is gone; each is named.
        """
        found, wrong = [], []
        async with self._database.reading() as session:
            for position, token in enumerate(tokens):
                try:
                    row = await self._row(session, token)
                except UploadGone:
                    row = None
                if row is None or row.attachment_id is None:
                    wrong.append(_not_whole(f"/uploads/{position}"))
                else:
                    found.append(row.attachment_id)
        if wrong:
            raise Invalid("send these files anew", "请重新上传这些文件", fields=wrong)
        return found

    async def purge(self) -> None:
        """Forget uploads that were begun too long ago, with their pieces; files that were taken stay."""
        before = self._clock.now() - self._life
        old = select(UploadRow.id).where(col(UploadRow.begun_at) < before)
        async with self._database.transaction() as session:
            await session.exec(delete(UploadPartRow).where(col(UploadPartRow.upload_id).in_(old)))
            await session.exec(delete(UploadRow).where(col(UploadRow.begun_at) < before))

    async def _finish(self, row: UploadRow) -> bool:
        """Take the whole file; return False if a request beside this one was a moment faster."""
        parts = (
            select(UploadPartRow.content)
            .where(UploadPartRow.upload_id == row.id)
            .order_by(col(UploadPartRow.start))
        )
        async with self._database.reading() as session:
            content = b"".join((await session.exec(parts)).all())
        if len(content) != row.size:
            return False
        try:
            taken = await self._attachments.take(_SENDER, row.name, content)
        except Invalid:
            # It will never be taken: the page says so, and the citizen chooses another.
            await self._forget(row)
            raise
        async with self._database.transaction() as session:
            kept = await session.get_one(UploadRow, row.id, with_for_update=True)
            kept.attachment_id = kept.attachment_id or taken.id
            row.attachment_id = kept.attachment_id
            await session.exec(delete(UploadPartRow).where(col(UploadPartRow.upload_id) == row.id))
        return True

    async def _forget(self, row: UploadRow) -> None:
        async with self._database.transaction() as session:
            await session.exec(delete(UploadPartRow).where(col(UploadPartRow.upload_id) == row.id))
            unfinished = col(UploadRow.id) == row.id, col(UploadRow.attachment_id).is_(None)
            await session.exec(delete(UploadRow).where(*unfinished))

    async def _row(self, session: AsyncSession, token: str, *, lock: bool = False) -> UploadRow:
        if not token.isascii():
            raise UploadGone
        statement = select(UploadRow).where(
            UploadRow.token_digest == self._vault.digest(token),
            col(UploadRow.begun_at) >= self._clock.now() - self._life,
        )
        if lock:
            statement = statement.with_for_update()
        row = (await session.exec(statement)).one_or_none()
        if row is None:
            raise UploadGone
        return row


def _view(token: str, row: UploadRow) -> Upload:
    return Upload(
        token=token, size=row.size, received=row.received, taken=row.attachment_id is not None
    )


def _not_whole(pointer: str) -> FieldError:
    return FieldError(
        pointer=pointer,
        message_zh="该文件未上传完成或已过期，请重新上传",
        message_en="This file is not here as a whole, or is gone; send it anew",
    )
