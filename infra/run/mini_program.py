"""The mini program's server side, wired."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from agent_console.origin import sender
from channels.wechat.client import WeChatApi
from channels.wechat.login import MiniLogin
from crm_bridge.categories.service import UNSORTED, Categories
from crm_bridge.citizen_pages.gate import Gate
from crm_bridge.mini_program import api
from crm_bridge.mini_program.matters import Matters
from crm_bridge.mini_program.people import People
from crm_bridge.mini_program.reports import Limits, Reports
from crm_bridge.mini_program.rules import TYPE_WORDS
from crm_bridge.mini_program.service import MiniProgram
from crm_bridge.mini_program.views import CategoryView, FormView, LimitsView, TypeView
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.kit.tasks import Work
from infra.run.casework import Casework
from infra.run.citizen import written_ratings
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.links import passes

_MEGABYTE = 1024 * 1024
_MOST_TEMPLATES = 3


class MiniDesk:
    """What citizens use who come by the mini program.

    Args:
        base: The ground floor.
        relay: Tells what happens to tickets.
        work: Citizens' matters.
    """

    def __init__(self, base: Foundation, relay: Relay, work: Casework) -> None:
        self.subjects: Sequence[Routes] = ()
        self.tasks: Mapping[str, Work] = {}
        self._base = base
        self._people: People | None = None
        if base.settings.wechat_mini.enabled:
            self._open(relay, work)

    async def tidy_once(self) -> None:
        """Delete what is kept no longer."""
        if self._people is not None:
            await self._people.purge()

    def _open(self, relay: Relay, work: Casework) -> None:
        base, settings = self._base, self._base.settings.wechat_mini
        database, clock, vault = base.database, base.clock, base.vault
        wechat = WeChatApi(settings, work.ways.marks, clock)
        life = timedelta(days=settings.session_days)
        self._people = People(database, clock, vault, MiniLogin(wechat, settings.appid), life)
        self._categories = Categories(database, clock)
        self._files = file_keeper(base)
        gate = Gate(database, clock, vault, base.settings.citizen)
        opening = passes(base)
        mini = MiniProgram(
            clock,
            self._form,
            gate.knock,
            self._people,
            Reports(database, clock, gate, self._files, work.intake.take, Limits.of(settings)),
            Matters(database, vault, written_ratings(base, relay, work)),
            opening.shows_phone,
            opening.file_path,
            sender,
            settings.logins_per_minute,
        )
        self.subjects = (api.routes(mini),)

        async def hang_up() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await wechat.close()

        self.tasks = {"mini_program": hang_up}

    async def _form(self) -> FormView:
        settings = self._base.settings
        templates = {one.id: None for one in settings.wechat_mini.templates.values()}
        return FormView(
            city_zh=settings.city.name_zh,
            city_en=settings.city.name_en,
            hotline=settings.asterisk.hotline_number,
            types=[
                TypeView(code=one, name_zh=words.zh, name_en=words.en)
                for one, words in TYPE_WORDS.items()
            ],
            categories=[
                CategoryView(code=c.code, name_zh=c.name_zh, name_en=c.name_en, parent=c.parent)
                for c in await self._categories.all()
                if c.code != UNSORTED
            ],
            limits=LimitsView(megabytes=self._files.limit // _MEGABYTE),
            templates=list(templates)[:_MOST_TEMPLATES],
        )
