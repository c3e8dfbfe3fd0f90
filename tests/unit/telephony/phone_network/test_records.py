from __future__ import annotations

from pathlib import Path

import pytest

from telephony.phone_network.records import Seen, What, read, times_rung
from telephony.phone_network.settings import PhoneNetworkSettings

LINES = """\
{"at":1795355424.630,"id":"n-1","event":"called","citizen":"13800011120","other":"12345","direction":"in","pressed":"","cause":"0"}
{"at":1795355424.700,"id":"n-2","event":"called","citizen":"13800011121","other":"12345","direction":"in","pressed":"","cause":"0"}
{"at":1795355433.582,"id":"n-1","event":"ended","citizen":"13800011120","other":"12345","direction":"in","pressed":"112","cause":"16"}
{"at":1795355440.000,"id":"ab","event":"calls","citizen":"13800011120","other":"12345","direction":"out","pressed":"","cause":""}
"""


@pytest.fixture
def settings(tmp_path: Path) -> PhoneNetworkSettings:
    settings = PhoneNetworkSettings(home=tmp_path)
    settings.record.write_text(LINES)
    return settings


def test_what_the_network_saw_is_read_in_order(settings: PhoneNetworkSettings) -> None:
    seen = read(settings)

    assert [one.id for one in seen] == ["n-1", "n-2", "n-1", "ab"]
    assert seen[2] == Seen(
        at=1795355433.582,
        id="n-1",
        event=What.ended,
        citizen="13800011120",
        other="12345",
        direction="in",
        pressed="112",
        cause="16",
    )


def test_only_calls_to_a_citizen_count_as_ringing_him(settings: PhoneNetworkSettings) -> None:
    assert times_rung(settings, "13800011120") == 1
    assert times_rung(settings, "13800000000") == 0


def test_a_network_that_has_seen_nothing_has_an_empty_record(tmp_path: Path) -> None:
    assert read(PhoneNetworkSettings(home=tmp_path)) == []
