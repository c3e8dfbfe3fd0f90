"""Conversations, wired: what citizens write, the guide, agents who are asked, and what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent_console.accounts.staff import AccountStaff
from agent_console.feed.topics import AGENT_HINT, EVERYBODY_HINT
from agent_console.presence.floor import PresenceFloor
from channels.contacts.service import Contacts
from channels.protocol import CarryingFiles
from channels.registry import Registry
from crm_bridge.conversations import api
from crm_bridge.conversations.files import SentFiles
from crm_bridge.conversations.hearing import Hearing
from crm_bridge.conversations.others import Others
from crm_bridge.conversations.presenting import Presenter
from crm_bridge.conversations.reading import ConversationReader
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.router import Router
from crm_bridge.conversations.service import Conversations
from crm_bridge.conversations.skills import Skills
from crm_bridge.conversations.tidings import Tidings
from crm_bridge.replies.service import Replies
from crm_bridge.tickets.ledger import Ledger
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.kit.tasks import Work
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.links import passes

_TIDY_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Talks:
    """Everything that conversations need.

    Attributes:
        hearing: Takes in what citizens write.
        service: What agents do.
        tidings: Tells agents what became of messages.
        reader: Shows conversations to people.
        others: Knows who looks at what.
        router: Asks agents.
        wake: Wakes whoever has something to do when something was written.
        tasks: What runs beside the requests.
        routes: The HTTP face.
    """

    hearing: Hearing
    service: Conversations
    tidings: Tidings
    reader: ConversationReader
    others: Others
    router: Router
    wake: Callable[[], None]
    tasks: Mapping[str, Work]
    routes: Routes


def conversations(
    base: Foundation,
    contacts: Contacts,
    ledger: Ledger,
    replies: Replies,
    channels: Registry,
    relay: Relay,
) -> Talks:
    """Return the conversations of an installation.

    Args:
        base: The ground floor.
        contacts: Knows the citizens.
        ledger: Opens the tickets that the guide registers.
        replies: Carries what is said.
        channels: Say which files they carry.
        relay: Tells agents.
    """
    database, clock, vault = base.database, base.clock, base.vault
    settings, hotline = base.settings.conversations, base.settings.asterisk.hotline_number
    staff, floor = AccountStaff(), PresenceFloor()
    record = Record(clock, vault, replies)
    hearing = Hearing(vault, record, ledger, settings, hotline=hotline)

    async def hint(agent: str, kind: str, facts: Mapping[str, Any]) -> None:
        at = clock.now().isoformat()
        body = {"agent": agent, "type": kind, "at": at, "data": dict(facts)}
        await base.hints.publish(AGENT_HINT, body)

    async def waiting(count: int) -> None:
        body = {"type": "conversations.waiting", "at": clock.now().isoformat()}
        await base.hints.publish(EVERYBODY_HINT, body | {"data": {"waiting": count}})

    def told() -> None:
        relay.poke()
        replies.poke()

    router = Router(
        database,
        clock,
        floor,
        record,
        hearing,
        settings,
        told,
        waiting,
        hotline=hotline,
        registry=base.registry,
    )

    def wake() -> None:
        told()
        router.poke()

    others = Others(database, clock, hint, staff)

    async def tidy() -> None:
        while True:
            await others.purge()
            await asyncio.sleep(_TIDY_SECONDS)

    files = _files(base, channels)
    reader = ConversationReader(database, clock, Presenter(vault, contacts, staff), others, files)
    service = Conversations(database, clock, record, floor, files, wake)
    tidings = Tidings(clock)
    replies.on_message(tidings.delivered)
    return Talks(
        hearing=hearing,
        service=service,
        tidings=tidings,
        reader=reader,
        others=others,
        router=router,
        wake=wake,
        tasks={"conversations": router.run, "conversation_viewers": tidy},
        routes=api.routes(service, reader, others, Skills(database, clock, floor, staff)),
    )


def _files(base: Foundation, channels: Registry) -> SentFiles:
    """Return what knows how files are sent; as links only where citizens could open them."""
    carried = {one.name: one.carries for one in channels if isinstance(one, CarryingFiles)}
    reachable = base.settings.server.public_url and base.settings.citizen.enabled
    return SentFiles(file_keeper(base), carried, passes(base).file_link if reachable else None)
