"""A town with units, their people and tickets, whose supervision is wired as an installation wires it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from agent_console.accounts.rules import PERMISSIONS
from agent_console.accounts.staff import AccountStaff
from agent_console.accounts.tables import UserRow
from channels.attachments.service import Attachments
from channels.attachments.store import FolderStore
from channels.contacts.rules import CitizenKind
from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.supervision.book import LedgerBook
from crm_bridge.supervision.documents.fonts import Fonts
from crm_bridge.supervision.issuing import Issuing
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.paper import Listing, Meeting, NewPaper
from crm_bridge.supervision.reading import PaperReader
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.supervision.service import Supervision
from crm_bridge.supervision.settings import SupervisionSettings
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from crm_bridge.supervision.wording import Wording
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.rules import UnitKind
from crm_bridge.units.tables import UnitRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.identity import Principal, Role
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
TITLE = "李明投诉夜间施工噪声"
TEXT = "我是李明，住在桂花小区5栋402室，电话13800015121，工地通宵施工。"
ADDRESS = "临江市桂花小区5栋402室"
SECRETS = ("李明", "13800015121", "402室", "夜间施工", "桂花小区", "工地通宵施工", "噪声")
UNITS = {"CGJ": "城市管理行政执法局", "ZJJ": "住房和城乡建设局", "QXJ": "桥西街道办事处"}
PEOPLE = {
    "3001": (Role.DISPATCHER, None),
    "3002": (Role.DISPATCHER, None),
    "4001": (Role.UNIT_CLERK, "CGJ"),
    "4002": (Role.UNIT_HEAD, "CGJ"),
    "4101": (Role.UNIT_CLERK, "ZJJ"),
    "4201": (Role.UNIT_CLERK, None),
    "5001": (Role.LEADER, None),
    "6001": (Role.ANALYST, None),
    "1001": (Role.AGENT, None),
}


def principal(number: str) -> Principal:
    role, unit = PEOPLE[number]
    return Principal(
        user_id=int(number),
        number=number,
        name=f"某{number}",
        role=role,
        permissions=PERMISSIONS[role],
        unit=unit,
    )


SUN, QIAN = principal("3001"), principal("3002")
CLERK, HEAD, OTHER, HOMELESS = (principal(n) for n in ("4001", "4002", "4101", "4201"))
LEADER, ANALYST, AGENT = (principal(n) for n in ("5001", "6001", "1001"))


@dataclass(kw_only=True)
class Town:
    """Everything about supervision, over a real database."""

    database: Database
    clock: ManualClock
    vault: Vault
    folder: Path
    pokes: int = 0
    tickets: int = 0

    def __post_init__(self) -> None:
        settings = SupervisionSettings(telephone="0571-12345")
        self.calendars = Calendars(self.database, self.clock, ZONE, DeadlineSettings().hours())
        notices = Notices(self.clock, AccountStaff())
        wording = Wording(settings.issuer_in("临江市"), settings.telephone, ZONE)
        contacts = Contacts(self.database, self.vault)
        issuing = Issuing(
            self.clock,
            ZONE,
            settings,
            wording,
            contacts,
            self.calendars,
            notices,
        )
        self.attachments = Attachments(
            self.database, self.clock, FolderStore(self.folder), 1_000_000
        )
        self.supervision = Supervision(
            self.database,
            self.clock,
            settings,
            issuing,
            notices,
            self.attachments,
            contacts,
            self.poke,
        )
        self.reader = PaperReader(self.database, self.clock, ZONE, self.attachments, Fonts())
        self.book = LedgerBook(self.database, self.clock, ZONE)

    def poke(self) -> None:
        self.pokes += 1

    async def open(self) -> Town:
        async with self.database.transaction() as session:
            session.add(CategoryRow(code="2005", name_zh="噪声扰民", name_en="Noise"))
            for code, name in UNITS.items():
                session.add(
                    UnitRow(code=code, name_zh=name, name_en=code.title(), kind=UnitKind.bureau)
                )
            await session.flush()
            for number, (role, unit) in PEOPLE.items():
                session.add(
                    UserRow(
                        number=number,
                        name=f"某{number}",
                        role=role,
                        unit=unit,
                        password_hash="-",
                        created_at=self.clock.now(),
                    )
                )
        await self.calendars.seed()
        return self

    async def ticket(
        self,
        *,
        type: TicketType = TicketType.complaint,
        confidential: bool = False,
        title: str = TITLE,
        units: Sequence[str] = ("CGJ",),
        state: TicketState = TicketState.in_hand,
    ) -> int:
        """A ticket of Li Ming's that its units have and are late with."""
        self.tickets += 1
        now = self.clock.now()
        citizen = CitizenRow(
            kind=CitizenKind.person,
            name_encrypted=self.vault.encrypt("李明"),
            phone_encrypted=self.vault.encrypt("13800015121"),
            phone_digest=f"{self.tickets:064}",
            first_seen_at=now,
        )
        async with self.database.transaction() as session:
            session.add(citizen)
            await session.flush()
            ticket = TicketRow(
                number=f"20260302-{self.tickets:06}",
                type=type,
                category="2005",
                title=title,
                text=TEXT,
                address=ADDRESS,
                urgency=Urgency.normal,
                confidential=confidential,
                call_me_not=False,
                citizen_id=citizen.id,
                agent="1001",
                created_at=now,
                state=state,
                round=1,
                version=3,
            )
            session.add(ticket)
            await session.flush()
            assert ticket.id is not None
            for n, unit in enumerate(units, start=1):
                session.add(
                    AssignmentRow(
                        ticket_id=ticket.id,
                        n=n,
                        round=1,
                        unit=unit,
                        role=AssignmentRole.lead if n == 1 else AssignmentRole.helper,
                        state=AssignmentState.in_hand,
                        designated=False,
                        dispatched_at=now - timedelta(days=14),
                        sign_due_at=now - timedelta(days=14),
                        due_at=now - timedelta(days=1),
                        due_provisional=False,
                        limit="10wd",
                        category="2005",
                        channel="voice",
                        type=type,
                    )
                )
        return ticket.id

    async def raise_to(
        self, ticket_id: int, rung: Rung, cause: Cause = Cause.overdue, n: int = 1
    ) -> int:
        """A rule asks for a paper, in a transaction of its own."""
        async with self.database.transaction() as session:
            statement = select(AssignmentRow).where(
                AssignmentRow.ticket_id == ticket_id, AssignmentRow.n == n
            )
            assignment = (await session.exec(statement)).one()
            return await self.supervision.raise_to(session, assignment, rung, cause)

    async def paper(self, paper_id: int) -> PaperRow:
        async with self.database.reading() as session:
            return await session.get_one(PaperRow, paper_id)

    async def papers(self) -> Sequence[PaperRow]:
        async with self.database.reading() as session:
            return (await session.exec(select(PaperRow).order_by(col(PaperRow.id)))).all()

    async def recipients(self, paper_id: int) -> Sequence[RecipientRow]:
        statement = select(RecipientRow).where(RecipientRow.paper_id == paper_id)
        async with self.database.reading() as session:
            return (await session.exec(statement)).all()

    async def told(self, kind: str) -> list[dict[str, Any]]:
        statement = select(OutboxRow).where(OutboxRow.kind == kind).order_by(col(OutboxRow.id))
        async with self.database.reading() as session:
            return [row.body for row in (await session.exec(statement)).all()]

    async def audited(self) -> list[tuple[str | None, str, str]]:
        async with self.database.reading() as session:
            rows = (await session.exec(select(AuditRow).order_by(col(AuditRow.id)))).all()
        return [
            (row.actor, row.action, row.subject)
            for row in rows
            if row.action.startswith("supervision.")
        ]


def new_paper(ticket_id: int, rung: Rung = Rung.order, **more: Any) -> NewPaper:
    meeting = Meeting(
        at=datetime(2026, 3, 5, 9, 30, tzinfo=ZONE),
        place="三楼会议室",
        participants=("分管负责人",),
    )
    filled: dict[str, Any] = {
        "n": 1,
        "main": ("CGJ",),
        "copies": (),
        "grounds": "该工单多次催办仍未办结",
        "meeting": meeting if rung is Rung.meeting else None,
        "listing": Listing(leader="局长 张三", measures=("停止夜间施工",))
        if rung is Rung.listed
        else None,
    }
    return NewPaper(rung=rung, ticket_id=ticket_id, **filled | more)
