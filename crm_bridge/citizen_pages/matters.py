"""A citizen's own tickets on the pages: found by number and telephone number, or opened by a pass; and rated.

Ticket numbers can be counted up. So a number alone opens nothing, wrong ones are counted, and a ticket that hides its
citizen is found only by who shows that the telephone is his: to everybody else it is not there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.written import WrittenRating, WrittenRatings
from crm_bridge.citizen_pages.gate import DAY, HOUR, Count, Gate, Solved
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.citizen_pages.rules import Purpose
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizens.belongings import own_citizen
from crm_bridge.citizens.service import number_digests
from crm_bridge.progress.reading import progress_of
from crm_bridge.progress.rules import TicketProgress
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber


class NoSuchMatter(NotFound):
    """Nothing is found by what was entered; whether something is there is not told."""

    slug = "no-such-matter"
    title_zh = (
        "没有找到对应的诉求，请核对工单号和手机号；举报或要求保密的诉求，请先用短信验证码验证手机号"
    )
    title_en = (
        "Nothing was found: check both numbers. For a report of wrongdoing or a matter kept secret, "
        "first show by a code that the telephone is yours"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """By what a citizen asks for his ticket: a telephone number, or the query code of one who left none.

    Attributes:
        number: Of the ticket.
        phone: Of the citizen; None when he asks by code.
        query_code: As he was told it; empty when he asks by telephone number.
        phone_pass: Shows that the number is his; may be empty.
    """

    number: str
    phone: PhoneNumber | None
    query_code: str = field(default="", repr=False)
    phone_pass: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A ticket that was found, and the pass by which this telephone opens it again."""

    progress: TicketProgress
    ticket_pass: str = field(repr=False)


class Matters:
    """Shows citizens their tickets.

    Args:
        database: Where they lie.
        vault: Makes the digests of numbers.
        gate: Lets people in.
        passes: Opens tickets.
        ratings: Takes ratings.
        settings: How often may be asked.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        gate: Gate,
        passes: Passes,
        ratings: WrittenRatings,
        settings: CitizenPageSettings,
    ) -> None:
        self._database = database
        self._vault = vault
        self._gate = gate
        self._passes = passes
        self._ratings = ratings
        self._settings = settings

    async def find(self, asked: Asked, solved: Solved, address: str) -> Opened:
        """Return the ticket that a citizen asks for.

        Raises:
            NoSuchMatter: Nothing is found by what was entered.
            ProofRefused: The proof of work does not hold.
            TooMany: It was asked too often, or wrongly too often.
        """
        await self._gate.require_room(self._miss(address))
        await self._gate.admit(Purpose.progress, solved, address, self._counts(asked, address))
        async with self._database.reading() as session:
            ticket_id = await self._found(session, asked)
            progress = await progress_of(session, ticket_id) if ticket_id else None
        if ticket_id is None or progress is None:
            await self._gate.count(self._miss(address))
            raise NoSuchMatter
        return Opened(progress=progress, ticket_pass=self._passes.of_ticket(ticket_id))

    async def open(self, ticket_pass: str) -> Opened:
        """Return the ticket that a pass opens.

        Raises:
            PassRefused: It opens none, or does not any more.
            NotFound: The ticket is gone.
        """
        ticket_id = self._passes.ticket(ticket_pass)
        async with self._database.reading() as session:
            return Opened(progress=await progress_of(session, ticket_id), ticket_pass=ticket_pass)

    async def rate(self, ticket_pass: str, said: WrittenRating, key: IdempotencyKey | None) -> int:
        """Keep what a citizen says of the ticket that his pass opens, and return the rating that stands.

        Raises:
            PassRefused: It opens none, or does not any more.
            CannotRate: The ticket is not finished, or was rated before.
        """
        ticket_id = self._passes.ticket(ticket_pass)
        if key is not None:
            # Sent again it may come from another network: whoever holds the pass is the same sender.
            key = replace(key, scope=f"citizen rating {ticket_id}")
        return await self._ratings.rate(ticket_id, said, key=key)

    async def _found(self, session: AsyncSession, asked: Asked) -> int | None:
        statement = select(TicketRow).where(TicketRow.number == asked.number)
        ticket = (await session.exec(statement)).one_or_none()
        if ticket is None:
            return None
        # Whoever was found to be one person may ask by each of his numbers; what was anonymous stays so.
        own = await own_citizen(session, ticket)
        digests = {} if own is None else await number_digests(session, own)
        if asked.phone is None:
            anonymous = own not in digests and ticket.callback_phone_encrypted is None
            fits = anonymous and self._passes.fits_query_code(asked.query_code, ticket.number)
        else:
            fits = self._is_whose(ticket, digests.values(), asked.phone)
            if ticket.confidential or ticket.type is TicketType.report:
                fits = fits and self._passes.shows_phone(asked.phone_pass, asked.phone)
        return ticket.id if fits else None

    def _is_whose(self, ticket: TicketRow, digests: Collection[str], phone: PhoneNumber) -> bool:
        if self._vault.digest(phone.digits) in digests:
            return True
        sealed = ticket.callback_phone_encrypted
        return sealed is not None and self._vault.decrypt(sealed) == phone.digits

    def _miss(self, address: str) -> Count:
        most = self._settings.misses_per_address
        return Count(what="miss", who=address, most=most, span=HOUR)

    def _counts(self, asked: Asked, address: str) -> list[Count]:
        settings = self._settings
        counts = [Count(what="lookup", who=address, most=settings.lookups_per_address)]
        if asked.phone is not None:
            counts.append(
                Count(
                    what="lookup_phone",
                    who=asked.phone.digits,
                    most=settings.lookups_per_phone,
                    span=DAY,
                )
            )
        return counts
