"""Posts as JSON: a list of objects, or an object with such a list under `items`, `data` or `list`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.message_board.rules import Post
from infra.kit.errors import FieldError, Invalid, TooLarge

_LISTS = ("items", "data", "list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Posts as somebody sends them.

    Attributes:
        header: Every column that one of them has, in the order of their first coming.
        posts: In their order.
        board: Name of the board, where the batch says it.
        mapping: Columns by field, where the batch says it.
    """

    header: Sequence[str]
    posts: Sequence[Post] = field(repr=False)
    board: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)


def batch_of(content: bytes, *, most: int) -> Batch:
    """Return the posts in some bytes of JSON.

    Args:
        content: In UTF-8.
        most: How many posts are taken.

    Raises:
        Invalid: It is no JSON, or holds no list of objects.
        TooLarge: There are more posts.
    """
    try:
        sent = json.loads(content)
        around = sent if isinstance(sent, dict) else {}
        found = next((around[name] for name in _LISTS if name in around), sent)
        posts = _posts(found, most)
        board, mapping = around.get("board", ""), around.get("mapping", {})
        return Batch(
            header=list(dict.fromkeys(name for post in posts for name in post)),
            posts=posts,
            board=board if isinstance(board, str) else "",
            mapping={str(name): str(column) for name, column in mapping.items()}
            if isinstance(mapping, dict)
            else {},
        )
    except Invalid:
        raise
    except (ValueError, RecursionError):
        raise Invalid(
            "this is not JSON, or nested too deeply", "不是有效的 JSON，或嵌套过深"
        ) from None


def _posts(found: object, most: int) -> list[Post]:
    if not isinstance(found, list):
        raise Invalid(
            "send a list of posts, or an object with one under `items`",
            "应为留言数组，或在 items 中包含留言数组的对象",
            fields=[
                FieldError(pointer="/items", message_zh="应为数组", message_en="must be a list")
            ],
        )
    if len(found) > most:
        raise TooLarge(f"more than {most} posts: split them", f"超过 {most} 条留言：请拆分")
    wrong = [
        FieldError(pointer=f"/items/{place}", message_zh="应为对象", message_en="must be an object")
        for place, post in enumerate(found)
        if not isinstance(post, dict)
    ]
    if wrong:
        raise Invalid(fields=wrong[:20])
    return [{name: _text(value) for name, value in post.items()} for post in found]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
