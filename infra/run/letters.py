"""Letters that go on with a matter, wired."""

from __future__ import annotations

from agent_console.accounts.staff import AccountStaff
from crm_bridge.correspondence.service import DESTINATION, Correspondence
from crm_bridge.notes.service import Notes
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal
from infra.kit.relay import Relay
from infra.run.foundation import Foundation


def correspondence(base: Foundation, relay: Relay) -> Correspondence:
    """Return what knows which letters belong together; the relay puts them beside their tickets."""
    notes = Notes(base.database, base.clock, _shown_elsewhere)
    letters = Correspondence(base.clock, notes, AccountStaff())
    relay.deliver_to(DESTINATION, letters.deliver)
    return letters


async def _shown_elsewhere(_principal: Principal, _ticket_id: int) -> None:
    # Notes are only written here; whoever shows them asks the tickets' own reader.
    raise Forbidden
