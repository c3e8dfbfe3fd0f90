"""Subscriptions and deliveries as the API shows them."""

from __future__ import annotations

from datetime import datetime

from crm_bridge.webhooks.rules import DeliveryState, Failure
from infra.kit.http import ApiModel


class WebhookView(ApiModel):
    """A subscription; `waiting` and `dead` count its deliveries in those states."""

    id: int
    name: str
    url: str
    types: list[str]
    hidden: bool
    active: bool
    created_at: datetime
    old_secret_until: datetime | None
    waiting: int
    dead: int
    oldest_waiting_at: datetime | None


class NewWebhookView(WebhookView):
    """A subscription that was just made, with its secret, which is shown this once."""

    secret: str


class WebhookList(ApiModel):
    """Every subscription; there are never more than a hundred."""

    items: list[WebhookView]


class SecretView(ApiModel):
    """A new secret, shown this once; the one before signs too until `old_secret_until`."""

    secret: str
    old_secret_until: datetime | None


class AttemptView(ApiModel):
    """One time that a delivery was sent; `failure` is null when the receiver took it."""

    n: int
    at: datetime
    milliseconds: int
    status: int | None
    failure: Failure | None


class DeliveryView(ApiModel):
    """One event for one subscription, with the last attempt to send it."""

    id: int
    webhook_id: int
    event_id: str
    type: str
    key: str
    state: DeliveryState
    created_at: datetime
    next_at: datetime | None
    finished_at: datetime | None
    attempts: int
    resent_at: datetime | None
    last: AttemptView | None


class DeliveryDetail(DeliveryView):
    """A delivery with what is sent and every attempt."""

    body: str
    log: list[AttemptView]


class DeliveryPage(ApiModel):
    """A part of the deliveries, the youngest first; `next_cursor` is null on the last."""

    items: list[DeliveryView]
    next_cursor: str | None


class Resent(ApiModel):
    """How many deliveries are sent again."""

    deliveries: int
