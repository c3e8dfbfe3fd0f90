"""What the system suggests to people, wired: units for a ticket, and tickets that may be one matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.similar import api as similar_api
from crm_bridge.similar.describing import Describers
from crm_bridge.similar.pending import PendingGroups
from crm_bridge.similar.reading import SimilarReader
from crm_bridge.suggestions import api as suggestions_api
from crm_bridge.suggestions.outcomes import Outcomes
from crm_bridge.suggestions.pace import Pace
from crm_bridge.suggestions.service import Suggestions
from infra.kit.http import Routes
from infra.kit.tasks import Work
from infra.run.foundation import Foundation


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is suggested; people decide.

    Attributes:
        tasks: What runs beside the requests.
        subjects: The HTTP faces.
    """

    tasks: Mapping[str, Work]
    subjects: Sequence[Routes]


def advice(base: Foundation, catalogue: Catalogue) -> Advice:
    """Return what suggests."""
    database, clock, settings = base.database, base.clock, base.settings
    suggestions = Suggestions(
        database, clock, catalogue, settings.suggestions, settings.casework.writing_up
    )
    outcomes = Outcomes(database, clock, suggestions)
    pace = Pace(clock, settings.suggestions.forms_per_minute)
    describers = Describers(catalogue)
    similar = SimilarReader(
        database, clock, describers, settings.similar, settings.casework.writing_up
    )
    pending = PendingGroups(database, clock, describers, settings.similar)
    return Advice(
        tasks={"suggestions": suggestions.run, "outcomes": outcomes.run},
        subjects=(
            suggestions_api.routes(suggestions, outcomes, pace),
            similar_api.routes(similar, pending),
        ),
    )
