"""A process that sends replies to a provider until it is killed; run by `test_reply_worker_killed.py`."""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from channels.contacts.rules import Contact
from channels.contacts.service import Contacts
from channels.protocol import Reply, Sent
from crm_bridge.replies.rerouting import Rerouting
from crm_bridge.replies.sending import ReplySender
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.errors import TryLater
from infra.kit.vault import Vault
from infra.run.tables import whole_metadata

SETTINGS = ReplySettings(send_seconds=5)


class PostedWay:
    """Posts replies to a provider, as channels do."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        async with aiohttp.ClientSession() as session:
            try:
                answer = await session.post(self._url, json={"key": reply.key})
            except aiohttp.ClientConnectorError as error:
                raise TryLater("away") from error
            except aiohttp.ClientError as error:
                raise TimeoutError from error  # the provider may have it
            if answer.status == 503:
                raise TryLater("busy", retry_after=0.1)
            return Sent(provider_id=await answer.text())


async def main(database_url: str, provider_url: str) -> None:
    whole_metadata()
    clock, database, vault = SystemClock(), Database(database_url), Vault(bytes(range(32)))
    contacts = Contacts(database, vault)
    replies = Replies(database, clock, vault, SETTINGS)
    rerouting = Rerouting(clock, replies, contacts, SETTINGS, sms=False)
    sender = ReplySender(
        database,
        clock,
        replies,
        contacts,
        {"chat": PostedWay(provider_url)},
        rerouting,
        SETTINGS,
        idle_seconds=0.05,
    )
    await sender.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
