"""Errors on the wire: RFC 9457 problem details in two languages, and never a stack trace."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import uuid4

import pydantic
import structlog
from aiohttp import web
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from infra.kit.errors import (
    Conflict,
    FieldError,
    Invalid,
    LianxinError,
    NotAuthenticated,
    NotFound,
    Refused,
    TooLarge,
    TryLater,
)

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MethodNotAllowed(Refused):
    """The path exists, but not for this method."""

    slug = "method-not-allowed"
    status = 405
    title_zh = "该地址不支持此操作"
    title_en = "This address does not support the method"


def problem(error: LianxinError) -> web.Response:
    """Return the response that tells a person what went wrong and what to do next."""
    body: dict[str, Any] = {
        "type": f"urn:lianxin:problem:{error.slug}",
        "status": error.status,
        "title": error.title_zh,
        "title_zh": error.title_zh,
        "title_en": error.title_en,
        "detail": error.detail_zh or error.title_zh,
        "detail_zh": error.detail_zh or error.title_zh,
        "detail_en": error.detail_en or error.title_en,
    }
    if error.fields:
        body["fields"] = [
            {"pointer": f.pointer, "message_zh": f.message_zh, "message_en": f.message_en}
            for f in error.fields
        ]
    body |= error.extensions
    headers = {}
    if isinstance(error, TryLater):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = (
            "Bearer"  # RFC 9110 wants a 401 to say how; pages log in otherwise
        )
    response = web.json_response(body, status=error.status, headers=headers)
    response.content_type = PROBLEM_JSON
    return response


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id, and every error its problem details."""
    request_id = uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        response = await handler(request)
    except LianxinError as error:
        if error.status >= 500:
            log.warning("request_failed", slug=error.slug, reason=error.detail_en)
        response = problem(error)
    except web.HTTPException as error:
        if error.status < 400:
            error.headers["X-Request-ID"] = request_id
            raise
        response = problem(_from_http(error))
    except IntegrityError:
        log.warning("request_conflict")
        response = problem(Conflict())
    except (OperationalError, InterfaceError, InternalError, NoConnectionFree) as error:
        log.warning("database_unavailable", error=type(getattr(error, "orig", error)).__name__)
        response = problem(TryLater("the database does not answer", "数据库暂时没有响应"))
    except Exception as error:  # the last line of defence: nothing of it may leave the process
        log.exception("request_crashed", error=type(error).__name__)
        response = problem(LianxinError(f"request id {request_id}", f"请求编号 {request_id}"))
    if not response.prepared:
        response.headers["X-Request-ID"] = request_id
    return response


def invalid(error: pydantic.ValidationError) -> Invalid:
    """Return the field errors of a form, in both languages, with JSON pointers."""
    return Invalid(
        "correct the fields that are named", "请修改标出的各项", fields=field_errors(error.errors())
    )


def field_errors(errors: Iterable[Any]) -> list[FieldError]:
    """Return pydantic's error details as field errors."""
    return [_field_error(detail) for detail in errors]


_MESSAGES: dict[str, tuple[str, str]] = {
    "missing": ("此项必填", "This field is required"),
    "extra_forbidden": ("没有这一项，请删除", "There is no such field, remove it"),
    "string_too_short": ("至少需要 {min_length} 个字", "At least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字", "At most {max_length} characters"),
    "string_type": ("应为文字", "Must be text"),
    "string_pattern_mismatch": ("格式不正确", "Not in the expected form"),
    "enum": ("请选择其中一项：{expected}", "Choose one of: {expected}"),
    "literal_error": ("请选择其中一项：{expected}", "Choose one of: {expected}"),
    "bool_parsing": ("应为是或否", "Must be true or false"),
    "bool_type": ("应为是或否", "Must be true or false"),
    "int_parsing": ("应为整数", "Must be a whole number"),
    "int_type": ("应为整数", "Must be a whole number"),
    "greater_than_equal": ("不能小于 {ge}", "Must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "Must be at most {le}"),
    "json_invalid": ("不是有效的 JSON", "Not valid JSON"),
}


def _field_error(detail: Any) -> FieldError:
    pointer = "".join(
        f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in detail["loc"]
    )
    context = detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, LianxinError):
        zh, en = cause.detail_zh or cause.title_zh, cause.detail_en or cause.title_en
    else:
        zh, en = _MESSAGES.get(detail["type"], ("填写有误", "Not valid"))
    return FieldError(pointer=pointer, message_zh=_fill(zh, context), message_en=_fill(en, context))


def _fill(template: str, context: dict[str, Any]) -> str:
    # Only the limits of the rule are put in, never what the person typed.
    for name in ("min_length", "max_length", "expected", "ge", "le"):
        template = template.replace(f"{{{name}}}", str(context.get(name, "")))
    return template


def _from_http(error: web.HTTPException) -> LianxinError:
    kinds: dict[int, type[LianxinError]] = {404: NotFound, 405: MethodNotAllowed, 413: TooLarge}
    kind = kinds.get(error.status)
    if kind is not None:
        return kind()
    return Refused() if error.status < 500 else TryLater()
