"""The errors that a person or another system gets to see.

Three kinds are told apart: `TryLater` (the same request may succeed in a moment), `Refused` (it will not, and the
answer says what to change) and `Misconfigured` (somebody must mend the installation). One middleware maps them to
RFC 9457 problem details; nothing else of an exception leaves the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one field of a form.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the request body, e.g. `/title`.
        message_zh: What to do, in Chinese.
        message_en: What to do, in English.
    """

    pointer: str
    message_zh: str
    message_en: str


class LianxinError(Exception):
    """The root of every error that Lianxin raises on purpose.

    Args:
        detail_en: What happened and what to do next, in English; holds ids only, never personal data.
        detail_zh: The same in Chinese.
        fields: Field errors, where a form is at fault.
    """

    slug: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title_zh: ClassVar[str] = "系统内部错误，请稍后再试；如仍出现，请把编号告诉管理员"
    title_en: ClassVar[str] = (
        "Internal error. Try again; if it stays, give the request id to your administrator"
    )

    def __init__(
        self, detail_en: str = "", detail_zh: str = "", *, fields: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail_en or self.title_en)
        self.detail_en = detail_en
        self.detail_zh = detail_zh
        self.fields = tuple(fields)

    @property
    def extensions(self) -> Mapping[str, object]:
        """Further members of the problem details (RFC 9457 §3.2), as JSON; by itself none."""
        return {}


class TryLater(LianxinError):
    """Not now: the same request may succeed after `retry_after` seconds."""

    slug = "try-later"
    status = 503
    title_zh = "系统暂时繁忙，请稍后重试"
    title_en = "Temporarily unavailable, try again shortly"

    def __init__(
        self, detail_en: str = "", detail_zh: str = "", *, retry_after: float = 5.0
    ) -> None:
        super().__init__(detail_en, detail_zh)
        self.retry_after = retry_after


class TooMany(TryLater):
    """Too many requests from one sender."""

    slug = "too-many-requests"
    status = 429
    title_zh = "操作过于频繁，请稍候再试"
    title_en = "Too many requests, wait a moment and try again"


class Refused(LianxinError):
    """The request will not succeed as it is."""

    slug = "refused"
    status = 400
    title_zh = "请求无法受理，请检查后重新提交"
    title_en = "The request cannot be accepted as it is"


class NotAuthenticated(Refused):
    """Nobody is logged in, or the login has ended."""

    slug = "not-authenticated"
    status = 401
    title_zh = "请先登录；登录已失效时请重新登录"
    title_en = "Log in first; if you were logged in, the session has ended"


class Forbidden(Refused):
    """Somebody is logged in but may not do this."""

    slug = "forbidden"
    status = 403
    title_zh = "您没有进行此操作的权限"
    title_en = "You are not allowed to do this"


class NotFound(Refused):
    """There is no such thing, or none that the asker may know of."""

    slug = "not-found"
    status = 404
    title_zh = "没有找到所请求的内容"
    title_en = "Not found"


class Conflict(Refused):
    """The thing is not in a state in which this can be done."""

    slug = "conflict"
    status = 409
    title_zh = "当前状态不允许此操作，请刷新后再试"
    title_en = "The current state does not allow this, reload and try again"


class Invalid(Refused, ValueError):
    """Fields are missing or wrong."""

    slug = "invalid"
    status = 422
    title_zh = "填写的内容有误，请按提示修改"
    title_en = "Some fields need correction"


class TooLarge(Refused):
    """More was sent than is accepted."""

    slug = "too-large"
    status = 413
    title_zh = "提交的内容过大，请精简后重试"
    title_en = "The request is too large"


class Misconfigured(LianxinError):
    """The installation itself must be mended; the message names the setting."""

    slug = "misconfigured"
    status = 500
    title_zh = "系统配置有误，请联系管理员"
    title_en = "The installation is misconfigured, tell your administrator"
