"""Message boards, wired: over HTTP, and for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from channels.protocol import Take
from crm_bridge.boards import api
from crm_bridge.boards.answers import AnswerFormat, BoardAnswers
from crm_bridge.boards.service import BoardImport, BoardOutcome
from infra.kit.clock import Clock
from infra.kit.http import Routes
from infra.run.contact_import import contact_intake
from infra.run.foundation import Foundation
from infra.run.settings import Settings
from infra.run.store import open_store


def board_routes(base: Foundation, take: Take) -> Routes:
    """Return the endpoints of message boards."""
    columns = base.settings.message_board.columns
    return api.routes(
        BoardImport(base.database, base.clock, base.zone, columns, take),
        BoardAnswers(base.database, base.clock, base.zone),
    )


async def import_posts(
    settings: Settings,
    clock: Clock,
    board: str,
    content: bytes,
    *,
    mapping: Mapping[str, str],
    dry_run: bool,
) -> BoardOutcome:
    """Bring a file of posts in, beside a process that serves or without one.

    Raises:
        Invalid: It is no such file, or its columns are not understood.
        TooLarge: It is larger than is taken.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    zone = ZoneInfo(settings.city.timezone)
    async with open_store(settings) as store:
        intake = await contact_intake(store, settings, clock)
        columns = settings.message_board.columns
        boards = BoardImport(store.database, clock, zone, columns, intake.take)
        return await boards.take(None, board, content, mapping=mapping, dry_run=dry_run)


async def export_answers(
    settings: Settings, clock: Clock, board: str, kind: AnswerFormat, *, new: bool
) -> bytes:
    """Return the answers to a board's posts as a file.

    Raises:
        Invalid: The board's name is none.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with open_store(settings) as store:
        answers = BoardAnswers(store.database, clock, ZoneInfo(settings.city.timezone))
        return await answers.export(None, board, kind, new=new)
