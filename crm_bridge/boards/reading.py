"""Reads files of posts: workbooks, CSV and JSON, with whatever columns a board has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from channels.message_board.posts import batch_of
from channels.message_board.rules import Post
from crm_bridge.sheets.columns import RowError
from crm_bridge.sheets.limits import Limits, too_large
from crm_bridge.sheets.reading import lines_of
from infra.kit.errors import Invalid

_LIMITS = Limits(columns=1_000)
"""What nobody knows is kept with its post: so far more columns are looked at than somebody understands."""
_JSON = (b"[", b"{")
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPost:
    """A post and where it stands: 2 is the first below a table's header, and the first of a JSON list."""

    number: int
    post: Post = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFile:
    """A file that has been read.

    Attributes:
        header: Its columns.
        posts: In their order.
        errors: Of cells that cannot be read.
    """

    header: Sequence[str]
    posts: Sequence[NumberedPost]
    errors: Sequence[RowError] = ()


def read_board(content: bytes, limits: Limits = _LIMITS) -> BoardFile:
    """Return the posts of a file.

    Raises:
        Invalid: It is none, or damaged.
        TooLarge: It is larger than is taken.
    """
    if len(content) > limits.size:
        raise too_large(f"{limits.size // 1024} KiB")
    if content.removeprefix(_MARK).lstrip()[:1] in _JSON:
        batch = batch_of(content.removeprefix(_MARK), most=limits.rows)
        numbered = [
            NumberedPost(number=number, post=post) for number, post in enumerate(batch.posts, 2)
        ]
        return BoardFile(header=batch.header, posts=numbered)
    return _table(content, limits)


def _table(content: bytes, limits: Limits) -> BoardFile:
    errors: list[RowError] = []
    lines = (line for line in lines_of(content, limits, errors) if any(line[1]))
    _, header = next(lines, (1, list[str]()))
    if len(set(filter(None, header))) < len(list(filter(None, header))):
        raise Invalid("two columns have the same name", "有两列同名，请修改表头")
    posts: list[NumberedPost] = []
    for number, cells in lines:
        if len(posts) >= limits.rows:
            raise too_large(f"{limits.rows} rows / 行")
        post = {name: cell for name, cell in zip(header, cells, strict=False) if name}
        posts.append(NumberedPost(number=number, post=post))
    return BoardFile(header=[name for name in header if name], posts=posts, errors=errors)
