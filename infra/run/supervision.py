"""Supervision, wired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agent_console.accounts.staff import AccountStaff
from channels.contacts.service import Contacts
from crm_bridge.supervision import api
from crm_bridge.supervision.book import LedgerBook
from crm_bridge.supervision.documents.fonts import Fonts
from crm_bridge.supervision.issuing import Issuing, WorkingTime
from crm_bridge.supervision.lapsing import Lapsing
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.reading import PaperReader
from crm_bridge.supervision.service import Supervision
from crm_bridge.supervision.wording import Wording
from infra.kit.http import Routes
from infra.kit.tasks import Work
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionDesk:
    """Supervision of one process.

    Attributes:
        service: Issues papers, by hand and by rule.
        reader: Shows papers, and tells who may see the files of replies.
        tasks: What runs beside the requests.
        routes: Its HTTP face.
    """

    service: Supervision
    reader: PaperReader
    tasks: Mapping[str, Work]
    routes: Routes


def wording(settings: Settings) -> Wording:
    """Return what puts papers into words.

    Raises:
        Misconfigured: A template cannot be used.
    """
    own = settings.supervision
    zone = ZoneInfo(settings.city.timezone)
    return Wording(own.issuer_in(settings.city.name_zh), own.telephone, zone, own.templates)


def supervision_desk(
    base: Foundation, contacts: Contacts, calendars: WorkingTime, poke: Callable[[], None]
) -> SupervisionDesk:
    """Return supervision.

    Raises:
        Misconfigured: A template or a font that the settings name cannot be used.
    """
    settings, database, clock = base.settings.supervision, base.database, base.clock
    notices = Notices(clock, AccountStaff())
    issuing = Issuing(
        clock, base.zone, settings, wording(base.settings), contacts, calendars, notices
    )
    attachments = file_keeper(base)
    service = Supervision(database, clock, settings, issuing, notices, attachments, contacts, poke)
    fonts = Fonts(settings.font, settings.title_font)
    reader = PaperReader(database, clock, base.zone, attachments, fonts)
    book = LedgerBook(database, clock, base.zone)
    tasks: dict[str, Work] = {}
    if settings.close_by_rule:
        tasks["supervision"] = Lapsing(database, clock, settings.look_seconds, notices, poke).run
    return SupervisionDesk(
        service=service, reader=reader, tasks=tasks, routes=api.routes(service, reader, book)
    )
