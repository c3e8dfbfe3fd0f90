"""Rates of a million assignments: the three rates by unit, and by unit and month, on both databases.

The city asks for less than 2 s on PostgreSQL and 5 s on SQLite for the whole table.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from crm_bridge.rates.counting import count
from crm_bridge.rates.rules import Period
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import THREE_RATES, Dimension, Figure
from infra.kit.database import Database
from tests.bench.city import open_cities

ROUNDS = 3
TABLES: Sequence[tuple[str, Sequence[Figure], Sequence[Dimension]]] = (
    ("three rates by unit", THREE_RATES, (Dimension.unit,)),
    ("three rates by unit and month", THREE_RATES, (Dimension.unit, Dimension.month)),
    ("three rates by category", THREE_RATES, (Dimension.category,)),
    (
        "all figures of assignments by unit",
        (
            *THREE_RATES,
            Figure.on_time,
            Figure.redo,
            Figure.returned,
            Figure.first_dispatch,
        ),
        (Dimension.unit,),
    ),
)


async def measure(name: str, url: str) -> None:
    """Print the seconds of each table over one database."""
    cohort = Cohort(
        period=Period(first=date(2024, 1, 1), last=date(2025, 12, 31)),
        as_of=datetime(2026, 2, 1, tzinfo=UTC),
        zone=ZoneInfo("Asia/Shanghai"),
    )
    database = Database(url)
    async with database.reading() as session:
        counted = await count(session, [Figure.returned], [], cohort)
    rows = counted[Figure.returned][()].denominator
    print(f"{name}, {rows:,} assignments of two years:")
    for title, figures, group in TABLES:
        seconds = []
        for _ in range(ROUNDS):
            async with database.reading() as session:
                started = time.perf_counter()
                await count(session, figures, group, cohort)
                seconds.append(time.perf_counter() - started)
        print(
            f"  {title}: {statistics.median(seconds):.2f} s"
            f" ({min(seconds):.2f} to {max(seconds):.2f})",
            flush=True,
        )
    await database.close()


def main() -> None:
    """Run the bench."""
    with open_cities() as cities:
        for name, url in cities:
            asyncio.run(measure(name, url))


if __name__ == "__main__":
    main()
