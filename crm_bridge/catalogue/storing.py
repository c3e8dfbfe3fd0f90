"""Versions and matters, from rows and to rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from crm_bridge.catalogue.rules import Exemption, Matter
from crm_bridge.catalogue.tables import CatalogueVersionRow, MatterRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state of the catalogue.

    Attributes:
        number: From 1; 0 is the empty catalogue before the first.
        at: Since when it holds.
        by: 工号 of who made it; None: the system or the command line.
        note: Why.
        added: Matters that are new in it.
        changed: Matters that are other than before.
        removed: Matters that are gone.
    """

    number: int
    at: datetime | None
    by: str | None = None
    note: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0


def version_of(row: CatalogueVersionRow) -> Version:
    """Return the version that a row keeps."""
    return Version(
        number=row.number,
        at=row.at,
        by=row.by,
        note=row.note,
        added=row.added,
        changed=row.changed,
        removed=row.removed,
    )


def version_row_of(version: Version) -> CatalogueVersionRow:
    """Return the row that keeps a version."""
    return CatalogueVersionRow(**asdict(version))


def matter_of(row: MatterRow) -> Matter:
    """Return the matter that a row keeps."""
    return Matter(
        code=row.code,
        name_zh=row.name_zh,
        name_en=row.name_en,
        category=row.category,
        unit=row.unit,
        helpers=tuple(row.helpers),
        keywords=tuple(row.keywords),
        places=tuple(row.places),
        exemptions=tuple(
            Exemption(words=tuple(one["words"]), unit=one["unit"]) for one in row.exemptions
        ),
        basis=row.basis,
        remarks=row.remarks,
        contact=row.contact,
    )


def row_of(matter: Matter, version: int) -> MatterRow:
    """Return the row that keeps a matter from a version on."""
    return MatterRow(
        code=matter.code,
        valid_from=version,
        name_zh=matter.name_zh,
        name_en=matter.name_en,
        category=matter.category,
        unit=matter.unit,
        helpers=list(matter.helpers),
        keywords=list(matter.keywords),
        places=list(matter.places),
        exemptions=[{"words": list(one.words), "unit": one.unit} for one in matter.exemptions],
        basis=matter.basis,
        remarks=matter.remarks,
        contact=matter.contact,
    )
