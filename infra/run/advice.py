"""What the system suggests to people, wired: units for a ticket, and tickets that may be one matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_bridge.catalogue.service import Catalogue
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
    return Advice(
        tasks={"suggestions": suggestions.run, "outcomes": outcomes.run},
        subjects=(suggestions_api.routes(suggestions, outcomes, pace),),
    )
