"""Webhooks over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_bridge.forms import Id, Text
from crm_bridge.webhooks.reading import WebhookReader
from crm_bridge.webhooks.rules import URL_LENGTH, DeliveryState
from crm_bridge.webhooks.service import Webhooks
from crm_bridge.webhooks.subscription import Form
from crm_bridge.webhooks.views import (
    DeliveryDetail,
    DeliveryPage,
    NewWebhookView,
    Resent,
    SecretView,
    WebhookList,
    WebhookView,
)
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

MANAGE = "webhook.manage"


class WebhookBody(ApiModel):
    """A subscription; `hidden` ones are told of tickets that hide their citizen, too (ids and states only)."""

    name: Text = Field(min_length=1, max_length=60)
    url: Text = Field(min_length=1, max_length=URL_LENGTH)
    types: list[Annotated[str, Field(max_length=60)]] = Field(min_length=1, max_length=20)
    hidden: bool = False
    active: bool = True

    def form(self) -> Form:
        """Return the subscription that is asked for."""
        return Form(
            name=self.name,
            url=self.url,
            types=sorted(set(self.types)),
            hidden=self.hidden,
            active=self.active,
        )


class DeliveryQuery(ApiModel):
    """Which deliveries to list."""

    webhook_id: Id | None = None
    state: DeliveryState | None = None
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


def routes(webhooks: Webhooks, reader: WebhookReader) -> Routes:
    """Return the endpoints of webhooks."""
    api = Routes(tag="webhooks")
    _subscriptions(api, webhooks, reader)
    _deliveries(api, webhooks, reader)
    return api


def _subscriptions(api: Routes, webhooks: Webhooks, reader: WebhookReader) -> None:
    @api.get("/api/v1/webhooks", permission=MANAGE)
    async def every() -> WebhookList:
        """List every subscription."""
        return await reader.all()

    @api.post("/api/v1/webhooks", permission=MANAGE, status=201, idempotent=True)
    async def subscribe(
        principal: Principal, body: WebhookBody, idempotency: IdempotencyKey | None
    ) -> NewWebhookView:
        """Tell another system what happens; its secret is shown in this answer only."""
        webhook_id, secret = await webhooks.subscribe(principal, body.form(), idempotency)
        return NewWebhookView(**dict(await reader.show(webhook_id)), secret=secret)

    @api.get("/api/v1/webhooks/{webhook_id}", permission=MANAGE)
    async def show(webhook_id: int) -> WebhookView:
        """Show a subscription."""
        return await reader.show(webhook_id)

    @api.put("/api/v1/webhooks/{webhook_id}", permission=MANAGE)
    async def change(principal: Principal, webhook_id: int, body: WebhookBody) -> WebhookView:
        """Change a subscription, or switch it off and on."""
        await webhooks.change(principal, webhook_id, body.form())
        return await reader.show(webhook_id)

    @api.delete("/api/v1/webhooks/{webhook_id}", permission=MANAGE)
    async def remove(principal: Principal, webhook_id: int) -> None:
        """End a subscription."""
        await webhooks.remove(principal, webhook_id)

    @api.post("/api/v1/webhooks/{webhook_id}/secret", permission=MANAGE)
    async def rotate(principal: Principal, webhook_id: int) -> SecretView:
        """Give a subscription a new secret; the one before signs too for a while."""
        secret = await webhooks.rotate(principal, webhook_id)
        return SecretView(
            secret=secret, old_secret_until=(await reader.show(webhook_id)).old_secret_until
        )

    @api.post("/api/v1/webhooks/{webhook_id}/ping", permission=MANAGE)
    async def ping(principal: Principal, webhook_id: int) -> DeliveryDetail:
        """Send a test event."""
        return await reader.delivery(await webhooks.ping(principal, webhook_id))

    @api.post("/api/v1/webhooks/{webhook_id}/resend", permission=MANAGE)
    async def resend_dead(principal: Principal, webhook_id: int) -> Resent:
        """Send again, in their order, all deliveries to a subscription that were given up."""
        return Resent(deliveries=await webhooks.resend_dead(principal, webhook_id))


def _deliveries(api: Routes, webhooks: Webhooks, reader: WebhookReader) -> None:
    @api.get("/api/v1/webhooks/deliveries", permission=MANAGE)
    async def page(query: DeliveryQuery) -> DeliveryPage:
        """List deliveries, the youngest first."""
        return await reader.page(
            webhook_id=query.webhook_id, state=query.state, cursor=query.cursor, limit=query.limit
        )

    @api.get("/api/v1/webhooks/deliveries/{delivery_id}", permission=MANAGE)
    async def delivery(delivery_id: int) -> DeliveryDetail:
        """Show a delivery with every attempt to send it."""
        return await reader.delivery(delivery_id)

    @api.post("/api/v1/webhooks/deliveries/{delivery_id}/resend", permission=MANAGE)
    async def resend(principal: Principal, delivery_id: int) -> DeliveryDetail:
        """Send one delivery again, with the same id."""
        await webhooks.resend(principal, delivery_id)
        return await reader.delivery(delivery_id)
