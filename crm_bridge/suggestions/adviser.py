"""Puts together what the catalogue, the place and the past say. Pure: rows and files are read elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions import reasons
from crm_bridge.suggestions.calibration import together
from crm_bridge.suggestions.duties import Duties, Duty
from crm_bridge.suggestions.model import Model
from crm_bridge.suggestions.places import Gazetteer, Whereabouts
from crm_bridge.suggestions.rules import (
    AREA,
    SHOWN,
    Question,
    Reason,
    Suggestion,
    among_areas,
    best,
    shares,
)
from crm_bridge.units.rules import Unit, UnitKind


class Adviser:
    """Suggests units; it never decides.

    Args:
        units: Every unit that can be given tickets.
        matters: The responsibility catalogue.
        model: What was learned; without one the catalogue and the place speak alone.
    """

    def __init__(
        self, units: Sequence[Unit], matters: Sequence[Matter], model: Model | None
    ) -> None:
        self._units = {unit.code: unit for unit in units if unit.active}
        self._areas = {
            unit.code: unit.area
            for unit in self._units.values()
            if unit.kind is UnitKind.subdistrict
        }
        self._model = model
        self._duties = Duties(matters, self._areas)
        self._gazetteer = Gazetteer(self._areas, matters, model.learned.places if model else None)

    def suggest(
        self,
        question: Question,
        names: Mapping[str, tuple[str, str]] | None = None,
        count: int = SHOWN,
    ) -> Sequence[Suggestion]:
        """Return the units that are most likely the right ones, the likeliest first; none if nothing speaks for any.

        Args:
            question: What is to be dispatched.
            names: Of categories, in Chinese and English, for the reasons.
            count: How many at most.
        """
        logits = self._model.logits(question) if self._model else {}
        duties = self._duties.of(question)
        if not logits and not duties:
            return ()
        confirmed = self._model.learned.confirmed if self._model else 0
        temperature = self._model.learned.temperature if self._model else 1.0
        here = self._gazetteer.where(question)
        sums = together(logits, duties, confirmed)
        open_sums = {who: value for who, value in sums.items() if who in self._units or who == AREA}
        scores = among_areas(shares(open_sums, temperature), self._areas, here.shares)
        return [
            Suggestion(
                unit=unit,
                score=min(1.0, scores[unit]),
                reasons=tuple(self._reasons(unit, question, duties, here, names or {})),
            )
            for unit in best(scores, self._units, count)
        ]

    def _reasons(
        self,
        unit: str,
        question: Question,
        duties: Mapping[str, Duty],
        here: Whereabouts,
        names: Mapping[str, tuple[str, str]],
    ) -> Iterable[Reason]:
        who = AREA if unit in self._areas else unit
        duty = duties.get(who)
        if duty is not None:
            yield reasons.of_duty(duty)
        if unit in here.names and unit in self._areas:
            known = self._units[unit]
            yield reasons.of_place(here.names[unit], known.area or known.name_zh, known.name_en)
        if self._model is not None:
            counts = self._model.learned.by_category.get(question.category)
            if counts:
                name_zh, name_en = names.get(question.category, (question.category,) * 2)
                yield from reasons.of_history(counts, unit, name_zh, name_en)
            quoted = duty.words if duty else ()
            yield from reasons.of_words(self._model.telling(question, who), quoted)
