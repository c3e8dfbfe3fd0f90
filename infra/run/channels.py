"""The ways in and out, wired: webhooks, what channels fetch and remember, and what is told back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_console.origin import sender as remote_of
from channels.attachments.fetching import Arrived, Fetcher
from channels.contacts.service import Contacts
from channels.front import api as front_api
from channels.front.api import Entrance
from channels.front.refusals import Refusals
from channels.front.service import Front, Tell
from channels.mailbox.channel import MailboxChannel
from channels.marks.service import Marks, StoredMarks
from channels.protocol import DeliveryNews, Listening, Take, WithMedia
from channels.registry import Registry
from channels.sms import api as sms_api
from channels.sms.service import Messenger
from crm_bridge.replies import api as replies_api
from crm_bridge.replies.by_sms import BySms
from crm_bridge.replies.enclosing import Enclosing
from crm_bridge.replies.health import ChannelHealth
from crm_bridge.replies.reading import ReplyReader
from crm_bridge.replies.receipts import Receipts
from crm_bridge.replies.rerouting import SMS, Rerouting
from crm_bridge.replies.sending import ReplySender, Way
from crm_bridge.replies.service import Replies
from crm_bridge.replies.telling import RatingLinks, Telling
from crm_bridge.replies.unreached import Unreached
from crm_bridge.tickets.reading import TicketReader
from infra.kit.http import Routes
from infra.kit.tasks import Work
from infra.run.enabled import enabled_channels, posted_to
from infra.run.files import keeper
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.links import passes
from infra.run.sms import SmsDesk, sms_desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways in and out of one process.

    Attributes:
        channels: Those that are enabled.
        marks: What they remember.
        replies: What citizens are told.
        receipts: Tells citizens that their matter was registered.
        telling: Tells citizens what becomes of their tickets.
        refusals: What providers sent that nobody understood.
        sender: Sends what citizens are told.
        sms: Short messages, and codes by them.
        unreached: Asks citizens in writing whom the telephone did not reach.
    """

    channels: Registry
    marks: Marks
    replies: Replies
    receipts: Receipts
    telling: Telling
    refusals: Refusals
    sender: ReplySender
    sms: SmsDesk
    unreached: Unreached


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The ways in, open.

    Attributes:
        entrance: Takes in what providers post.
        tasks: What runs beside the requests.
        subjects: The HTTP faces.
    """

    entrance: Entrance
    tasks: Mapping[str, Work]
    subjects: Sequence[Routes]


def ways(base: Foundation, contacts: Contacts) -> Ways:
    """Return the ways in and out that the settings enable; `contacts` knows who is answered."""
    settings, database, clock, vault = base.settings, base.database, base.clock, base.vault
    marks = StoredMarks(database, clock, vault)
    sms = sms_desk(base)
    channels = enabled_channels(
        settings, clock, marks, vault.seal, sms.channels, metrics=base.registry
    )
    replies = Replies(database, clock, vault, settings.replies)
    sender = _sender(base, channels, replies, contacts, sms.messenger)
    replies.on_written(sender.poke)
    names = [channel.name for channel in channels]
    return Ways(
        channels=channels,
        marks=marks,
        replies=replies,
        receipts=Receipts(replies, settings.replies, names),
        telling=Telling(replies, settings.replies, base.zone, _links(base)),
        refusals=Refusals(database, clock, vault, settings.front),
        sender=sender,
        sms=sms,
        unreached=Unreached(vault, replies, sms.messenger, settings.replies, _links(base)),
    )


def doors(
    base: Foundation, found: Ways, take: Take, tickets: TicketReader, arrived: Arrived
) -> Doors:
    """Return the open doors.

    Args:
        base: The ground floor.
        found: The ways in and out.
        take: Takes contacts in.
        tickets: Knows who may see which ticket.
        arrived: Is told of files that have been fetched.
    """
    settings, clock = base.settings, base.clock
    front = Front(
        posted_to(found.channels),
        take,
        _told(found.sms.messenger.heard, found.replies.delivered),
        found.refusals,
        clock,
        settings.front,
        registry=base.registry,
    )
    health = ChannelHealth(base.database, clock, found.channels)
    base.health.add("channels", health.check)
    if MailboxChannel.name in found.channels:
        _open_mailbox(base, found)
    reader = ReplyReader(base.database, found.replies)
    entrance = Entrance(
        front=front, clock=clock, address_of=remote_of, public_url=settings.server.public_url
    )
    return Doors(
        entrance=entrance,
        tasks={
            "replies": found.sender.run,
            "media": _fetcher(base, found.channels, arrived).run,
            **found.sms.tasks,
            **_listeners(found.channels, take),
            "channel_connections": lambda: _closed_at_the_end(found.channels),
        },
        subjects=(
            front_api.routes(entrance, found.refusals),
            replies_api.routes(found.replies, reader, health, tickets.require_visible),
            sms_api.routes(found.sms.messenger, reader.decided_here),
        ),
    )


async def _closed_at_the_end(channels: Registry) -> None:
    """Wait until the process ends, then let channels that keep connections to their providers let go of them."""
    try:
        await asyncio.Event().wait()
    finally:
        for channel in channels:
            close = getattr(channel, "close", None)
            if close is not None:
                await close()


def _fetcher(base: Foundation, channels: Registry, arrived: Arrived) -> Fetcher:
    """Return what fetches the files that providers still have."""
    return Fetcher(
        base.database,
        base.clock,
        base.vault,
        keeper(base.settings),
        {channel.name: channel for channel in channels if isinstance(channel, WithMedia)},
        arrived=arrived,
        registry=base.registry,
    )


def _told(*listeners: Tell) -> Tell:
    """Return what tells all of them: each knows its own."""

    async def tell(channel: str, news: Sequence[DeliveryNews]) -> None:
        for listener in listeners:
            await listener(channel, news)

    return tell


def _open_mailbox(base: Foundation, found: Ways) -> None:
    mailbox = found.channels[MailboxChannel.name]
    assert isinstance(mailbox, MailboxChannel)  # noqa: S101  # it has its name
    mailbox.on_news(found.replies.delivered)
    base.health.add("mailbox", mailbox.health)


def _links(base: Foundation) -> RatingLinks | None:
    """Return what makes addresses for citizens; None where nobody outside could open them."""
    reachable = base.settings.server.public_url and base.settings.citizen.enabled
    return passes(base) if reachable else None


def _sender(
    base: Foundation,
    channels: Registry,
    replies: Replies,
    contacts: Contacts,
    messenger: Messenger,
) -> ReplySender:
    settings = base.settings.replies
    by_sms = BySms(messenger, replies)
    messenger.on_news(by_sms.heard)
    replies.on_decided(messenger.let_be)
    carriers: dict[str, Way] = {SMS: by_sms, **{channel.name: channel for channel in channels}}
    rerouting = Rerouting(base.clock, replies, contacts, settings, sms=SMS in carriers)
    replies.on_undelivered(rerouting.go)
    return ReplySender(
        base.database,
        base.clock,
        replies,
        contacts,
        carriers,
        rerouting,
        settings,
        enclosing=Enclosing(file_keeper(base)),
        registry=base.registry,
    )


def _listeners(channels: Registry, take: Take) -> Mapping[str, Work]:
    """Return every channel that fetches or hears its contacts by itself, as a task."""
    return {
        f"channel_{channel.name}": _listening(channel, take)
        for channel in channels
        if isinstance(channel, Listening)
    }


def _listening(channel: Listening, take: Take) -> Work:
    async def listen() -> None:
        await channel.run(take)

    return listen
