"""Places as Chinese maps and telephones give them (GCJ-02), made WGS84. Pure.

By law maps of the mainland show places shifted by up to several hundred metres, after an algorithm that is known though
not published. WeChat, Amap and Tencent's maps give GCJ-02; GPS, Open311 and this system's own places are WGS84.
"""

from __future__ import annotations

import math

_AXIS = 6_378_245.0
"""The larger half-axis of Krasovsky's ellipsoid, in metres."""
_ECCENTRICITY = 0.006_693_421_622_965_943
"""The square of that ellipsoid's eccentricity."""
_ROUNDS = 6
"""How often the inverse is bettered: after six rounds it is exact to well below a centimetre."""


def is_shifted(latitude: float, longitude: float) -> bool:
    """Return whether maps shift a place here: roughly, whether it lies in the mainland."""
    return 0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347


def to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """Return where a Chinese map shows a place that is given in degrees of WGS84."""
    if not is_shifted(latitude, longitude):
        return latitude, longitude
    north, east = _shift(latitude, longitude)
    return latitude + north, longitude + east


def to_wgs84(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the degrees of WGS84 of a place that is given as Chinese maps give it."""
    if not is_shifted(latitude, longitude):
        return latitude, longitude
    # The shift is small and changes slowly: what is left over of each guess makes the next one better.
    north, east = latitude, longitude
    for _ in range(_ROUNDS):
        shown = to_gcj02(north, east)
        north += latitude - shown[0]
        east += longitude - shown[1]
    return north, east


def _shift(latitude: float, longitude: float) -> tuple[float, float]:
    x, y = longitude - 105.0, latitude - 35.0
    root = math.sqrt(abs(x))
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (waves + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (
        (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    )
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (waves + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (
        (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    )
    radians = math.radians(latitude)
    bend = 1.0 - _ECCENTRICITY * math.sin(radians) ** 2
    north *= 180.0 / ((_AXIS * (1.0 - _ECCENTRICITY)) / (bend * math.sqrt(bend)) * math.pi)
    east *= 180.0 / (_AXIS / math.sqrt(bend) * math.cos(radians) * math.pi)
    return north, east
