"""What stands on a message board (人民网领导留言板 and others like it), parsed once. Pure.

Every board calls its columns as it likes: most names are known, and a mapping names the others. What nobody knows is
kept as it came.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from types import MappingProxyType

from channels.contacts.rules import Address, AddressKind, Contact, Message
from infra.kit.errors import FieldError, Invalid
from telephony.numbers import PhoneNumber

CHANNEL = "message-board"
TEXT_LENGTH = 20_000
"""Characters of a post that are kept; a ticket shows fewer."""

_LENGTHS = MappingProxyType({"title": 200, "address": 200, "name": 60, "author": 120})
_BOARD = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_ID_LENGTH = 150

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": ("内容", "留言内容", "诉求内容", "正文", "问题描述", "text", "content", "body"),
        "id": ("留言编号", "留言id", "编号", "帖子编号", "id", "tid", "threadsid", "post_id"),
        "title": ("标题", "留言标题", "主题", "title", "subject"),
        "name": ("留言人", "网友", "昵称", "姓名", "nickname", "name"),
        "author": ("用户id", "用户编号", "uid", "userid", "author", "author_id"),
        "phone": ("联系电话", "手机", "手机号", "手机号码", "电话", "phone", "mobile"),
        "address": ("事发地点", "地点", "地址", "address"),
        "type": ("留言类型", "类型", "type", "typename"),
        "posted_at": ("留言时间", "发布时间", "发表时间", "时间", "日期", "posted_at", "dateline"),
    }
)
"""What a field may be called, in small letters; the first of a board's columns that fits is taken."""

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "咨询": "inquiry",
        "求助": "help",
        "投诉": "complaint",
        "投诉/求助": "complaint",
        "举报": "report",
        "建议": "suggestion",
        "建言": "suggestion",
        "建言献策": "suggestion",
        "表扬": "praise",
        "感谢": "praise",
        "inquiry": "inquiry",
        "help": "help",
        "complaint": "complaint",
        "report": "report",
        "suggestion": "suggestion",
        "praise": "praise",
    }
)
_SHOWN = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
    r"(?:[ T]+([0-9]{1,2})[:：时]([0-9]{1,2})分?(?:[:：]?([0-9]{1,2})秒?)?)?"
)
_SECONDS = re.compile(r"1[0-9]{9}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Post = Mapping[str, str]
"""A post as the board has it: texts by the names of their columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with a post: in which column, and what to do."""

    column: str
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which column of a board is what.

    Attributes:
        columns: The column of each field that there is.
    """

    columns: Mapping[str, str] = field(default_factory=dict)

    def of(self, post: Post, name: str) -> str:
        """Return a field of a post; empty where the board has none."""
        column = self.columns.get(name)
        return _clean(post.get(column, "")) if column is not None else ""


def layout_of(header: Sequence[str], mapping: Mapping[str, str]) -> Layout:
    """Return which column is what.

    Args:
        header: The board's columns.
        mapping: Columns by field, where their names say too little; stronger than what is known.

    Raises:
        Invalid: The mapping names what is not there, or no column holds the texts.
    """
    wrong = [
        FieldError(
            pointer=f"/mapping/{name}",
            message_zh=f"没有这个字段，可用：{'、'.join(NAMES)}",
            message_en=f"no such field; there are: {', '.join(NAMES)}",
        )
        for name in mapping
        if name not in NAMES
    ]
    wrong += [
        FieldError(
            pointer=f"/mapping/{name}",
            message_zh=f"文件中没有“{column[:40]}”这一列",
            message_en=f"the file has no column {column[:40]}",
        )
        for name, column in mapping.items()
        if name in NAMES and column not in header
    ]
    known = {column.strip().casefold(): column for column in reversed(header) if column}
    columns = {name: column for name, column in mapping.items() if name in NAMES}
    for name, names in NAMES.items():
        found = next((known[one] for one in names if one in known), None)
        if name not in columns and found is not None and found not in columns.values():
            columns[name] = found
    if "text" not in columns:
        wrong.append(
            FieldError(
                pointer="/mapping/text",
                message_zh="没有找到留言内容列，请用 text 指明是哪一列",
                message_en="no column holds the texts: name it by `text`",
            )
        )
    if wrong:
        raise Invalid(
            "the columns of the file are not understood", "无法识别文件的列", fields=wrong
        )
    return Layout(columns=columns)


def require_board(name: str) -> str:
    """Return the name of a board.

    Raises:
        Invalid: It is none.
    """
    if not _BOARD.fullmatch(name):
        raise Invalid(
            "a board's name has small letters, digits, dots and hyphens, e.g. people.cn",
            "留言板名称应由小写字母、数字、点和连字符组成，例如 people.cn",
            fields=[
                FieldError(
                    pointer="/board",
                    message_zh="应由小写字母、数字、点和连字符组成",
                    message_en="small letters, digits, dots and hyphens",
                )
            ],
        )
    return name


def contact_of(
    post: Post, layout: Layout, *, board: str, zone: tzinfo, at: datetime
) -> tuple[Contact | None, Sequence[Wrong]]:
    """Return the contact of a post, and what is wrong with it; with anything wrong there is no contact.

    Args:
        post: As the board has it.
        layout: Which column is what.
        board: Name of the board.
        zone: The city's time, for moments without an offset.
        at: When the post reached us.
    """
    wrong: list[Wrong] = []
    text, title = layout.of(post, "text"), layout.of(post, "title")
    if not text and not title:
        wrong.append(_wrong(layout, "text", "留言没有内容", "The post says nothing"))
    phone = _phone(post, layout, wrong)
    kind = layout.of(post, "type").casefold()
    if kind and kind not in _TYPES:
        choice = "、".join(name for name in _TYPES if not name.isascii())
        wrong.append(_wrong(layout, "type", f"类型应为：{choice}", "No such type of matter"))
    posted = layout.of(post, "posted_at")
    moment = _moment(posted, zone) if posted else None
    if posted and moment is None:
        wrong.append(
            _wrong(
                layout, "posted_at", "时间应如 2026-03-02 09:30", "Write it like 2026-03-02 09:30"
            )
        )
    if wrong:
        return None, wrong
    author = layout.of(post, "author")[: _LENGTHS["author"]]
    extra = _extra(post, layout) | {"board": board}
    if moment is not None:
        extra["posted_at"] = moment.isoformat()
    return (
        Contact(
            channel=CHANNEL,
            external_id=_identity(post, layout, board),
            received_at=at,
            phone=phone,
            sender=Address(kind=AddressKind.account, value=author, scope=board) if author else None,
            name=layout.of(post, "name")[: _LENGTHS["name"]],
            message=Message(
                text=(text or title)[:TEXT_LENGTH],
                title=title[: _LENGTHS["title"]],
                address=layout.of(post, "address")[: _LENGTHS["address"]],
                type=_TYPES.get(kind, ""),
            ),
            extra=extra,
        ),
        (),
    )


def post_id_of(contact_external_id: str) -> str:
    """Return what the board knows a post by, from what we know its contact by."""
    return contact_external_id.partition("/")[2]


def _identity(post: Post, layout: Layout, board: str) -> str:
    own = layout.of(post, "id")
    if own and len(own) <= _ID_LENGTH:
        return f"{board}/{own}"
    # Without a number of the board's a post is known by what it says, when, and by whom.
    said = [own] + [layout.of(post, name) for name in ("title", "text", "name", "posted_at")]
    digest = hashlib.sha256("\x1f".join(said).encode()).hexdigest()[:32]
    return f"{board}/~{digest}"


def _extra(post: Post, layout: Layout) -> dict[str, object]:
    taken = set(layout.columns.values())
    unknown = {name: _clean(value) for name, value in post.items() if name not in taken and value}
    return {"columns": unknown} if unknown else {}


def _phone(post: Post, layout: Layout, wrong: list[Wrong]) -> PhoneNumber | None:
    text = layout.of(post, "phone")
    if not text:
        return None
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        wrong.append(_wrong(layout, "phone", "不是有效的电话号码", "Not a telephone number"))
        return None


def _moment(text: str, zone: tzinfo) -> datetime | None:
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), zone)
        found = _SHOWN.fullmatch(text)
        if found is not None:
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=zone)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _clean(text: str) -> str:
    return _CONTROLS.sub("", text).strip()


def _wrong(layout: Layout, name: str, zh: str, en: str) -> Wrong:
    return Wrong(column=layout.columns.get(name, name), message_zh=zh, message_en=en)
