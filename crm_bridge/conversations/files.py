"""Files that agents send to citizens: as the channel carries them, else as a link, else not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.rules import ENDINGS
from channels.attachments.service import Attachments
from channels.attachments.tables import AttachmentRow
from channels.protocol import FileLimits
from crm_bridge.conversations.access import visible
from crm_bridge.conversations.tables import ConversationMessageRow
from infra.kit.database import Database
from infra.kit.errors import FieldError, Forbidden, Invalid, NotFound
from infra.kit.identity import Principal

KIND = "message"
"""The kind of subject that such files belong to."""
_MEGABYTE = 1024 * 1024
_NOTHING = FileLimits(types={}, together=0)

Link = Callable[[int], str]
"""Returns the address at which whoever holds it downloads a file, by its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What is said, or a file that is sent.

    Attributes:
        words: What the citizen reads; empty where the file goes by itself.
        attachment: Row of the file; None when something is said.
        goes_along: Whether the file itself goes over the channel.
    """

    words: str = field(default="", repr=False)
    attachment: int | None = None
    goes_along: bool = False


class SentFiles:
    """Knows how files are sent.

    Args:
        attachments: Keeps them.
        carried: What each channel carries, by its name; others carry none.
        link: Makes addresses for downloading; without, what a channel does not carry cannot be sent.
    """

    def __init__(
        self, attachments: Attachments, carried: Mapping[str, FileLimits], link: Link | None = None
    ) -> None:
        self._attachments = attachments
        self._carried = carried
        self._link = link

    @property
    def by_link(self) -> bool:
        """Whether what a channel does not carry is sent as a link."""
        return self._link is not None

    def limits(self, channel: str) -> FileLimits:
        """Return what a channel carries."""
        return self._carried.get(channel, _NOTHING)

    async def hand(self, session: AsyncSession, channel: str, attachment_id: int) -> Handed:
        """Return how a file is sent over a channel; whose it is is asked when it is attached.

        Raises:
            Invalid: There is no such file, or it cannot be sent over this channel.
        """
        row = await session.get(AttachmentRow, attachment_id)
        if row is None:
            raise _refused("没有这个附件，请重新上传", "No such file; upload it anew")
        limits = self.limits(channel)
        if limits.take(row.type, row.size):
            return Handed(attachment=attachment_id, goes_along=True)
        if self._link is None:
            raise _refused(*_carried(limits))
        words = f"向您发送文件《{row.name}》，请点击链接下载：{self._link(attachment_id)}"
        return Handed(words=words, attachment=attachment_id)

    async def attach(
        self, session: AsyncSession, principal: Principal, handed: Handed, message_id: int
    ) -> None:
        """Tie a file to its message, in the transaction that writes the message.

        Raises:
            Invalid: It is not this person's, or belongs to something else already.
        """
        if handed.attachment is not None:
            subject = subject_of(message_id)
            await self._attachments.attach(session, principal, [handed.attachment], subject)


class MessageFiles:
    """Knows who may see what agents have sent: who may see the conversation.

    Args:
        database: Where conversations lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def may_see(self, principal: Principal, subject: str) -> bool:
        """Return whether this person may see the file of a message, named as `message:7`."""
        async with self._database.reading() as session:
            row = await session.get(ConversationMessageRow, int(subject.partition(":")[2]))
            if row is None:
                return False
            try:
                await visible(session, principal, row.conversation_id)
            except (Forbidden, NotFound):
                return False
        return True


def subject_of(message_id: int) -> str:
    """Return what the file of a message of ours belongs to."""
    return f"{KIND}:{message_id}"


def _carried(limits: FileLimits) -> tuple[str, str]:
    """Return in both languages what a channel carries, for one who has chosen something else."""
    if not limits.types:
        return (
            "该渠道不能发送文件，请用文字说明",
            "This channel carries no files, say it in words",
        )
    kinds = [
        f"{ENDINGS[kind][0][1:]}（{most // _MEGABYTE} MB）" for kind, most in limits.types.items()
    ]
    zh, en = "、".join(kinds), ", ".join(kinds).replace("（", " (").replace("）", ")")
    return (
        f"该渠道只能发送：{zh}，请更换文件或用文字说明",
        f"This channel carries only: {en}; choose another file, or say it in words",
    )


def _refused(zh: str, en: str) -> Invalid:
    return Invalid(en, zh, fields=[FieldError(pointer="/attachment", message_zh=zh, message_en=en)])
