from __future__ import annotations

from prometheus_client import CollectorRegistry

from infra.kit.clock import ManualClock
from telephony.ami.link import AmiLink
from telephony.calls.metrics import TelephonyMetrics
from telephony.calls.tracker import CallTracker
from tests.unit.telephony.calls.stories import Teller
from tests.unit.telephony.fake_pbx import FakePbx, message
from tests.unit.telephony.links import running, until


async def test_what_was_counted_is_there_when_it_is_asked_for(
    pbx: FakePbx, link: AmiLink, clock: ManualClock
) -> None:
    tracker = CallTracker("pbx1", clock)
    registry = CollectorRegistry()
    registry.register(TelephonyMetrics(link, tracker))
    for event in Teller().waiting():
        tracker.apply(event)
    async with running(link):
        pbx.say(message(Event="VarSet", Variable="x"))
        await until(lambda: link.tally.skipped == 1)
        told = {
            (sample.name, sample.labels.get("state")): sample.value
            for family in registry.collect()
            for sample in family.samples
        }
    assert told["lianxin_ami_up", None] == 1
    assert told["lianxin_ami_events_skipped_total", None] == 1
    assert told["lianxin_ami_connections_total", None] == 1
    assert told["lianxin_calls", "offered"] == 1
    assert told["lianxin_calls", "answered"] == 0
