"""Table files over HTTP: the file is the body, or the part `file` of a form; every error is told at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import BodyPartReader, web

from crm_bridge.sheets.columns import refuse
from crm_bridge.sheets.limits import Limits
from crm_bridge.sheets.transfer import Outcome, Transfer
from crm_bridge.sheets.writing import MEDIA_TYPES, SheetKind
from infra.kit.errors import Invalid, TooLarge
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

_LARGEST = Limits().size
_PIECE = 64 * 1024


class ImportQuery(ApiModel):
    """How to take the file."""

    dry_run: bool = False


class ExportQuery(ApiModel):
    """Which file is wanted."""

    format: SheetKind = SheetKind.xlsx


class RowErrorView(ApiModel):
    """What is wrong in one place; row 1 is the header."""

    row: int
    column: str
    message_zh: str
    message_en: str


class OutcomeView(ApiModel):
    """What an import did; with `stored` false what it would do."""

    rows: int
    added: int
    changed: int
    removed: int
    errors: list[RowErrorView]
    stored: bool


def add_routes(api: Routes, transfer: Transfer, *, read_permission: str) -> None:
    """Add the import and the export of one kind of file to its subject's endpoints.

    Args:
        api: The subject.
        transfer: The kind of file.
        read_permission: Who may take it out.
    """

    @api.post(f"/api/v1/{transfer.name}/import", permission=transfer.permission)
    async def import_file(
        request: web.Request, principal: Principal, query: ImportQuery
    ) -> OutcomeView:
        """Bring in a table file (.xlsx, or CSV in UTF-8 or GB18030): all of it or nothing.

        The file is the request's body, or the part `file` of a form. A dry run answers with every row's error; in
        earnest the same errors are the field errors of a refusal.
        """
        content = await uploaded(request)
        outcome = await transfer.take(principal, content, dry_run=query.dry_run)
        return outcome_view(outcome, dry_run=query.dry_run)

    add_export(api, transfer, read_permission=read_permission)


def add_export(api: Routes, transfer: Transfer, *, read_permission: str) -> None:
    """Add the export alone, for a subject that has its own import.

    Args:
        api: The subject.
        transfer: The kind of file.
        read_permission: Who may take it out.
    """

    @api.get(f"/api/v1/{transfer.name}/export", permission=read_permission)
    async def export_file(query: ExportQuery) -> web.Response:
        """Take out everything as a table file."""
        return download(await transfer.give(query.format), transfer.name, query.format)


async def uploaded(request: web.Request, largest: int = _LARGEST) -> bytes:
    """Return the file that a request carries.

    Raises:
        TooLarge: It is larger than `largest` bytes.
        Invalid: It is a form without a part named `file`, or there is nothing.
    """
    if not request.content_type.startswith("multipart/"):
        # The stream itself: `read` would hold the file to the limit of all other bodies.
        return _require_something(await _gathered(request.content.read, largest))
    try:
        form = await request.multipart()
        while (part := await form.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name == "file":
                return _require_something(await _gathered(part.read_chunk, largest))
    except ValueError as error:  # what aiohttp raises for a form that is none
        if isinstance(error, Invalid):
            raise
        raise Invalid("the form is damaged", "表单格式不正确") from error
    return _require_something(b"")


def download(content: bytes, name: str, kind: SheetKind) -> web.Response:
    """Return the answer with which a browser saves a file."""
    return web.Response(
        body=content,
        content_type=MEDIA_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _gathered(read: Callable[[int], Awaitable[bytes]], largest: int) -> bytes:
    content = bytearray()
    while piece := await read(_PIECE):
        content += piece
        if len(content) > largest:
            raise TooLarge(
                f"the file is larger than {largest // 1024} KiB: split it",
                f"文件超过 {largest // 1024} KiB：请拆分",
            )
    return bytes(content)


def _require_something(content: bytes) -> bytes:
    if not content:
        raise Invalid(
            "send the file as the body, or as the part `file` of a form",
            "请把文件作为请求正文，或作为表单中名为 file 的部分上传",
        )
    return content


def outcome_view(outcome: Outcome, *, dry_run: bool) -> OutcomeView:
    """Return what an import answers with.

    Raises:
        Invalid: It was in earnest, and the file has errors.
    """
    if not dry_run:
        refuse(outcome.errors)
    return OutcomeView(
        rows=outcome.rows,
        added=outcome.added,
        changed=outcome.changed,
        removed=outcome.removed,
        errors=[
            RowErrorView(
                row=error.row,
                column=error.column,
                message_zh=error.message_zh,
                message_en=error.message_en,
            )
            for error in outcome.errors
        ],
        stored=outcome.stored,
    )
