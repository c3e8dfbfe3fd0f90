"""A provincial capital's two years in a database of either kind, made in a minute or two: what figures and search face.

Rows are handed to the driver as they are, secondary indexes are made at the end, as a restore would do it.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import ColumnDefault, Table, create_engine
from sqlalchemy.schema import CreateIndex, DropIndex

from crm_bridge.callbacks.tables import CallbackRow, RatingRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.search.rules import ticket_terms
from crm_bridge.search.tables import TicketTermsRow, make_index
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from crm_bridge.units.tables import UnitRow
from infra.kit.database import Row
from infra.run.tables import whole_metadata
from tests.parts import start_postgres

TICKETS = 1_000_000
UNITS = 40
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 20_000

_PLACES = [
    f"{name}{kind}"
    for name in ("滨江", "桥西", "解放", "人民", "建设", "和平", "新华", "中山", "长青", "青年")
    for kind in ("路", "街", "大道", "社区", "小区", "家园", "花园", "广场")
]
_MATTERS = (
    ("路灯不亮", "路灯连续多日不亮，夜间出行不便，希望尽快维修。"),
    ("停水", "从昨天开始停水，没有接到任何通知，家里老人孩子用水困难。"),
    ("供热温度不达标", "室内温度只有十四度，供热公司一直没有上门测温。"),
    ("夜间施工噪声", "工地凌晨仍在施工，噪声严重影响居民休息。"),
    ("占道经营", "流动摊贩占道经营，早晚高峰堵得厉害，垃圾遍地。"),
    ("物业收费", "物业公司擅自提高收费标准，也不公示账目。"),
    ("违章停车", "消防通道长期有车辆违章停放，存在安全隐患。"),
    ("公交线路调整", "建议公交线路增加一站，方便居民到医院就医。"),
    ("医保报销", "咨询异地就医医保报销的比例和需要的材料。"),
    ("油烟扰民", "楼下餐馆油烟直排，窗户都不敢开。"),
    ("欠薪", "工程结束半年，包工头拖欠工资不付。"),
    ("道路积水", "每逢下雨路面积水，行人无法通行，下水道可能堵塞。"),
)
_RAIN, _RAINY = 11, (6, 7, 8)
_COMMON = (14, 10, 9, 9, 8, 8, 8, 7, 7, 7, 7, 6)
_TAILS = ("请尽快处理。", "多次反映未果。", "希望相关部门重视。", "请回电告知结果。", "谢谢。")
_SYLLABLES = "东南西北中上下前后左右金木水火土春夏秋冬梅兰竹菊松柏桃李杏福禄寿喜安康宁和平顺利达通"

_WITHOUT_WORDS = {
    "sqlite": (
        "DROP TRIGGER ticket_terms_added",
        "DROP TRIGGER ticket_terms_removed",
        "DROP TRIGGER ticket_terms_changed",
        "DROP TABLE ticket_words",
    ),
    "postgresql": ("DROP INDEX ticket_words",),
}


def _rows(tickets: int) -> Iterator[tuple[type[Row], tuple[Any, ...]]]:
    """Yield every row, in the order of the columns of its table."""
    chance = random.Random(12345)
    step = (UNTIL - SINCE) / tickets
    weights = list(accumulate(_COMMON))
    types, hours = list(TicketType), [timedelta(hours=n) for n in range(400)]
    assignment = callback = 0
    for n in range(1, tickets + 1):
        at = SINCE + step * n
        matter = chance.choices(range(len(_MATTERS)), cum_weights=weights)[0]
        if matter == _RAIN and at.month not in _RAINY:
            matter = 0
        title, text = _MATTERS[matter]
        place = chance.choice(_PLACES)
        shop = "".join(chance.choices(_SYLLABLES, k=3))
        category, kind = f"{2001 + matter * 3 + n % 3}", types[n % 6].value
        agent = str(1001 + chance.randrange(300))
        ended = n < tickets * 0.97
        number = f"{at:%Y%m%d}-{n % 1_000_000:06d}"
        title = f"{place}{title}"
        text = f"{place}{chance.randrange(1, 200)}号{shop}附近，{text}{chance.choice(_TAILS)}"
        address = f"临江市{place}{chance.randrange(1, 200)}号"
        yield (
            TicketRow,
            (
                n,
                number,
                kind,
                category,
                title,
                text,
                address,
                Urgency.normal.value,
                False,
                False,
                None,
                None,
                agent,
                at,
                "archived" if ended else chance.choice(("to_dispatch", "dispatched", "in_hand")),
                1,
                6,
                at + hours[100] if ended else None,
                None,
            ),
        )
        terms = ticket_terms(
            n,
            title=title,
            text=text,
            address=address,
            number=number,
            type=types[n % 6],
            category=category,
            urgency=Urgency.normal,
        )
        yield TicketTermsRow, (n, terms)
        rated: int | None = None
        for m in range(1, 3 if n % 10 == 0 else 2):
            assignment += 1
            late = chance.random()
            unit = f"U{int(UNITS * chance.random() ** 2):02d}"
            given = at + hours[1]
            due = given + hours[120]
            signed = given + hours[1 if late < 0.93 else 3]
            replied = given + hours[90 if late < 0.9 else 140]
            returned = late > 0.96
            yield (
                AssignmentRow,
                (
                    assignment,
                    n,
                    m,
                    1,
                    unit,
                    "lead" if m == 1 else "helper",
                    "returned" if returned and ended else "finished" if ended else "in_hand",
                    False,
                    given,
                    given + hours[2],
                    signed,
                    due,
                    False,
                    "5wd",
                    due - hours[48] if late < 0.05 else None,
                    given + hours[60] if late < 0.05 else None,
                    replied if ended and not returned else None,
                    replied + hours[5] if ended and not returned else None,
                    replied + hours[5] if ended else None,
                    category,
                    "voice" if n % 3 else "web-form",
                    kind,
                    agent,
                ),
            )
            if m == 1 and ended and not returned:
                callback += 1
                rated = chance.choice((1, 1, 2, 3, 3, 4, 5)) if late < 0.5 else None
                yield (
                    CallbackRow,
                    (
                        callback,
                        n,
                        1,
                        "rated" if rated else "unrated",
                        None,
                        replied + hours[6],
                        None,
                        replied + hours[5],
                        replied + hours[30],
                        None,
                        None,
                        assignment,
                        unit,
                        given,
                    ),
                )
                if rated:
                    yield (
                        RatingRow,
                        (
                            callback,
                            n,
                            f"a{callback}",
                            rated,
                            replied + hours[30],
                            assignment,
                            unit,
                            given,
                        ),
                    )


def _first_rows() -> Iterator[tuple[type[Row], tuple[Any, ...]]]:
    for n in range(UNITS):
        yield UnitRow, (f"U{n:02d}", f"第{n}承办单位", f"Unit {n}", "bureau", "", "", True)
    for n in range(2001, 2001 + len(_MATTERS) * 3):
        yield CategoryRow, (f"{n}", f"分类{n}", f"Category {n}", None)


def fill(url: str, tickets: int, tables: Sequence[type[Row]] | None = None) -> float:
    """Make all tables in an empty database and fill them; return the seconds that it took.

    Args:
        url: `sqlite:///FILE` or `postgresql://…`.
        tickets: How many; there are a tenth more assignments.
        tables: Only these; without it all.
    """
    started = time.perf_counter()
    metadata = whole_metadata()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    filled = [_table(row) for row in (TicketRow, AssignmentRow, CallbackRow, RatingRow)]
    with engine.begin() as connection:
        for statement in _WITHOUT_WORDS[engine.dialect.name]:
            connection.exec_driver_sql(statement)
        for table in filled:
            for index in table.indexes:
                connection.execute(DropIndex(index))
    engine.dispose()
    rows = ((row, values) for part in (_first_rows(), _rows(tickets)) for row, values in part)
    wanted = ((row, values) for row, values in rows if tables is None or row in tables)
    if url.startswith("sqlite"):
        _fill_sqlite(url.removeprefix("sqlite:///"), wanted)
    else:
        _fill_postgresql(url, wanted)
    with engine.begin() as connection:
        for table in filled:
            for index in table.indexes:
                connection.execute(CreateIndex(index))
        make_index(connection)
    engine.dispose()
    return time.perf_counter() - started


@contextmanager
def open_cities(tickets: int = TICKETS) -> Iterator[Sequence[tuple[str, str]]]:
    """Yield the name and the address of a filled database of each kind; PostgreSQL's server is ours, and stopped."""
    with (
        tempfile.TemporaryDirectory(prefix="lianxin-city-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        cities = [
            ("SQLite", f"sqlite:///{folder}/city.db"),
            ("PostgreSQL", server.url("city")),
        ]
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE city")
        for name, url in cities:
            print(f"{name}: {tickets:,} tickets made in {fill(url, tickets):.0f} s", flush=True)
        with psycopg.connect(server.url("city"), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield cities


def rare_word(chance: random.Random) -> str:
    """Return a word that stands in a few of a million tickets, or in none."""
    return "".join(chance.choices(_SYLLABLES, k=3)) + "附近"


def _batches(
    rows: Iterator[tuple[type[Row], tuple[Any, ...]]],
) -> Iterator[tuple[Table, list[tuple[Any, ...]]]]:
    waiting: dict[type[Row], list[tuple[Any, ...]]] = {}
    defaults: dict[type[Row], tuple[Any, ...]] = {}
    for row, values in rows:
        if row not in defaults:
            defaults[row] = _defaults(_table(row), len(values))
        batch = waiting.setdefault(row, [])
        batch.append(values + defaults[row])
        if len(batch) == _BATCH:
            yield _table(row), waiting.pop(row)
    for row, batch in waiting.items():
        yield _table(row), batch


def _defaults(table: Table, given: int) -> tuple[Any, ...]:
    """Return what the columns behind the given ones hold."""
    kept = [column.default for column in list(table.columns)[given:]]
    return tuple(
        default.arg if isinstance(default, ColumnDefault) and default.is_scalar else None
        for default in kept
    )


def _fill_sqlite(path: str, rows: Iterator[tuple[type[Row], tuple[Any, ...]]]) -> None:
    with closing(sqlite3.connect(Path(path))) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        for table, batch in _batches(rows):
            marks = ",".join("?" * len(batch[0]))
            kept = [
                tuple(
                    f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
                    for value in values
                )
                for values in batch
            ]
            connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", kept)
            connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgresql(url: str, rows: Iterator[tuple[type[Row], tuple[Any, ...]]]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Neither foreign keys nor triggers are asked: the rows are known to fit.
        connection.execute("SET session_replication_role = replica")
        for table, batch in _batches(rows):
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY {table.name} ({names}) FROM STDIN".encode()) as copy,
            ):
                for values in batch:
                    copy.write_row(values)


def _table(row: type[Row]) -> Table:
    table = row.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)
    return table
