"""What Prometheus may know of the link and of calls; read when it asks, so that an event costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from telephony.ami.link import AmiLink, LinkState
from telephony.calls.rules import FINAL, CallState
from telephony.calls.tracker import CallTracker


class TelephonyMetrics(Collector):
    """The figures of one Asterisk, labelled with its name.

    Args:
        link: The link to it.
        tracker: Its calls.
    """

    def __init__(self, link: AmiLink, tracker: CallTracker) -> None:
        self._link = link
        self._tracker = tracker

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as they stand."""
        tally, pbx = self._link.tally, [self._link.pbx]
        for name, help_text, value in (
            ("events", "Events handed on", tally.events),
            ("events_skipped", "Events that nobody wants", tally.skipped),
            ("events_dropped", "Hints dropped because we were behind", tally.dropped),
            ("malformed", "Messages that could not be understood", tally.malformed),
            ("orphans", "Answers that nobody waited for any more", tally.orphans),
            ("handler_errors", "Exceptions out of subscribers", tally.handler_errors),
            ("connections", "Times that the link came up", tally.connections),
            ("impossible_signals", "Signals without a meaning", self._tracker.impossible),
        ):
            counted = CounterMetricFamily(f"lianxin_ami_{name}", help_text, labels=["pbx"])
            counted.add_metric(pbx, value)
            yield counted
        up = GaugeMetricFamily("lianxin_ami_up", "Whether the link is up", labels=["pbx"])
        up.add_metric(pbx, self._link.state is LinkState.up)
        yield up
        waiting = GaugeMetricFamily(
            "lianxin_ami_events_waiting", "Events not yet applied", labels=["pbx"]
        )
        waiting.add_metric(pbx, len(self._link.inbox))
        yield waiting
        states = Counter(call.state for call in self._tracker.calls.values())
        calls = GaugeMetricFamily("lianxin_calls", "Calls that exist", labels=["pbx", "state"])
        for state in CallState:
            if state not in FINAL:
                calls.add_metric([*pbx, state.value], states[state])
        yield calls
