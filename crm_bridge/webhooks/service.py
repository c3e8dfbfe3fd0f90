"""Use cases of webhooks: who is told, and what has become of what was sent; each is one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.webhooks.fanout import Fanout, body_of
from crm_bridge.webhooks.rules import ANY, EVENT_TYPES, PING, DeliveryState, origin_of
from crm_bridge.webhooks.settings import WebhookSettings
from crm_bridge.webhooks.subscription import Form
from crm_bridge.webhooks.tables import WebhookDeliveryRow, WebhookRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, FieldError, Invalid, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from infra.kit.vault import Vault

MOST_SUBSCRIPTIONS = 100
_SECRET_BYTES = 32


class Webhooks:
    """What administrators do with subscriptions and deliveries.

    Args:
        database: Where they lie.
        clock: Gives the time.
        vault: Seals the secrets.
        fanout: Writes down what is to be sent.
        settings: What addresses are allowed.
        poke: Wakes the deliverer.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        fanout: Fanout,
        settings: WebhookSettings,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._fanout = fanout
        self._settings = settings
        self._poke = poke

    async def subscribe(
        self, principal: Principal, form: Form, key: IdempotencyKey | None = None
    ) -> tuple[int, str]:
        """Make a subscription; return its row and its secret, which is shown this once.

        Raises:
            Invalid: The address or a type is none that can be told.
            Conflict: There are too many.
        """
        origin = self._checked(form)
        async with self._database.transaction() as session:
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                row = await self._row(session, int(earlier))
                return int(earlier), self._vault.decrypt(row.secret_encrypted)
            count = select(func.count(col(WebhookRow.id))).where(
                col(WebhookRow.removed_at).is_(None)
            )
            if (await session.exec(count)).one() >= MOST_SUBSCRIPTIONS:
                raise Conflict(
                    f"there are {MOST_SUBSCRIPTIONS} subscriptions: remove one that is not needed",
                    f"订阅已达 {MOST_SUBSCRIPTIONS} 个，请先删除不用的订阅",
                )
            secret = _new_secret()
            row = WebhookRow(
                name=form.name,
                url=form.url,
                origin=origin,
                types=list(form.types),
                hidden=form.hidden,
                active=form.active,
                secret_encrypted=self._vault.encrypt(secret),
                created_at=self._clock.now(),
            )
            session.add(row)
            await session.flush()
            webhook_id = _id(row.id)
            await self._log(session, principal, "webhook.create", webhook_id, hidden=form.hidden)
            await idempotency.keep(session, key, str(webhook_id), self._clock.now())
        return webhook_id, secret

    async def change(self, principal: Principal, webhook_id: int, form: Form) -> None:
        """Change a subscription; its secret stays.

        Raises:
            NotFound: There is none.
            Invalid: The address or a type is none that can be told.
        """
        origin = self._checked(form)
        async with self._database.transaction() as session:
            row = await self._row(session, webhook_id)
            row.name, row.url, row.origin = form.name, form.url, origin
            row.types, row.hidden, row.active = list(form.types), form.hidden, form.active
            await self._log(
                session,
                principal,
                "webhook.change",
                webhook_id,
                hidden=form.hidden,
                active=form.active,
            )
        self._poke()

    async def remove(self, principal: Principal, webhook_id: int) -> None:
        """End a subscription; what it has not been sent it is not sent any more.

        Raises:
            NotFound: There is none.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, webhook_id)
            row.active, row.removed_at = False, self._clock.now()
            await session.exec(
                update(WebhookDeliveryRow)
                .where(
                    col(WebhookDeliveryRow.webhook_id) == webhook_id,
                    col(WebhookDeliveryRow.state) == DeliveryState.waiting,
                )
                .values(state=DeliveryState.dead, finished_at=self._clock.now())
            )
            await self._log(session, principal, "webhook.remove", webhook_id)

    async def rotate(self, principal: Principal, webhook_id: int) -> str:
        """Give a subscription a new secret and return it; the one before signs too for a while.

        Raises:
            NotFound: There is none.
        """
        secret = _new_secret()
        async with self._database.transaction() as session:
            row = await self._row(session, webhook_id)
            row.previous_encrypted = row.secret_encrypted
            row.previous_until = self._clock.now() + timedelta(
                hours=self._settings.old_secret_hours
            )
            row.secret_encrypted = self._vault.encrypt(secret)
            await self._log(session, principal, "webhook.rotate", webhook_id)
        return secret

    async def ping(self, principal: Principal, webhook_id: int) -> int:
        """Have a test event sent and return its delivery.

        Raises:
            NotFound: There is no such subscription.
            Conflict: It is switched off.
        """
        event_id, now = uuid4().hex, self._clock.now()
        async with self._database.transaction() as session:
            row = await self._row(session, webhook_id)
            if not row.active:
                raise Conflict("switch the subscription on first", "请先启用该订阅")
            body = body_of(event_id, PING, now, {})
            made = await self._fanout.put(session, webhook_id, event_id, PING, event_id, body)
            await self._log(session, principal, "webhook.ping", webhook_id)
        self._poke()
        return _id(made.id)

    async def resend(self, principal: Principal, delivery_id: int) -> None:
        """Have one delivery sent again, with the same id and the same bytes.

        Raises:
            NotFound: There is none.
            Conflict: Its subscription is switched off or removed.
        """
        async with self._database.transaction() as session:
            row = await session.get(WebhookDeliveryRow, delivery_id, with_for_update=True)
            if row is None:
                raise NotFound
            await self._require_active(session, row.webhook_id)
            await self._again(session, [delivery_id])
            await self._log(
                session, principal, "webhook.resend", row.webhook_id, delivery_id=delivery_id
            )
        self._poke()

    async def resend_dead(self, principal: Principal, webhook_id: int) -> int:
        """Have everything sent again that was given up for a subscription, and return how much that is.

        Raises:
            NotFound: There is no such subscription.
            Conflict: It is switched off.
        """
        async with self._database.transaction() as session:
            await self._require_active(session, webhook_id)
            dead = select(WebhookDeliveryRow.id).where(
                WebhookDeliveryRow.webhook_id == webhook_id,
                WebhookDeliveryRow.state == DeliveryState.dead,
            )
            ids = [_id(found) for found in (await session.exec(dead)).all()]
            await self._again(session, ids)
            await self._log(session, principal, "webhook.resend", webhook_id, deliveries=len(ids))
        self._poke()
        return len(ids)

    async def _again(self, session: AsyncSession, ids: Sequence[int]) -> None:
        now = self._clock.now()
        for start in range(0, len(ids), 500):
            await session.exec(
                update(WebhookDeliveryRow)
                .where(
                    col(WebhookDeliveryRow.id).in_(ids[start : start + 500]),
                    col(WebhookDeliveryRow.state) != DeliveryState.waiting,
                )
                .values(
                    state=DeliveryState.waiting,
                    next_at=now,
                    until=now + self._settings.give_up,
                    resent_at=now,
                    attempts_before=WebhookDeliveryRow.attempts,
                    finished_at=None,
                    leased_until=None,
                )
            )
            # One that still waits is only sent sooner; it keeps its place before the younger ones.
            await session.exec(
                update(WebhookDeliveryRow)
                .where(
                    col(WebhookDeliveryRow.id).in_(ids[start : start + 500]),
                    col(WebhookDeliveryRow.leased_until).is_(None),
                )
                .values(next_at=now)
            )

    async def _require_active(self, session: AsyncSession, webhook_id: int) -> None:
        if not (await self._row(session, webhook_id)).active:
            raise Conflict("switch the subscription on first", "请先启用该订阅")

    async def _row(self, session: AsyncSession, webhook_id: int) -> WebhookRow:
        row = await session.get(WebhookRow, webhook_id, with_for_update=True)
        if row is None or row.removed_at is not None:
            raise NotFound
        return row

    def _checked(self, form: Form) -> str:
        unknown = sorted(set(form.types) - {ANY, *EVENT_TYPES})
        if unknown:
            known = ", ".join([*EVENT_TYPES, ANY])
            raise _field("/types", f"Choose among {known}", f"请从以下类型中选择：{known}")
        try:
            return origin_of(
                form.url,
                allow_http=self._settings.allow_http,
                allow_private=self._settings.allow_private,
            )
        except Invalid as error:
            raise _field("/url", error.detail_en, error.detail_zh) from None

    async def _log(
        self,
        session: AsyncSession,
        principal: Principal,
        action: str,
        webhook_id: int,
        **detail: object,
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action=action,
            subject=f"webhook:{webhook_id}",
            detail=dict(detail),
        )


def _field(pointer: str, en: str, zh: str) -> Invalid:
    return Invalid(fields=[FieldError(pointer=pointer, message_zh=zh, message_en=en)])


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(_SECRET_BYTES)}"


def _id(value: int | None) -> int:
    assert value is not None  # noqa: S101  # a stored row has its id
    return value
