"""Rows of webhook subscriptions, of what is to be sent to them, and of every attempt to send it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from crm_bridge.webhooks.rules import URL_LENGTH, DeliveryState, Failure
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime


class WebhookRow(Row, table=True):
    """A subscription.

    Attributes:
        types: Types of events; `*` is all.
        hidden: Whether it is told of tickets that hide their citizen, too.
        origin: Host and port of `url`.
        previous_encrypted: The secret before this one, which signs too until `previous_until`.
        removed_at: Nobody sees it any more; its log stays until it is purged.
    """

    __tablename__ = "webhooks"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=60)
    url: str = Field(max_length=URL_LENGTH)
    origin: str = Field(max_length=URL_LENGTH)
    types: list[str] = Field(sa_type=JsonType)
    hidden: bool
    active: bool
    secret_encrypted: bytes
    previous_encrypted: bytes | None = None
    previous_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WebhookDeliveryRow(Row, table=True):
    """One event for one subscription.

    Attributes:
        event_id: What the receiver removes duplicates by; the same for all subscriptions and all attempts.
        key: Deliveries with one key, as those of one ticket, reach a subscription in order.
        body: Exactly what is sent.
        attempts: How often it was claimed to be sent; the number of a claim fences off one that came before.
        attempts_before: How many of them came before a person last had it sent again.
        until: After this it is given up.
        resent_at: When a person last had it sent again; such a one holds back no delivery of the first kind.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        Index("ix_webhook_deliveries_due", "webhook_id", "state", "next_at"),
        Index("ix_webhook_deliveries_order", "webhook_id", "key", "state", "id"),
        Index("ix_webhook_deliveries_state_id", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    webhook_id: int = Field(foreign_key="webhooks.id")
    event_id: str = Field(max_length=40)
    type: str = Field(max_length=60)
    key: str = Field(max_length=100)
    body: str = Field(sa_type=Text)
    state: DeliveryState = Field(sa_type=StrEnumType(DeliveryState))
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    next_at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    attempts_before: int = 0
    resent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WebhookAttemptRow(Row, table=True):
    """One time that a delivery was sent, and what came of it; nothing of the answer but its status."""

    __tablename__ = "webhook_attempts"

    delivery_id: int = Field(foreign_key="webhook_deliveries.id", primary_key=True)
    n: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    milliseconds: int
    status: int | None = None
    failure: Failure | None = Field(default=None, sa_type=StrEnumType(Failure))
