"""People at screens: accounts, presence, feed and pages, wired into one HTTP application."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import structlog
from aiohttp import web

from agent_console.accounts import api as accounts_api
from agent_console.accounts import people_api
from agent_console.accounts.api import CookieAuthenticator, Profile, cookie_middleware
from agent_console.accounts.passwords import Passwords
from agent_console.accounts.people import People
from agent_console.accounts.rules import Lifetime, Patience
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from agent_console.arrivals import Arrivals
from agent_console.audit import api as audit_api
from agent_console.audit.reading import AuditReader
from agent_console.calls import api as calls_api
from agent_console.calls.service import Calls
from agent_console.feed.pages import Pages
from agent_console.feed.pusher import Pusher
from agent_console.feed.service import Feed
from agent_console.feed.socket import AgentSocket
from agent_console.keys import api as keys_api
from agent_console.keys.bearer import BearerOrCookie
from agent_console.keys.service import Keys
from agent_console.origin import FRONT, Front
from agent_console.pages import ConsolePages
from agent_console.presence import api as presence_api
from agent_console.presence.rules import Event
from agent_console.presence.service import PresenceService, Times
from agent_console.presence.sweep import Sweep
from agent_console.sip_proxy import SipProxy
from crm_bridge.citizen_pages.site import CitizenSite
from crm_bridge.deadlines import marks as deadline_marks
from crm_bridge.drafts.service import Drafts
from infra.kit import idempotency
from infra.kit.audit_chain import read_head
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.run.bridges import Bridges
from infra.run.casework import Casework
from infra.run.citizen import CitizenDesk
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.mini_program import MiniDesk
from infra.run.one_touch import OneTouchDesk
from infra.run.web import application

log = structlog.get_logger()

TIDY_SECONDS = 600.0
"""How often what is kept no longer is deleted."""
_DELIVERED_KEPT = timedelta(days=2)
_WRONG_LOGINS_KEPT = timedelta(days=1)
_LEFT_FILES_KEPT = timedelta(days=2)


class Desk:
    """Everything that people at screens use, above one open ground floor.

    Args:
        base: The ground floor.
    """

    def __init__(self, base: Foundation) -> None:
        settings, database, clock, vault = base.settings, base.database, base.clock, base.vault
        console = settings.console
        self._base = base
        self.sessions = Sessions(
            database,
            clock,
            vault,
            base.hints,
            lifetime=Lifetime(
                idle=timedelta(minutes=console.session_idle_minutes),
                absolute=timedelta(hours=console.session_hours),
            ),
        )
        self.accounts = Accounts(
            database,
            clock,
            self.sessions,
            Passwords(),
            patience=Patience(
                per_number=console.wrong_logins_per_number,
                per_address=console.wrong_logins_per_address,
                window=timedelta(minutes=console.wrong_logins_minutes),
            ),
        )
        self.keys = Keys(database, clock, base.hints)
        self.presence = PresenceService(
            database,
            clock,
            base.hints,
            lambda: None,
            times=Times(
                wrap_up=timedelta(seconds=console.wrap_up_seconds),
                away=timedelta(seconds=console.away_seconds),
            ),
        )
        self.feed = Feed(database, clock, base.hints)
        self.arrivals = Arrivals(base.hints, clock)
        self.pages = Pages(registry=base.registry)
        self.pusher = Pusher(self.feed, self.pages, clock)
        self.socket = AgentSocket(
            self.sessions,
            self.feed,
            self.pages,
            self.pusher,
            base.hints,
            self.presence.page_seen,
            # Well before an agent whose page is open could be taken for gone.
            beat_every=min(10.0, console.away_seconds / 3),
        )
        self.sweep = Sweep(
            self.presence,
            self.sessions,
            self.socket.beat,
            clock,
            away=timedelta(seconds=console.away_seconds),
        )
        self.relay = Relay(database, clock, {"feed": self.feed}, registry=base.registry)
        self.profile = Profile(
            hotline=settings.asterisk.hotline_number,
            city_zh=settings.city.name_zh,
            city_en=settings.city.name_en,
            voice=settings.telephony.enabled,
            police=settings.police_110.enabled,
            one_touch=settings.one_touch.enabled,
            secure=settings.server.public_url.startswith("https://"),
        )

    def application(
        self,
        work: Casework,
        bridges: Bridges,
        citizens: CitizenDesk,
        mini: MiniDesk,
        one_touch: OneTouchDesk | None = None,
    ) -> web.Application:
        """Return the application with every route, socket and page."""
        settings = self._base.settings
        app = application(
            [
                *self._subjects(work),
                *bridges.subjects,
                *citizens.subjects,
                *mini.subjects,
                *((one_touch.routes,) if one_touch else ()),
            ],
            BearerOrCookie(self.keys, CookieAuthenticator(self.sessions)),
            self._base.health,
            self._base.registry,
            cookie_middleware(self.profile),
        )
        app[FRONT] = Front(
            public_url=settings.server.public_url, trusted_proxies=settings.server.trusted_proxies
        )
        self.socket.attach(app)
        SipProxy(
            self.sessions, self._base.hints, f"ws://127.0.0.1:{settings.asterisk.http_port}/ws"
        ).attach(app)
        if one_touch is not None:
            one_touch.sip.attach(app)
        CitizenSite().attach(app)
        ConsolePages().attach(app)
        return app

    async def leave(self, agent: str) -> None:
        """Let an agent go whose last login has ended."""
        await self.presence.apply(agent, Event.leave)

    async def tidy(self) -> None:
        """Delete what is kept no longer, again and again, until cancelled."""
        while True:
            await self.tidy_once()
            await asyncio.sleep(TIDY_SECONDS)

    async def tidy_once(self) -> None:
        """Delete what is kept no longer; tickets, calls, recordings and the audit log stay."""
        base, kept = self._base, self._base.settings.retention
        await self.relay.purge(_DELIVERED_KEPT)
        await file_keeper(base).purge(_LEFT_FILES_KEPT)
        await self.feed.purge(timedelta(days=base.settings.console.feed_days))
        await self.accounts.purge(_WRONG_LOGINS_KEPT)
        await self.sessions.purge(timedelta(days=kept.ended_logins_days))
        await self.presence.purge(timedelta(days=kept.presence_log_days))
        await Drafts(base.database, base.clock, base.vault).purge(timedelta(days=kept.drafts_days))
        now = base.clock.now()
        await deadline_marks.purge(base.database, now - timedelta(days=kept.deadline_marks_days))
        before = now - timedelta(days=kept.idempotency_keys_days)
        await idempotency.purge(base.database, before)
        head = await read_head(base.database)
        if head is not None:
            # Whoever keeps the logs elsewhere can show later that nothing before this was changed.
            log.info("audit_head", count=head.count, hash=head.hash)

    def _subjects(self, work: Casework) -> Iterable[Routes]:
        base = self._base
        reasons = [reason.code for reason in self.profile.pause_reasons]
        calls = Calls(
            base.database,
            base.clock,
            base.vault,
            work.history,
            base.settings.asterisk.recordings_dir,
        )
        people = People(base.database)
        yield accounts_api.routes(self.accounts, self.sessions, people, self.profile, self.leave)
        yield people_api.routes(self.accounts, people)
        yield presence_api.routes(self.presence, reasons)
        yield calls_api.routes(calls)
        yield keys_api.routes(self.keys)
        yield audit_api.routes(AuditReader(base.database))
        yield from work.subjects
