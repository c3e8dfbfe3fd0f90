"""A file of a message board's posts, from its upload to the last ticket on a dispatcher's socket, by kind of file.

The ratio is to a dry run of the same file, which reads and checks everything and takes nothing in. News to the screen
names five hundred tickets at most and only counts the others, so a busy moment leaves some unnamed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence

from channels.contacts.rules import Purpose
from channels.message_board.rules import CHANNEL
from crm_bridge.sheets.writing import SheetKind, write
from tests.bench.arrivals import DISPATCHER, City, Run, running_city

POSTS = 4_000
_STRAGGLER_SECONDS = 10.0
_HEADER = ("编号", "标题", "内容", "地址", "领域", "留言时间")


def _rows(kind: str) -> Sequence[Sequence[str]]:
    return [
        (
            f"{kind}-{n:06}",
            f"滨江路 {n} 号路灯不亮",
            "门前的路灯已经三天不亮，晚上老人走路看不清，请派人修理。",
            f"滨江路 {n} 号",
            "城建",
            "2026-03-01 09:30:00",
        )
        for n in range(POSTS)
    ]


def _json(rows: Sequence[Sequence[str]]) -> bytes:
    posts = [dict(zip(_HEADER, row, strict=True)) for row in rows]
    return json.dumps(posts, ensure_ascii=False).encode()


KINDS: Sequence[tuple[str, Callable[[Sequence[Sequence[str]]], bytes]]] = (
    ("csv", lambda rows: write(_HEADER, rows, SheetKind.csv)),
    ("json", _json),
    ("xlsx", lambda rows: write(_HEADER, rows, SheetKind.xlsx)),
)


async def measure(city: City, kind: str, content: bytes) -> None:
    """Print what one file comes to."""
    path = "/boards/people.cn/import"
    before = set(city.keys(CHANNEL, Purpose.matter))
    began = time.monotonic()
    await city.call(DISPATCHER, f"{path}?dry_run=true", data=content)
    dry = time.monotonic() - began
    began, busy = time.monotonic(), city.busy
    outcome = await city.call(DISPATCHER, path, data=content)
    taken = time.monotonic() - began
    assert outcome["added"] == POSTS, outcome
    new = set(city.keys(CHANNEL, Purpose.matter)) - before
    run = Run(sent=dict.fromkeys(new, began), busy=busy)
    await city.wait(run, CHANNEL, Purpose.matter, _STRAGGLER_SECONDS)
    print(
        f"  {kind:6} {len(content) / 1024:7,.0f} kB  {POSTS / taken:7,.0f} posts/s taken in"
        f"  {len(run.shown):6,} named on a screen within {run.ended - began:6.1f} s"
        f"  {run.busy / POSTS * 1000:5.2f} ms of processor each"
        f"   ratio: {taken / dry:5.1f} × the time of a dry run",
        flush=True,
    )


async def run() -> None:
    """Print what each kind of file comes to."""
    print(f"import of {POSTS:,} posts of a message board, all on disk when answered")
    async with running_city({}) as city:
        for kind, file_of in KINDS:
            await measure(city, kind, file_of(_rows(kind)))


def main() -> None:
    """Run the bench."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
