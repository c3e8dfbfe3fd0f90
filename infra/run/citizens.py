"""Citizens' identities, wired: who may be one person, and all that a person ever brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channels.contacts.service import Contacts
from channels.marks.service import Marks
from channels.registry import Registry
from channels.wechat.channel import WeChatChannel
from crm_bridge.citizens import api
from crm_bridge.citizens.belongings import Belongings
from crm_bridge.citizens.lookout import Lookout
from crm_bridge.citizens.reading import People
from crm_bridge.citizens.service import Merges
from crm_bridge.citizens.unionids import UnionIds
from infra.kit.http import Routes
from infra.kit.tasks import Work
from infra.run.foundation import Foundation


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenIdentities:
    """Who is whom.

    Attributes:
        tasks: What runs beside the requests.
        subjects: The HTTP faces.
    """

    tasks: Mapping[str, Work]
    subjects: Sequence[Routes]


def citizen_identities(
    base: Foundation, contacts: Contacts, marks: Marks, channels: Registry
) -> CitizenIdentities:
    """Return what suggests, decides and shows which citizens are one person."""
    database, clock, vault = base.database, base.clock, base.vault
    merges = Merges(database, clock, Belongings(contacts, vault))
    people = People(database, clock, vault, base.settings.casework.writing_up)
    lookout = Lookout(database, vault, contacts, merges, marks, base.settings.citizens)
    tasks: dict[str, Work] = {"citizens": lookout.run}
    if WeChatChannel.name in channels:
        official = channels[WeChatChannel.name]
        assert isinstance(official, WeChatChannel)  # noqa: S101  # the registry knows it by its name
        appid = base.settings.wechat.appid
        tasks["unionids"] = UnionIds(
            database, clock, vault, marks, merges, official.unionid_of, appid
        ).run
    return CitizenIdentities(tasks=tasks, subjects=(api.routes(people, merges),))
