"""Takes in what the mini program sends: files, then the report that they belong to, once however often it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from channels.attachments.incoming import CITIZEN
from channels.attachments.service import Attachment, Attachments
from channels.contacts.rules import Contact, Received
from channels.contacts.tables import ContactRow
from channels.wechat.settings import WeChatMiniSettings
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.citizen_pages.gate import Count, Gate
from crm_bridge.mini_program.people import Person
from crm_bridge.mini_program.rules import (
    CHANNEL,
    Report,
    contact_of,
    external_id,
    problem,
)
from crm_bridge.mini_program.tables import MiniFileRow, MiniReportRow
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Invalid, TryLater
from infra.kit.identity import Principal, Role

_SENDER = Principal(user_id=0, number=CITIZEN, name="", role=Role.MACHINE, permissions=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one citizen may send in an hour."""

    reports: int
    files: int

    @classmethod
    def of(cls, settings: WeChatMiniSettings) -> Limits:
        """Return those of the settings."""
        return cls(reports=settings.reports_per_hour, files=settings.files_per_hour)


class Reports:
    """Takes in reports.

    Args:
        database: Where is kept whose they are.
        clock: Gives the time at which something comes.
        gate: Counts what somebody sends.
        attachments: Takes files.
        take: Takes a contact in, once however often it is delivered.
        limits: How much is taken.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gate: Gate,
        attachments: Attachments,
        take: Callable[[Contact], Awaitable[Received]],
        limits: Limits,
    ) -> None:
        self._database = database
        self._clock = clock
        self._gate = gate
        self._attachments = attachments
        self._take = take
        self._limits = limits

    @property
    def file_bytes(self) -> int:
        """The most bytes of a file."""
        return self._attachments.limit

    async def take_file(self, person: Person, name: str, content: bytes) -> Attachment:
        """Keep a file for a report that is still being written.

        Raises:
            TooMany: Too many have come from this citizen within the hour.
            TooLarge: It has more bytes than are taken.
            Invalid: It is empty or of a type that is not taken.
            TryLater: There is no room for it.
        """
        await self._gate.count(Count(what="mini_file", who=person.digest, most=self._limits.files))
        taken = await self._attachments.take(_SENDER, name, content)
        row = MiniFileRow(attachment_id=taken.id, person=person.digest, at=self._clock.now())
        async with self._database.transaction() as session:
            session.add(row)
        return taken

    async def file(self, person: Person, report: Report) -> str:
        """Take a report in and return the number of its ticket.

        Raises:
            Invalid: A file is not his, the category does not exist, or nothing is left of the text.
            TooMany: Too many have come from this citizen within the hour.
            TryLater: It is kept, but has no number yet; sent again under the same key it will.
        """
        name = external_id(person.digest, report.key)
        # What came before costs nothing more: its answer was lost on the way.
        if (number := await self._number(name)) is not None:
            return number
        await self._require(person, report)
        aliases = (person.unionid,) if person.unionid else ()
        contact = contact_of(report, person.digest, person.openid, aliases, self._clock.now())
        await self._gate.count(
            Count(what="mini_report", who=person.digest, most=self._limits.reports)
        )
        await self._own(person, name)
        received = await self._take(contact)
        number = received.ticket_number or await self._number(name)
        if number is None:
            raise TryLater("it is kept, its number comes in a moment", "已收到，正在生成工单号")
        return number

    async def _own(self, person: Person, name: str) -> None:
        # Before the contact: a report that nobody knows to be his could not be found by him again.
        row = MiniReportRow(external_id=name, person=person.digest, at=self._clock.now())
        try:
            async with self._database.transaction() as session:
                if await session.get(MiniReportRow, name) is None:
                    session.add(row)
        except IntegrityError:
            pass  # the same report is being sent twice at once, and the other one has just written it

    async def _require(self, person: Person, report: Report) -> None:
        wrong = []
        async with self._database.reading() as session:
            if report.category and await session.get(CategoryRow, report.category) is None:
                wrong.append(
                    problem(
                        "/category", "没有这个分类，请重新选择", "No such category, choose another"
                    )
                )
            owned = select(MiniFileRow.attachment_id).where(
                MiniFileRow.person == person.digest,
                col(MiniFileRow.attachment_id).in_(report.attachments),
            )
            known = set((await session.exec(owned)).all())
        wrong += [
            problem(
                f"/attachments/{position}",
                "该文件不存在或已过期，请重新上传",
                "No such file, or it is gone; send it anew",
            )
            for position in _strangers(report.attachments, known)
        ]
        if wrong:
            raise Invalid(fields=wrong)

    async def _number(self, name: str) -> str | None:
        statement = (
            select(TicketRow.number)
            .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
            .join(ContactRow, col(ContactRow.id) == TicketContactRow.contact_id)
            .where(ContactRow.channel == CHANNEL, ContactRow.external_id == name)
            .order_by(col(TicketRow.id))
            .limit(1)
        )
        async with self._database.reading() as session:
            return (await session.exec(statement)).one_or_none()


def _strangers(attachments: Sequence[int], known: set[int]) -> list[int]:
    """Return the positions of the files that are not his, and of those that are named twice."""
    return [
        position
        for position, one in enumerate(attachments)
        if one not in known or one in attachments[:position]
    ]
