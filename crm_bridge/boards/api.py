"""Message boards over HTTP: posts brought in from files, answers taken out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_bridge.boards.answers import AnswerFormat, BoardAnswers
from crm_bridge.boards.service import BoardImport, BoardOutcome
from crm_bridge.forms import Text
from crm_bridge.sheets.api import RowErrorView, uploaded
from crm_bridge.sheets.columns import refuse
from crm_bridge.sheets.writing import MEDIA_TYPES, SheetKind
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

PERMISSION = "board.manage"


class ImportQuery(ApiModel):
    """How to take the file; `mapping` is a JSON object of columns by field."""

    dry_run: bool = False
    mapping: Annotated[str, Field(max_length=2000)] = ""

    def columns(self) -> Mapping[str, str]:
        """Return the mapping.

        Raises:
            Invalid: It is no JSON object of texts.
        """
        try:
            given = json.loads(self.mapping) if self.mapping else {}
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
            raise Invalid(
                fields=[
                    FieldError(
                        pointer="/mapping",
                        message_zh='应为 JSON 对象，例如 {"text": "诉求描述"}',
                        message_en='must be a JSON object, e.g. {"text": "诉求描述"}',
                    )
                ]
            )
        return given


class BoardOutcomeView(ApiModel):
    """What an import did; with `stored` false what it would do."""

    posts: int
    added: int
    known: int
    columns: dict[str, str]
    kept: list[str]
    errors: list[RowErrorView]
    stored: bool


class AnswersQuery(ApiModel):
    """Which answers; `new`: only those that nobody has published yet."""

    new: bool = False


class ExportQuery(AnswersQuery):
    """Which file of them."""

    format: AnswerFormat = AnswerFormat.xlsx


class BoardAnswerView(ApiModel):
    """The city's answer to a post."""

    post_id: str
    title: str
    number: str
    registered_at: datetime
    unit: str
    answer: str
    answered_at: datetime | None
    published: bool


class BoardAnswerList(ApiModel):
    """Answers to the posts of a board, the oldest first."""

    items: list[BoardAnswerView]


class PublishedBody(ApiModel):
    """Posts whose answers stand on the board now."""

    posts: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=500),
    ]


class PublishedView(ApiModel):
    """How many answers were marked."""

    published: int


def routes(boards: BoardImport, answers: BoardAnswers) -> Routes:
    """Return the endpoints of message boards."""
    api = Routes(tag="boards")

    @api.post("/api/v1/boards/{board}/import", permission=PERMISSION)
    async def import_posts(
        request: web.Request, principal: Principal, board: str, query: ImportQuery
    ) -> BoardOutcomeView:
        """Bring in the posts of a board (.xlsx, CSV or JSON): all of them or none, each once however often it comes.

        The file is the request's body, or the part `file` of a form. A dry run answers with every row's error; in
        earnest the same errors are the field errors of a refusal.
        """
        content, mapping = await uploaded(request), query.columns()
        outcome = await boards.take(
            principal, board, content, mapping=mapping, dry_run=query.dry_run
        )
        if not query.dry_run:
            refuse(outcome.errors)
        return _view(outcome)

    @api.get("/api/v1/boards/{board}/answers", permission=PERMISSION)
    async def list_answers(board: str, query: AnswersQuery) -> BoardAnswerList:
        """List the city's latest answers to the posts of a board, 2 000 at most.

        Reports of wrongs and what was said in confidence are not answered in public.
        """
        found = await answers.of_board(board, new=query.new)
        return BoardAnswerList(
            items=[
                BoardAnswerView(
                    post_id=one.post_id,
                    title=one.title,
                    number=one.number,
                    registered_at=one.registered_at,
                    unit=one.unit,
                    answer=one.answer,
                    answered_at=one.answered_at,
                    published=one.published,
                )
                for one in found
            ]
        )

    @api.get("/api/v1/boards/{board}/answers/export", permission=PERMISSION)
    async def export_answers(principal: Principal, board: str, query: ExportQuery) -> web.Response:
        """Take the answers out as a file, for the person who publishes them on the board."""
        content = await answers.export(principal, board, query.format, new=query.new)
        kind = query.format
        media = (
            "application/json" if kind is AnswerFormat.json else MEDIA_TYPES[SheetKind(kind.value)]
        )
        return web.Response(
            body=content,
            content_type=media,
            headers={
                "Content-Disposition": f'attachment; filename="answers.{kind}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @api.post("/api/v1/boards/{board}/answers/published", permission=PERMISSION)
    async def publish(principal: Principal, board: str, body: PublishedBody) -> PublishedView:
        """Mark answers as published on the board, as they stand now; marking them again changes nothing."""
        return PublishedView(published=await answers.publish(principal, board, body.posts))

    return api


def _view(outcome: BoardOutcome) -> BoardOutcomeView:
    return BoardOutcomeView(
        posts=outcome.posts,
        added=outcome.added,
        known=outcome.known,
        columns=dict(outcome.columns),
        kept=list(outcome.kept),
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
