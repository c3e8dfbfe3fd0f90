"""What WeChat's answers over HTTP are: bytes within bounds, an object of JSON, or a reason why there is neither."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from infra.kit.errors import Refused, TryLater

Answer = Mapping[str, Any]

_CHUNK = 65_536


class InDoubt(TryLater):
    """The request went out, and no answer came."""


async def read(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """Return the body of an answer.

    Raises:
        Refused: It has more bytes than `largest`.
    """
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > largest:
            raise Refused(
                f"WeChat sends more than {largest // 1024 // 1024} MB",
                f"微信返回的内容超过 {largest // 1024 // 1024} MB",
            )
    return bytes(content)


def check(path: str, status: int) -> None:
    """Return if an answer was given.

    Raises:
        InDoubt: The gateway does not know what became of the call.
        TryLater: The call was not taken.
    """
    if status in (502, 504):
        raise InDoubt(f"WeChat's gateway lost {path} (HTTP {status})", "微信网关没有应答")
    if status != 200:
        raise TryLater(
            f"WeChat has no time for {path} (HTTP {status})", f"微信接口繁忙（HTTP {status}）"
        )


def code_of(answer: Answer) -> int:
    """Return the `errcode` of an answer: 0 when it has none, -1 when it is no number."""
    try:
        return int(answer.get("errcode", 0))
    except (TypeError, ValueError):
        return -1


def object_of(path: str, content: bytes) -> Answer:
    """Return the object in an answer.

    Raises:
        InDoubt: There is none.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise InDoubt(f"WeChat answers {path} with no JSON", "微信接口的应答无法识别")
    return answer
