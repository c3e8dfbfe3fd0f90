"""Who is shown whose a ticket is: special grants and revealed numbers, each written to the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.tickets.access import sees_citizen
from crm_bridge.tickets.actions import may_reveal
from crm_bridge.tickets.casebook import require_party
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.refusals import unfit
from crm_bridge.tickets.tables import TicketGrantRow, TicketRow
from crm_bridge.units.staff import Staff
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_OF_UNITS = frozenset({Role.UNIT_CLERK, Role.UNIT_HEAD})
_OTHERS = frozenset(Role) - _OF_UNITS


class Confidences:
    """Opens what is hidden, for a while or for once.

    Args:
        database: Where it lies.
        clock: Tells how long a grant holds.
        ledger: Knows the tickets.
        contacts: Knows the citizens.
        vault: Opens the number to call back.
        staff: Knows who has an account, and who works for a unit.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        contacts: Contacts,
        vault: Vault,
        staff: Staff,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._contacts = contacts
        self._vault = vault
        self._staff = staff

    async def grant(
        self,
        principal: Principal,
        ticket_id: int,
        *,
        person: str,
        hours: int,
        reason: str,
        key: IdempotencyKey | None = None,
    ) -> datetime:
        """Let one person see whose a confidential ticket is, and return until when.

        Args:
            principal: Who lets him.
            ticket_id: Row of the ticket.
            person: 工号 of who may see it.
            hours: For how long.
            reason: Why.
            key: Sent again, the same key grants nothing more.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see, or he would grant it to himself.
            Invalid: Nobody with that number may log in, or he works for a unit.
        """
        if person == principal.number:
            raise Forbidden("a grant is for another person", "不能授权给自己，请由他人授权")
        now = self._clock.now()
        until = now + timedelta(hours=hours)
        async with self._database.transaction() as session:
            require_party(principal, await self._ledger.case(session, ticket_id))
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                return (await session.get_one(TicketGrantRow, int(earlier))).until
            await self._require_grantee(session, person)
            row = TicketGrantRow(
                ticket_id=ticket_id,
                person=person,
                until=until,
                granted_by=principal.number,
                granted_at=now,
                reason=reason,
            )
            session.add(row)
            await session.flush()
            await idempotency.keep(session, key, str(row.id), now)
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="ticket.citizen_granted",
                subject=f"ticket:{ticket_id}",
                detail={"person": person, "hours": hours},
            )
        return until

    async def _require_grantee(self, session: AsyncSession, person: str) -> None:
        """Return if a grant would let this person see anything: the people of units see it not even then."""
        if person in await self._staff.with_roles(session, _OF_UNITS):
            raise unfit(
                "/user_number",
                "承办单位人员不得查看保密诉求人，请授权给中心人员",
                "People of units never see a hidden citizen, grant it to somebody of the centre",
            )
        if person not in await self._staff.with_roles(session, _OTHERS):
            raise unfit(
                "/user_number",
                "没有这个工号，或账号已停用，请核对",
                "Nobody has this number, or the account is disabled; check it",
            )

    async def reveal_number(self, principal: Principal, ticket_id: int, purpose: str) -> str:
        """Return the number at which the citizen is reached, in full.

        Raises:
            NotFound: There is no such ticket, or no number is known.
            Forbidden: This person may not know it: it is hidden, or his unit does not have the ticket any more.
        """
        async with self._database.transaction() as session:
            case = await self._ledger.case(session, ticket_id)
            require_party(principal, case)
            known = await sees_citizen(session, principal, case.ticket, self._clock.now())
            if not known or not may_reveal(principal, case.ticket, case.life):
                raise Forbidden("you may not know this number", "您无权查看该号码")
            row = await session.get_one(TicketRow, ticket_id)
            number = None
            if row.callback_phone_encrypted is not None:
                number = PhoneNumber(self._vault.decrypt(row.callback_phone_encrypted))
            elif row.citizen_id is not None:
                number = (await self._contacts.citizen(session, row.citizen_id)).phone
            if number is None:
                raise NotFound("no number is known", "没有留下号码")
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="ticket.number_revealed",
                subject=f"ticket:{ticket_id}",
                detail={"purpose": purpose},
            )
        return number.digits
