"""What ships: an invented city's units and catalogue, and texts written for them to learn from and to be tested by."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from crm_bridge.catalogue.rules import Matter, Surroundings
from crm_bridge.catalogue.sheet import COLUMNS as MATTER_COLUMNS
from crm_bridge.catalogue.sheet import matters_of
from crm_bridge.categories.sheet import COLUMNS as CATEGORY_COLUMNS
from crm_bridge.sheets.reading import read
from crm_bridge.suggestions.evaluation import COLUMNS, Labelled, labelled
from crm_bridge.units.rules import Unit
from crm_bridge.units.sheet import COLUMNS as UNIT_COLUMNS
from crm_bridge.units.sheet import units_of


def file_to_test() -> bytes:
    """Return the file of questions that nothing was learned from."""
    return _file("suggestions", "data/test.csv")


def examples_to_learn() -> Labelled:
    """Return the questions to learn from, each with the unit that is right for it."""
    units = [unit.code for unit in shipped_units()]
    return labelled(read(_file("suggestions", "data/train.csv"), COLUMNS), units)


def shipped_units() -> Sequence[Unit]:
    """Return the units that ship."""
    filed, _ = units_of(read(_file("units", "default.csv"), UNIT_COLUMNS))
    return [one.unit for one in filed]


def shipped_matters() -> Sequence[Matter]:
    """Return the catalogue that ships."""
    categories = read(_file("categories", "default.csv"), CATEGORY_COLUMNS).rows
    around = Surroundings(
        categories=frozenset(row["code"] for row in categories),
        units={unit.code: True for unit in shipped_units()},
    )
    return matters_of(read(_file("catalogue", "default.csv"), MATTER_COLUMNS).rows, around)[0]


def _file(subject: str, name: str) -> bytes:
    return files(f"crm_bridge.{subject}").joinpath(*name.split("/")).read_bytes()
