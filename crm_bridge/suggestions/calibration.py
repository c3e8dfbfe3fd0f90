"""How sure a score may be: the logits are divided by what makes held-back examples most likely. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from crm_bridge.suggestions.duties import Duty
from crm_bridge.suggestions.rules import catalogue_weight, shares

_TRIED = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0)
_LEAST_LIKELY = 1e-6
_ENOUGH = 20


def together(
    logits: Mapping[str, float], duties: Mapping[str, Duty], confirmed: int
) -> dict[str, float]:
    """Return what speaks for each class, learned and written in the catalogue."""
    weight = catalogue_weight(confirmed) if logits else 1.0
    sums = dict(logits)
    # A unit that nothing was learned of yet has the catalogue alone to speak for it: it begins half-way up.
    unlearned = (max(logits.values()) + median(logits.values())) / 2 if logits else 0.0
    for unit, duty in duties.items():
        sums[unit] = sums.get(unit, unlearned) + weight * duty.strength
    return sums


def temperature_for(
    cases: Sequence[tuple[Mapping[str, float], Mapping[str, Duty]]],
    answers: Sequence[str],
    confirmed: int,
) -> float:
    """Return the temperature under which the right answers are most likely; 1 if there are too few to tell.

    Args:
        cases: Learned logits and duties of each held-back example.
        answers: The right class of each.
        confirmed: How many confirmed dispatches were learned from.
    """
    if len(cases) < _ENOUGH:
        return 1.0
    sums = [together(logits, duties, confirmed) for logits, duties in cases]

    def loss(temperature: float) -> float:
        return -sum(
            math.log(max(_LEAST_LIKELY, shares(one, temperature).get(answer, 0.0)))
            for one, answer in zip(sums, answers, strict=True)
        )

    return min(_TRIED, key=loss)
