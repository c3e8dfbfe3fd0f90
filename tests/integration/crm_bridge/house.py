"""The hotline's books in one piece, over a real database, with a scripted telephone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel, col, select

from channels.attachments.incoming import Incoming
from channels.attachments.service import Attachments
from channels.contacts.rules import Contact, Message
from channels.contacts.service import Contacts
from channels.voice import contact_of
from crm_bridge.callbacks.runner import CallbackRunner
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.callbacks.tables import CallbackAttemptRow, CallbackRow, RatingRow
from crm_bridge.categories.service import Categories
from crm_bridge.intake import Intake
from crm_bridge.settings import CaseworkSettings
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.news import Destination, News
from crm_bridge.tickets.origins import Origins
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.vocabulary import TicketType
from crm_bridge.units.rules import Unit, UnitKind
from crm_bridge.units.staff import Names, Staff
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.identity import Principal, Role
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault
from telephony.calls.rules import Call, CallState, Direction
from telephony.calls.tables import CallRow
from telephony.dialer.memory import ScriptedDialer
from telephony.numbers import PhoneNumber

ZONE = ZoneInfo("Asia/Shanghai")
LI = Principal(
    user_id=1,
    number="1001",
    name="李静",
    role=Role.AGENT,
    permissions=frozenset(
        {
            "ticket.read",
            "ticket.write",
            "ticket.forward",
            "figures.read",
            "call.read",
            "catalogue.read",
        }
    ),
)
WANG = replace(LI, user_id=2, number="1002", name="王磊")
ZHOU = replace(
    LI,
    user_id=3,
    number="2001",
    name="周敏",
    role=Role.LEAD,
    permissions=LI.permissions | {"ticket.read_any", "callback.review"},
)
SUN = replace(
    ZHOU,
    user_id=4,
    number="3001",
    name="孙平",
    role=Role.DISPATCHER,
    permissions=ZHOU.permissions | {"ticket.confidential", "call.read_any"},
)
MOBILE = PhoneNumber("13800015121")
AT_ONCE = CallbackSettings(delay_seconds=0, seconds_between_calls=0, look_seconds=0.02)
FORM = NewTicket(
    type=TicketType.complaint,
    category="2005",
    title="夜间施工噪声",
    text="小区旁工地夜间施工，影响休息。",
    address="临江市滨江路 18 号",
    answer="已告知夜间施工许可规定。",
)


CGJ, GRGS, QXJD, CLOSED = "CGJ", "GRGS", "QXJD", "JYGS"
"""Units: 城管执法局, 供热公司, 桥西街道办, and one that takes no tickets any more."""
UNITS = (
    Unit(code=CGJ, name_zh="城管执法局", name_en="Urban Management", kind=UnitKind.bureau),
    Unit(code=GRGS, name_zh="供热公司", name_en="Heating Company", kind=UnitKind.utility),
    Unit(code=QXJD, name_zh="桥西街道办", name_en="Qiaoxi Office", kind=UnitKind.subdistrict),
    Unit(code=CLOSED, name_zh="旧燃公司", name_en="Old Gas", kind=UnitKind.utility, active=False),
)


class MemoryStore:
    """Keeps files in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    async def get(self, digest: str) -> bytes:
        return self.kept[digest]


@dataclass(kw_only=True)
class House:
    """Every part, wired as an installation wires it."""

    database: Database
    clock: ManualClock
    vault: Vault
    settings: CallbackSettings = AT_ONCE
    pokes: int = 0
    calls: int = 0
    dialer: ScriptedDialer = field(init=False)
    staff: Staff | None = None
    names: Names | None = None
    destinations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.dialer = ScriptedDialer(self.clock)
        self.contacts = Contacts(self.database, self.vault)
        self.ledger = Ledger(
            self.clock,
            ZONE,
            self.vault,
            News(self.clock, self.staff, [Destination(name=name) for name in self.destinations]),
        )
        self.origins = Origins(self.clock, self.vault, self.contacts)
        self.tickets = Tickets(self.database, self.clock, self.ledger, self.origins, self.poke)
        self.incoming = Incoming(self.clock, self.vault, MemoryStore(), 1024 * 1024)
        self.intake = Intake(
            self.database, self.clock, self.contacts, self.tickets, self.incoming, self.poke
        )
        self.callbacks = Callbacks(
            self.database,
            self.clock,
            self.vault,
            self.contacts,
            self.ledger,
            self.settings,
            self.settings.plan(ZONE),
            self.poke,
        )
        self.ledger.on_closing(self.callbacks.owe)
        self.attachments = Attachments(self.database, self.clock, MemoryStore(), 1024 * 1024)
        self.reader = TicketReader(
            self.database,
            self.clock,
            self.contacts,
            self.attachments,
            CaseworkSettings().writing_up,
            self.names,
        )
        self.runner = self.new_runner()

    def poke(self) -> None:
        self.pokes += 1

    def new_runner(self) -> CallbackRunner:
        return CallbackRunner(self.callbacks, self.dialer, self.settings)

    async def open(self) -> House:
        await Categories(self.database).seed()
        async with self.database.transaction() as session:
            session.add_all(UnitRow(**asdict(unit)) for unit in UNITS)
        return self

    async def ring(
        self,
        caller: PhoneNumber | None = MOBILE,
        *,
        agent: str | None = "1001",
        ended_at: datetime | None = None,
    ) -> int:
        """A citizen calls: the call log has it, the voice channel takes it in. Returns the call."""
        self.calls += 1
        now = self.clock.now()
        call = Call(
            pbx="pbx-1",
            linkedid=f"1740879000.{self.calls}",
            direction=Direction.inbound,
            state=CallState.answered,
            caller=caller,
            queue="hotline",
            agent=agent,
            offered_at=now,
        )
        row = CallRow(
            pbx=call.pbx,
            linkedid=call.linkedid,
            direction=call.direction,
            state=call.state,
            caller_encrypted=self.vault.encrypt(caller.digits) if caller else None,
            caller_digest=self.vault.digest(caller.digits) if caller else None,
            queue=call.queue,
            agent=agent,
            offered_at=now,
            answered_at=now,
            ended_at=ended_at,
        )
        async with self.database.transaction() as session:
            session.add(row)
        await self.intake.take(contact_of(call))
        assert row.id is not None
        return row.id

    async def close_a_ticket(self, form: NewTicket = FORM) -> int:
        """A citizen calls, Li writes the ticket and answers on the spot. Returns the ticket."""
        call_id = await self.ring(ended_at=self.clock.now())
        return await self.tickets.register(LI, form, call_id=call_id)

    async def ticket(self, ticket_id: int) -> TicketRow:
        async with self.database.reading() as session:
            return await session.get_one(TicketRow, ticket_id)

    async def events(self, ticket_id: int) -> list[str]:
        statement = (
            select(TicketEventRow)
            .where(TicketEventRow.ticket_id == ticket_id)
            .order_by(col(TicketEventRow.seq))
        )
        async with self.database.reading() as session:
            return [row.event.value for row in (await session.exec(statement)).all()]

    async def callback(self, ticket_id: int) -> CallbackRow:
        statement = select(CallbackRow).where(CallbackRow.ticket_id == ticket_id)
        async with self.database.reading() as session:
            return (await session.exec(statement)).one()

    async def attempts(self) -> Sequence[CallbackAttemptRow]:
        statement = select(CallbackAttemptRow).order_by(col(CallbackAttemptRow.started_at))
        async with self.database.reading() as session:
            return (await session.exec(statement)).all()

    async def ratings(self) -> list[int]:
        async with self.database.reading() as session:
            return [row.value for row in (await session.exec(select(RatingRow))).all()]

    async def outbox(self, kind: str) -> list[dict[str, object]]:
        statement = select(OutboxRow).where(OutboxRow.kind == kind).order_by(col(OutboxRow.id))
        async with self.database.reading() as session:
            return [row.body for row in (await session.exec(statement)).all()]

    async def count(self, table: type[SQLModel]) -> int:
        async with self.database.reading() as session:
            return len((await session.exec(select(table))).all())


def written(external_id: str = "form-1", phone: PhoneNumber | None = MOBILE) -> Contact:
    """A matter that came in writing."""
    return Contact(
        channel="letters",
        external_id=external_id,
        received_at=datetime.fromisoformat("2026-03-02T09:00:00+08:00"),
        phone=phone,
        message=Message(title="路灯不亮", text="滨江路路灯三天不亮。", address="滨江路"),
    )
