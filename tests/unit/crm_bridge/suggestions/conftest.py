from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.learning import Example, Lessons, learn
from crm_bridge.suggestions.model import Model
from crm_bridge.suggestions.shipped import examples_to_learn, shipped_matters, shipped_units
from crm_bridge.units.rules import UnitKind

TRAINED_AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def shipped_lessons() -> Lessons:
    """What there is to learn from before a city has a history."""
    return Lessons(
        areas={unit.code for unit in shipped_units() if unit.kind is UnitKind.subdistrict},
        matters=shipped_matters(),
        examples=[
            Example(question=question, unit=unit, shipped=True)
            for question, unit in examples_to_learn()
        ],
    )


@pytest.fixture(scope="session")
def shipped_model(shipped_lessons: Lessons, scratch: Path) -> Model:
    """What is learned from what ships; learned once, as it takes seconds."""
    return learn(shipped_lessons, TRAINED_AT, scratch)


@pytest.fixture(scope="session")
def adviser(shipped_model: Model) -> Adviser:
    return Adviser(shipped_units(), shipped_matters(), shipped_model)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: the segmenter's dictionary is made once."""
    return tmp_path_factory.mktemp("scratch")
