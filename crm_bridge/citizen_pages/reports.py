"""Takes in what citizens fill in on the pages: a matter or a letter, once however often it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from sqlmodel import col, select

from channels.contacts.rules import Contact, Received
from channels.contacts.tables import ContactRow
from channels.web_form.rules import Form, FormKind, channel_of, contact_of, external_id
from crm_bridge.citizen_pages.gate import DAY, Count, Gate, Solved
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.citizen_pages.rules import ProofRefused, Purpose
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.uploads import Uploads
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound, TryLater


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What the citizen is told of what he has sent.

    Attributes:
        number: Of his ticket.
        query_code: By which he asks for it when he has left no number; None otherwise.
        ticket_pass: Opens the ticket on this telephone.
    """

    number: str
    query_code: str | None = field(repr=False)
    ticket_pass: str = field(repr=False)


class Reports:
    """Takes in reports.

    Args:
        database: Where is looked for what came before.
        clock: Gives the time at which something comes.
        gate: Lets people in.
        uploads: Knows the files that were sent before.
        passes: Shows whose a number is, and makes what opens a ticket.
        take: Takes a contact in, once however often it is delivered.
        settings: How much is taken.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gate: Gate,
        uploads: Uploads,
        passes: Passes,
        take: Callable[[Contact], Awaitable[Received]],
        settings: CitizenPageSettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._gate = gate
        self._uploads = uploads
        self._passes = passes
        self._take = take
        self._settings = settings

    async def file(
        self, form: Form, tokens: list[str], phone_pass: str, solved: Solved, address: str
    ) -> Filed:
        """Take a form in.

        Args:
            form: What was filled in, without its files.
            tokens: The files that were sent before.
            phone_pass: Shows that the form's number is the sender's; not asked for without a number.
            solved: The proof of work.
            address: From whose machine it comes.

        Raises:
            Invalid: A file is not here, or nothing is left of the text.
            PhoneNotShown: Nobody knows whether the number is his.
            ProofRefused: The proof of work does not hold.
            TooMany: Too much has come from this address or number.
            NotFound: Letters are not taken.
            TryLater: It is kept, but has no number yet.
        """
        # What came before needs no second proof: its answer was lost on the way, and with it perhaps the network.
        earlier = await self._earlier(form)
        if earlier is not None:
            return earlier
        if form.kind is FormKind.letter and not self._settings.letters:
            raise NotFound("letters are not taken on this page", "本页面暂不受理市长信箱来信")
        if form.phone is not None:
            self._passes.require_phone(phone_pass, form.phone)
        contact = contact_of(form, self._clock.now())
        if tokens:
            files = await self._uploads.claim(tokens)
            contact = contact_of(replace(form, attachments=files), contact.received_at)
        try:
            await self._gate.admit(Purpose.report, solved, address, self._counts(form, address))
        except ProofRefused:
            # Of two that were sent at once the other one has spent the proof, and has perhaps come in meanwhile.
            earlier = await self._earlier(form)
            if earlier is None:
                raise
            return earlier
        await self._take(contact)
        filed = await self._earlier(form)
        if filed is None:
            # The contact is on disk and will get its ticket; sent again in a moment, the form is told its number.
            raise TryLater("it is kept, its number comes in a moment", "已收到，正在生成工单号")
        return filed

    async def _earlier(self, form: Form) -> Filed | None:
        statement = (
            select(TicketRow.id, TicketRow.number)
            .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
            .join(ContactRow, col(ContactRow.id) == TicketContactRow.contact_id)
            .where(
                ContactRow.channel == channel_of(form.kind),
                ContactRow.external_id == external_id(form.kind, form.key),
            )
            .order_by(col(TicketRow.id))
            .limit(1)
        )
        async with self._database.reading() as session:
            found = (await session.exec(statement)).one_or_none()
        if found is None or found[0] is None:
            return None
        ticket_id, number = found
        return Filed(
            number=number,
            query_code=None if form.phone else self._passes.query_code(number),
            ticket_pass=self._passes.of_ticket(ticket_id),
        )

    def _counts(self, form: Form, address: str) -> list[Count]:
        settings = self._settings
        counts = [Count(what="report", who=address, most=settings.reports_per_address)]
        if form.phone is not None:
            counts.append(
                Count(
                    what="report_phone",
                    who=form.phone.digits,
                    most=settings.reports_per_phone,
                    span=DAY,
                )
            )
        return counts
