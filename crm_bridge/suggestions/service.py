"""Which unit may be the right one: use cases. A suggestion is read, shown and never acted on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.model import Model, ModelUnreadable, load
from crm_bridge.suggestions.past import category_names, question_of, units_of
from crm_bridge.suggestions.rules import Question, Suggestion
from crm_bridge.suggestions.settings import SuggestionSettings
from crm_bridge.suggestions.trainer import Trained, Trainer, TrainingFailed
from crm_bridge.tickets.access import visible
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.units.rules import Unit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal

log = structlog.get_logger()

_LOOK_SECONDS = 60.0
_SETTLE_SECONDS = 15.0
_CATALOGUE_SETTLES = timedelta(hours=1)
"""Who changes one duty changes more: the model follows the catalogue when they are through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is suggested.

    Attributes:
        suggestions: The likeliest unit first; none when nothing speaks for any.
        units: The units that they name, by code.
        trained_at: When what was learned was learned; None when the catalogue speaks alone.
        version: Of the model.
    """

    suggestions: Sequence[Suggestion]
    units: dict[str, Unit]
    trained_at: datetime | None
    version: str | None


class Suggestions:
    """Suggests units.

    Args:
        database: Where tickets, units and categories lie.
        clock: Tells how old the model is.
        catalogue: Which unit answers for what.
        settings: Where the model lies, and when it is made anew.
        writing_up: How long after a call its agent may still look at what the citizen reported before.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        catalogue: Catalogue,
        settings: SuggestionSettings,
        writing_up: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._settings = settings
        self._writing_up = writing_up
        self._trainer = Trainer(database, clock, catalogue, settings)
        self._model: Model | None = None
        self._read: tuple[int, int] | None = None
        self._adviser: tuple[object, Adviser] | None = None

    async def suggest(self, question: Question) -> Advice:
        """Return the units that are most likely the right ones for what is written so far."""
        async with self._database.reading() as session:
            return await self._advise(session, question)

    async def of_ticket(self, principal: Principal, ticket_id: int) -> Advice:
        """Return the units that are most likely the right ones for a ticket.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        async with self._database.reading() as session:
            row = await session.get(TicketRow, ticket_id)
            if row is None:
                raise NotFound
            conditions = await visible(session, principal, self._clock.now(), self._writing_up)
            allowed = select(TicketRow.id).where(col(TicketRow.id) == ticket_id, or_(*conditions))
            if (await session.exec(allowed)).first() is None:
                raise Forbidden("another agent's ticket", "这是其他话务员的工单")
            return await self._advise(session, question_of(row))

    async def train(self) -> Trained | None:
        """Learn anew and use what was learned; None when another process is just doing so.

        Raises:
            TrainingFailed: It failed; what was learned before stays.
        """
        trained = await self._trainer.train()
        await self.refresh()
        return trained

    async def run(self) -> None:
        """Keep what was learned fresh, until cancelled."""
        await self.refresh()
        # At a start there is more pressing work for the processors; the catalogue alone answers meanwhile.
        await asyncio.sleep(_SETTLE_SECONDS)
        while True:
            await self.refresh()
            if self._settings.train and await self.is_old():
                await self._train_quietly()
            await asyncio.sleep(_LOOK_SECONDS)

    async def refresh(self) -> None:
        """Read the model if its file is another than before; one that cannot be read is none."""
        path = self._settings.model_file
        try:
            found = path.stat()
            mark = (found.st_mtime_ns, found.st_size)
            if mark != self._read:
                self._model, self._read = await asyncio.to_thread(load, path), mark
        except FileNotFoundError:
            self._model = self._read = None
        except (ModelUnreadable, OSError) as error:
            log.warning("dispatch_model_unreadable", error=type(error).__name__)
            self._model = self._read = None

    async def is_old(self) -> bool:
        """Return whether there is no model, or one that is to be made anew."""
        if self._model is None:
            return True
        learned = self._model.learned
        age = self._clock.now() - learned.trained_at
        if age < _CATALOGUE_SETTLES:
            return False
        catalogue = (await self._catalogue.current()).version.number
        return age >= self._settings.train_after or catalogue != learned.catalogue

    async def _train_quietly(self) -> None:
        try:
            trained = await self.train()
        except TrainingFailed as error:
            log.warning("dispatch_training_failed", error=error.detail_en)
        else:
            if trained is not None:
                log.info("dispatch_trained", version=trained.version, confirmed=trained.confirmed)

    async def _advise(self, session: AsyncSession, question: Question) -> Advice:
        units = await units_of(session)
        adviser = await self._adviser_of(units)
        names = await category_names(session, question.category)
        suggestions = adviser.suggest(question, names)
        by_code = {unit.code: unit for unit in units}
        return Advice(
            suggestions=suggestions,
            units={one.unit: by_code[one.unit] for one in suggestions},
            trained_at=self._model.learned.trained_at if self._model else None,
            version=self._model.version if self._model else None,
        )

    async def _adviser_of(self, units: Sequence[Unit]) -> Adviser:
        """Return what advises by these units, the newest catalogue and the model; made again when one changes."""
        snapshot = await self._catalogue.current()
        made_of = (tuple(units), snapshot.version.number, self._model)
        if self._adviser is None or self._adviser[0] != made_of:
            self._adviser = (made_of, Adviser(units, snapshot.matters, self._model))
        return self._adviser[1]
