"""List and search of a million tickets: p50 and p99 of each kind of question, on both databases.

The city asks for a p99 under 100 ms. Everything is measured behind the HTTP layer: from the question to fifty rows.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import true

from channels.contacts.service import Contacts
from crm_bridge.search.conditions import Filters
from crm_bridge.search.service import TicketSearch
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault
from tests.bench.city import SINCE, UNTIL, open_cities, rare_word

ASKED = 100
PAGE = 50
WHO = Principal(
    user_id=1,
    number="3001",
    name="孙平",
    role=Role.DISPATCHER,
    permissions=frozenset({"ticket.read_any"}),
)
Ask = Callable[[random.Random], Filters]


def _moment(chance: random.Random) -> datetime:
    return SINCE + (UNTIL - SINCE) * chance.random()


def _week(chance: random.Random, words: str = "") -> Filters:
    until = _moment(chance)
    return Filters(words=words, since=until - timedelta(days=7), until=until)


def _agent(chance: random.Random) -> str:
    return str(1001 + chance.randrange(300))


def _unit(chance: random.Random) -> str:
    return f"U{int(40 * chance.random() ** 2):02d}"


KINDS: Sequence[tuple[str, Ask]] = (
    ("list: newest", lambda c: Filters()),
    ("list: in hand", lambda c: Filters(state=TicketState.in_hand)),
    ("list: of an agent", lambda c: Filters(agent=_agent(c))),
    ("list: of a unit", lambda c: Filters(unit=_unit(c))),
    ("list: overdue", lambda c: Filters(overdue=True)),
    ("list: a category", lambda c: Filters(categories=[f"{2001 + c.randrange(36)}"])),
    ("list: a week of the past", lambda c: _week(c)),
    ("word in every ticket", lambda c: Filters(words="临江")),
    ("word in every fifth", lambda c: Filters(words="夜间")),
    ("word in every tenth", lambda c: Filters(words="停水")),
    ("word of last summer", lambda c: Filters(words="积水")),
    ("long word", lambda c: Filters(words="供热公司一直没有")),
    ("rare word", lambda c: Filters(words=rare_word(c))),
    ("two words", lambda c: Filters(words=f"滨江 {c.choice(('路灯', '停水', '噪声', '欠薪'))}")),
    ("word that is nowhere", lambda c: Filters(words="嬲嫐")),
    ("pairs that are no word", lambda c: Filters(words="供热线路")),
    ("number", lambda c: Filters(words=_number(c))),
    ("last digits", lambda c: Filters(words=f"{c.randrange(1, 999_999):06d}")),
    ("frequent word, agent", lambda c: Filters(words="夜间", agent=_agent(c))),
    ("frequent word, unit", lambda c: Filters(words="停水", unit=_unit(c))),
    ("frequent word, in hand", lambda c: Filters(words="停水", state=TicketState.in_hand)),
    ("frequent word, category", lambda c: Filters(words="临江", categories=["2007"])),
    ("frequent word, type and week", lambda c: Filters(
        words="停水", type=TicketType.help, since=UNTIL - timedelta(days=7))),
    ("frequent word, a week of the past", lambda c: _week(c, "停水")),
    ("rare word, agent", lambda c: Filters(words=rare_word(c), agent=_agent(c))),
    ("word that fits no category", lambda c: Filters(words="停水", categories=["2034"])),
)  # fmt: skip


def _number(chance: random.Random) -> str:
    return f"{_moment(chance):%Y%m%d}-{chance.randrange(1_000_000):06d}"


async def measure(name: str, url: str) -> None:
    """Print p50 and p99 of each kind of question over one database."""
    database, clock = Database(url), SystemClock()
    search = TicketSearch(clock, Contacts(database, Vault(bytes(32))))
    print(f"{name}, {ASKED} questions of each kind, milliseconds:")
    gc.disable()
    for title, ask in KINDS:
        chance = random.Random(title)
        took, rows, short = [], 0, 0
        for _ in range(ASKED + 3):
            filters = ask(chance)
            started = time.perf_counter()
            async with database.reading() as session:
                found = await search.find(session, WHO, filters, true(), before=None, limit=PAGE)
            took.append(time.perf_counter() - started)
            rows += len(found.rows)
            short += found.below is not None and len(found.rows) < PAGE
        # The first three find neither the statement nor the pages in memory.
        took = sorted(took[3:])
        print(
            f"  {title:36} p50 {took[len(took) // 2] * 1000:6.1f}"
            f"  p99 {took[int(len(took) * 0.99) - 1] * 1000:6.1f}"
            f"  rows {rows / (ASKED + 3):4.1f}" + (f"  short pages {short}" if short else ""),
            flush=True,
        )
        gc.collect()
    gc.enable()
    await database.close()


def main() -> None:
    """Run the bench."""
    with open_cities() as cities:
        for name, url in cities:
            asyncio.run(measure(name, url))


if __name__ == "__main__":
    main()
