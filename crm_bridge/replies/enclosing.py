"""Gives a reply its files, just before it is sent: those that its way carries."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from channels.attachments.service import Attachments
from channels.protocol import CannotReply, CarryingFiles, FileLimits, Reply, ReplyFile
from infra.kit.errors import NotFound, TryLater

log = structlog.get_logger()

FILES_ARE_READ_IN = 15.0
"""Seconds in which the files of a reply must be read from their store."""
FILES_TAKE = 45.0
"""Seconds that a provider may take longer over a reply with files than over one without."""


class FileNotCarried(CannotReply):
    """The way carries no files of this kind or size."""

    slug = "file-not-carried"
    title_zh = "该渠道不能发送此文件，请改用文字说明或其他方式"
    title_en = "This channel does not carry this file: say it in words, or in another way"


class Enclosing:
    """Gives replies their files.

    Args:
        attachments: Keeps the files.
    """

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    async def enclosed(self, reply: Reply, files: Sequence[int], way: object) -> Reply:
        """Return a reply with those of its files that a way carries; what it says in words stands by itself.

        Args:
            reply: What is told.
            files: The attachments that go with it.
            way: What carries it.

        Raises:
            FileNotCarried: It has no words, and the way does not carry its file.
            TryLater: The store of files is away.
        """
        if not files:
            return reply
        limits = way.carries if isinstance(way, CarryingFiles) else None
        try:
            async with asyncio.timeout(FILES_ARE_READ_IN):
                carried = await self._carried(files, limits) if limits else []
        except TimeoutError:
            raise TryLater("the store of files is silent", "附件存储没有应答") from None
        if not carried and not reply.text:
            raise FileNotCarried("no way for this file", "该渠道不能发送此文件")
        return replace(reply, files=carried)

    async def _carried(self, files: Sequence[int], limits: FileLimits) -> list[ReplyFile]:
        carried: list[ReplyFile] = []
        room = limits.together
        for one in await self._attachments.of_ids(files):
            if one.size > room or not limits.take(one.type, one.size):
                continue
            try:
                content, poster = await self._attachments.content(one.id)
            except NotFound:
                log.warning("reply_file_missing", attachment=one.id)
                continue
            carried.append(ReplyFile(name=one.name, type=one.type, content=content, poster=poster))
            room -= len(content)
        return carried
