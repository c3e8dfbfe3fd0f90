"""Every table of every floor: importing this module makes the metadata whole, for migrations and their check."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import MetaData

from crm_bridge.search.tables import FULL_TEXT
from infra.kit.database import metadata

_FLOORS = ("telephony", "channels", "crm_bridge", "agent_console")
_KIT = (
    "infra.kit.audit",
    "infra.kit.audit_guards",
    "infra.kit.idempotency",
    "infra.kit.installation",
    "infra.kit.outbox",
)


def whole_metadata() -> MetaData:
    """Return the metadata after importing every `tables` module that there is."""
    for name in _KIT:
        importlib.import_module(name)
    for floor in _FLOORS:
        package = importlib.import_module(floor)
        for found in pkgutil.walk_packages(package.__path__, f"{floor}."):
            if found.name.endswith(".tables"):
                importlib.import_module(found.name)
    return metadata


def compared(name: str | None, _kind: str, _parents: object) -> bool:
    """Return whether Alembic looks at something of this name; the words of tickets have an index of our own making."""
    return name is None or not name.startswith(FULL_TEXT)
