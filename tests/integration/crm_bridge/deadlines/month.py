"""A month of a city's units, made up with a seed, and an oracle that says what their deadlines must have brought."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_bridge.deadlines.rules import Limit
from crm_bridge.tickets.details import (
    About,
    Decided,
    Detail,
    Dispatched,
    Extended,
    ExtensionAsked,
    Reasoned,
    Replied,
    ReturnAsked,
)
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.vocabulary import ReturnGrounds, TicketEvent, TicketType, Urgency
from tests.integration.crm_bridge.house import CGJ, GRGS, QXJD
from tests.unit.crm_bridge.deadlines.calendars import calendar, local, naive_due

E = TicketEvent
BEGIN, LAST_DISPATCH, END = local("2026-03-02"), local("2026-03-27"), local("2026-04-16")
WORK = calendar()
HOUR = timedelta(hours=1)

Act = tuple[datetime, TicketEvent, Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One ticket: how it is given out, and what its units and the centre will try to do with it, and when."""

    at: datetime
    lead: str
    helpers: tuple[str, ...]
    type: TicketType
    urgency: Urgency
    acts: Sequence[Act]


def stories(seed: int, count: int) -> list[Story]:
    """Return made-up tickets, in the order in which they are given out."""
    chance = random.Random(seed)  # a simulation
    return sorted((_story(chance) for _ in range(count)), key=lambda story: story.at)


def looks(seed: int) -> list[datetime]:
    """Return when the workers look: at odd moments, and once not for three days."""
    chance = random.Random(seed)  # a simulation
    found, moment, away = [], BEGIN, local("2026-03-17 11:00")
    while moment < END:
        moment += timedelta(minutes=chance.randint(20, 800), seconds=30)
        if away <= moment < away + timedelta(days=3):
            moment = away + timedelta(days=3, seconds=30)
        found.append(moment)
    return found


def _story(chance: random.Random) -> Story:
    at = BEGIN + timedelta(
        minutes=chance.randrange((LAST_DISPATCH - BEGIN) // timedelta(minutes=1))
    )
    helped = chance.random() < 0.3
    urgency = chance.choices(list(Urgency), [8, 1, 1])[0]
    acts = list(_acts(chance, at))
    if helped:
        acts += _helpers_acts(chance, at)
    return Story(
        at=at,
        lead=chance.choice([CGJ, GRGS]),
        helpers=(QXJD,) if helped else (),
        type=chance.choice(list(TicketType)),
        urgency=urgency,
        acts=sorted(acts, key=lambda act: act[0]),
    )


def _acts(chance: random.Random, at: datetime) -> Iterator[Act]:
    moment = at + chance.choice([0.2, 0.5, 1, 3, 9, 60]) * HOUR * chance.random() + _minute(chance)
    if chance.random() < 0.1:
        yield from _extended_too_late(moment)
        return
    if chance.random() < 0.15:
        asked = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属于本单位")
        yield moment, E.return_asked, asked
        if chance.random() < 0.5:
            moment += 4 * HOUR
            yield moment, E.return_refused, Decided(n=1, reason="属于")
    if chance.random() < 0.9:
        moment += _minute(chance)
        yield moment, E.signed, About(n=1)
    if chance.random() < 0.3:
        moment += chance.random() * 60 * HOUR
        yield moment, E.extension_asked, ExtensionAsked(n=1, days=1, reason="等配件")
        # How long it is does not matter here, only that the end moves.
        moment += _minute(chance)
        yield moment, E.extension_approved, Extended(due_at=moment + 200 * HOUR)
    while chance.random() < 0.7:
        moment += chance.random() * chance.choice([20, 100, 400]) * HOUR
        yield moment, E.replied, Replied(n=1, text="已办", contacted=True, without_helpers="来不及")
        moment += _minute(chance)
        if chance.random() < 0.6:
            yield moment, E.accepted, Reasoned()
            return
        yield moment + HOUR, E.sent_back, Reasoned(reason="没有回应诉求")
        moment += 2 * HOUR


def _extended_too_late(moment: datetime) -> Iterator[Act]:
    """The centre takes so long over an extension that the limit passes; then the new one passes too."""
    yield moment, E.signed, About(n=1)
    yield moment + HOUR, E.extension_asked, ExtensionAsked(n=1, days=1, reason="等配件")
    moment += 350 * HOUR
    yield moment, E.extension_approved, Extended(due_at=moment + 20 * HOUR)


def _helpers_acts(chance: random.Random, at: datetime) -> Iterator[Act]:
    moment = at + chance.random() * 5 * HOUR
    if chance.random() < 0.8:
        yield moment, E.helper_signed, About(n=2)
    moment += chance.random() * 300 * HOUR
    if chance.random() < 0.7:
        yield moment, E.helper_replied, Replied(n=2, text="已配合", contacted=False)


def _minute(chance: random.Random) -> timedelta:
    return timedelta(minutes=1 + chance.randrange(40))


Told = tuple[datetime, str, int, int, str]
"""When, what, of which ticket and assignment, about which deadline."""


@dataclass(slots=True)
class Effects:
    """What the clock has brought: what people were told, papers, callbacks, and returns accepted by rule."""

    told: Counter[Told] = field(default_factory=Counter)
    papers: Counter[tuple[datetime, str, int, int]] = field(default_factory=Counter)
    callbacks: dict[int, datetime] = field(default_factory=dict)
    accepted: dict[tuple[int, int], datetime] = field(default_factory=dict)


@dataclass(slots=True)
class _Item:
    """One assignment, as the log has it so far."""

    n: int
    lead: bool
    dispatched_at: datetime
    sign_due_at: datetime
    due_at: datetime
    state: str = "unsigned"
    returning_since: datetime | None = None
    settled: set[tuple[int, datetime]] = field(default_factory=set)
    urged: bool = False
    rungs: list[datetime] = field(default_factory=list)
    listed: bool = False


def effects_of(logs: Mapping[int, Sequence[Happening]], moments: Sequence[datetime]) -> Effects:
    """Return what must have happened, each thing once: by going through every log moment by moment."""
    effects = Effects()
    for ticket, log in logs.items():
        items: dict[int, _Item] = {}
        waiting = list(log)
        for moment in moments:
            while waiting and (waiting[0].at < moment):
                _apply(items, waiting.pop(0), ticket, effects)
            for item in items.values():
                _look(effects, ticket, item, moment)
            # What the rule itself did at this moment came after all that.
            while waiting and waiting[0].at == moment:
                _apply(items, waiting.pop(0), ticket, effects)
    return effects


def _apply(items: dict[int, _Item], happening: Happening, ticket: int, effects: Effects) -> None:
    detail, lead = happening.detail, items.get(1)
    n = detail.n if isinstance(detail, About) else 1
    match happening.event:
        case E.dispatched:
            assert isinstance(detail, Dispatched)
            for number in range(1, 2 + len(detail.helpers)):
                items[number] = _Item(
                    n=number,
                    lead=number == 1,
                    dispatched_at=happening.at,
                    sign_due_at=detail.terms.sign_due_at,
                    due_at=detail.terms.due_at,
                )
        case E.signed | E.helper_signed | E.sent_back:
            items[n].state = "in_hand"
        case E.replied:
            items[n].state = "replied"
        case E.extension_approved:
            assert isinstance(detail, Extended)
            assert lead is not None
            lead.due_at, lead.rungs = detail.due_at, []
        case E.return_asked:
            items[n].returning_since = happening.at
        case E.return_refused:
            items[n].returning_since = None
        case E.helper_replied:
            items[n].state = "ended"
        case E.accepted:
            effects.callbacks.setdefault(ticket, happening.at)
            _end(items)
        case E.return_approved:
            _end(items)


def _end(items: dict[int, _Item]) -> None:
    for item in items.values():
        item.state = "ended"


def _look(effects: Effects, ticket: int, item: _Item, now: datetime) -> None:
    def tell(what: str, deadline: datetime) -> None:
        effects.told[now, what, ticket, item.n, deadline.isoformat()] += 1

    owes = item.state in ("unsigned", "in_hand")
    if owes and item.due_at > now:
        _warn(item, now, tell)
    overdue = item.due_at <= now
    if item.returning_since is None:
        if item.state == "unsigned" and item.sign_due_at <= now and not item.urged:
            item.urged = True
            tell("sign_overdue", item.sign_due_at)
        if owes and overdue:
            _climb(effects, ticket, item, now)
    if item.lead and overdue and item.state != "ended":
        effects.callbacks.setdefault(ticket, now)
    since = item.returning_since
    if since is not None and item.state != "ended" and _passed(since, "1wd", now):
        effects.accepted[ticket, item.n] = now


def _passed(start: datetime, limit: str, now: datetime) -> bool:
    return naive_due(start, Limit.parse(limit), WORK) <= now


def _warn(item: _Item, now: datetime, tell: Callable[[str, datetime], None]) -> None:
    left = (item.due_at - now) / HOUR
    hours = 24 if left <= 24 else 48
    if left > 48 or (hours, item.due_at) in item.settled:
        return
    item.settled |= {(hours, item.due_at), (48, item.due_at)}
    if item.due_at - hours * HOUR > item.dispatched_at:
        tell(f"warning {hours}", item.due_at)


_GAPS = (None, "2wd", "3wd", "5wd")
_RUNGS = ("reminder", "order", "meeting", "listed")


def _climb(effects: Effects, ticket: int, item: _Item, now: datetime) -> None:
    if len(item.rungs) == len(_RUNGS):
        return
    gap = _GAPS[len(item.rungs)]
    if gap is None or _passed(item.rungs[-1], gap, now):
        rung = _RUNGS[len(item.rungs)]
        item.rungs.append(now)
        # Who is listed is not listed again before he is delisted, which nobody does here.
        if not (item.listed and rung == "listed"):
            effects.papers[now, f"{rung}:overdue", ticket, item.n] += 1
        item.listed |= rung == "listed"
