"""What a unit is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnitKind(StrEnum):
    """What sort of body a unit is."""

    bureau = "bureau"
    subdistrict = "subdistrict"
    utility = "utility"
    enterprise = "enterprise"
    other = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit that handles tickets.

    Attributes:
        code: The city's own code, e.g. `CGJ`.
        name_zh: On a Chinese screen, e.g. 城管执法局.
        name_en: On an English screen.
        kind: A bureau answers for a matter everywhere, a subdistrict (街道办) for its area.
        area: The place that it answers for, e.g. 桥西街道; empty for the whole city.
        phone: Its office telephone, for colleagues.
        active: Whether it can be given tickets.
    """

    code: str
    name_zh: str
    name_en: str
    kind: UnitKind
    area: str = ""
    phone: str = ""
    active: bool = True
