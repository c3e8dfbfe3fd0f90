"""Fuzzes files of posts and of contacts: `python -m tests.fuzz.tables -max_total_time=600`.

Whatever the bytes are, a file is read or refused, and each of its rows is a contact or named: nothing else may be
raised.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import atheris  # type: ignore[import-untyped]  # ships no types
from openpyxl import Workbook

with atheris.instrument_imports(include=["channels", "crm_bridge"]):
    from channels.contacts.rules import Contact
    from channels.contacts.storable import storable
    from channels.message_board.rules import contact_of, layout_of
    from crm_bridge.boards.reading import read_board
    from crm_bridge.contact_import.sheet import COLUMNS, Reading, contacts_of
    from crm_bridge.sheets.limits import Limits
    from crm_bridge.sheets.reading import read
    from infra.kit.errors import Invalid, TooLarge

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
LIMITS = Limits(size=256 * 1024, unpacked=1024 * 1024, parts=50, rows=200)
HEADERS = (
    ("编号", "标题", "内容", "作者", "电话", "地址", "类型", "发布时间", "别的"),
    tuple(column.title or column.name for column in COLUMNS),
)


def _workbook() -> dict[str, bytes]:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS[0])
    sheet.append(
        (
            "7",
            "路灯不亮",
            "滨江路路灯不亮",
            "网友",
            "13800010001",
            "滨江路",
            "求助",
            NOW.date(),
            1.5,
        )
    )
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


PARTS = _workbook()


def _table(provider: atheris.FuzzedDataProvider) -> bytes:
    """Return a CSV file, or JSON, with a header that is understood and anything below it."""
    header = provider.PickValueInList(list(HEADERS))
    rows = [
        [provider.ConsumeUnicode(24) for _ in header]
        for _ in range(provider.ConsumeIntInRange(0, 4))
    ]
    if provider.ConsumeBool():
        posts = [dict(zip(header, row, strict=True)) for row in rows]
        return json.dumps({"items": posts}).encode()
    lines = [",".join(header), *(",".join(row) for row in rows)]
    code = provider.PickValueInList(["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    return "\r\n".join(lines).encode(code, "replace")


def _changed_workbook(provider: atheris.FuzzedDataProvider) -> bytes:
    """Return a workbook of which one part says something else."""
    parts = dict(PARTS)
    name = provider.PickValueInList(sorted(parts))
    part = bytearray(parts[name])
    for _ in range(provider.ConsumeIntInRange(0, 12)):
        part[provider.ConsumeIntInRange(0, len(part) - 1)] = provider.ConsumeInt(1) & 0xFF
    parts[name] = bytes(part)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for one_name, content in parts.items():
            made.writestr(one_name, content)
    return out.getvalue()


def _keep(contact: Contact) -> None:
    json.dumps(asdict(storable(contact)), default=str, ensure_ascii=False).encode()


def one(data: bytes) -> None:
    """Try one input as a file of posts and as one of contacts."""
    provider = atheris.FuzzedDataProvider(data)
    way = provider.ConsumeIntInRange(0, 3)
    if way == 0:
        content = provider.ConsumeBytes(8192)
    elif way == 1:
        content = _changed_workbook(provider)
    else:
        content = _table(provider)
    with suppress(Invalid, TooLarge):
        file = read_board(content, LIMITS)
        layout = layout_of(file.header, {})
        for numbered in file.posts:
            contact, wrong = contact_of(numbered.post, layout, board="people.cn", zone=ZONE, at=NOW)
            assert (contact is None) is bool(wrong)
            if contact is not None:
                _keep(contact)
    with suppress(Invalid, TooLarge):
        sheet = read(content, COLUMNS, LIMITS)
        contacts, _ = contacts_of(sheet.rows, Reading(categories={"01"}, zone=ZONE, now=NOW))
        for contact in contacts:
            _keep(contact)


def main() -> None:
    """Run until told otherwise; a crash leaves its input in the working folder."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
