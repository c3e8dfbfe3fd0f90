import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.gcj02 import is_shifted, to_gcj02, to_wgs84


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        # The test vectors of the eviltransform project: Shanghai, Shenzhen, Beijing.
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_known_places_are_shown_where_maps_show_them(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    assert to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-9)


@given(latitude=st.floats(3, 53), longitude=st.floats(74, 135))
def test_there_and_back_is_the_same_place(latitude: float, longitude: float) -> None:
    shown = to_gcj02(latitude, longitude)
    found = to_wgs84(*shown)
    assert math.hypot(found[0] - latitude, found[1] - longitude) < 1e-6


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_every_place_on_earth_has_an_answer(latitude: float, longitude: float) -> None:
    found = to_wgs84(latitude, longitude)
    assert all(math.isfinite(part) for part in found)
    assert is_shifted(latitude, longitude) or found == (latitude, longitude)
