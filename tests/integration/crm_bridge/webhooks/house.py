"""Webhooks in one piece, over a real database: subscriptions, fan-out, deliverers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from sqlmodel import col, select

from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType, Urgency
from crm_bridge.webhooks.deliverer import Deliverer
from crm_bridge.webhooks.fanout import Fanout
from crm_bridge.webhooks.reading import WebhookReader
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.service import Webhooks
from crm_bridge.webhooks.settings import WebhookSettings
from crm_bridge.webhooks.subscription import Form
from crm_bridge.webhooks.tables import WebhookAttemptRow, WebhookDeliveryRow
from infra.kit import outbox
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.identity import Principal, Role
from infra.kit.relay import Relay
from infra.kit.vault import Vault

ADMINISTRATOR = Principal(
    user_id=9,
    number="9001",
    name="何宁",
    role=Role.ADMINISTRATOR,
    permissions=frozenset({"webhook.manage"}),
)
LOOPBACK = WebhookSettings(allow_http=True, allow_private=True, timeout_seconds=5)


@dataclass(kw_only=True)
class Switchboard:
    """Every part of webhooks, wired as an installation wires it."""

    database: Database
    clock: ManualClock
    vault: Vault
    settings: WebhookSettings = LOOPBACK
    versions: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fanout = Fanout(self.clock, self.settings.give_up, lambda: None)
        self.relay = Relay(
            self.database,
            self.clock,
            {"webhook": self.fanout.deliver},
            registry=CollectorRegistry(),
        )
        self.webhooks = Webhooks(
            self.database, self.clock, self.vault, self.fanout, self.settings, lambda: None
        )
        self.reader = WebhookReader(self.database, self.clock)

    def sender(self) -> Sender:
        return Sender(self.clock, self.settings)

    def deliverer(
        self, sender: Sender | None = None, *, lease: timedelta | None = None
    ) -> Deliverer:
        return Deliverer(
            self.database,
            self.clock,
            self.vault,
            sender or self.sender(),
            self.settings,
            registry=CollectorRegistry(),
            lease=lease,
            idle_seconds=0.02,
        )

    async def ticket(self, ticket_id: int, **changes: Any) -> None:
        """There is a ticket; how it came about is not what is tested here."""
        row = TicketRow(
            id=ticket_id,
            number=f"20260302-{ticket_id:06d}",
            type=TicketType.complaint,
            category="2005",
            title="夜间施工噪声",
            text="小区旁工地夜间施工，影响休息。",
            address="临江市滨江路 18 号",
            urgency=Urgency.normal,
            confidential=False,
            call_me_not=False,
            created_at=self.clock.now(),
            state=TicketState.registered,
            round=1,
            version=1,
        )
        async with self.database.transaction() as session:
            for name, value in changes.items():
                setattr(row, name, value)
            session.add(row)

    async def subscribe(self, url: str, *types: str, **more: Any) -> tuple[int, str]:
        """Return a new subscription's row and secret."""
        form = Form(name="省平台", url=url, types=types or ("*",), **more)
        return await self.webhooks.subscribe(ADMINISTRATOR, form)

    async def happen(self, *ticket_ids: int, kind: str = "ticket.changed", **data: Any) -> None:
        """Something happens to tickets, one after the other; it is fanned out."""
        for ticket_id in ticket_ids:
            self.versions[ticket_id] = self.versions.get(ticket_id, 0) + 1
            facts = {"ticket_id": ticket_id, "version": self.versions[ticket_id], **data}
            async with self.database.transaction() as session:
                await outbox.put(
                    session,
                    self.clock,
                    destination="webhook",
                    kind=kind,
                    key=f"ticket:{ticket_id}",
                    body={"data": facts},
                )
        while await self.relay.run_once():
            pass

    async def send(self) -> int:
        """Send until nothing is due any more, and return how many requests that took."""
        sent = 0
        async with self.sender() as sender:
            deliverer = self.deliverer(sender)
            while now := await deliverer.run_once():
                sent += now
        return sent

    async def deliveries(self) -> list[WebhookDeliveryRow]:
        statement = select(WebhookDeliveryRow).order_by(col(WebhookDeliveryRow.id))
        async with self.database.reading() as session:
            return list((await session.exec(statement)).all())

    async def states(self) -> list[str]:
        return [row.state.value for row in await self.deliveries()]

    async def log(self) -> list[WebhookAttemptRow]:
        statement = select(WebhookAttemptRow).order_by(
            col(WebhookAttemptRow.delivery_id), col(WebhookAttemptRow.n)
        )
        async with self.database.reading() as session:
            return list((await session.exec(statement)).all())
