"""Posts of message boards brought in, through the same intake as every channel's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from channels.contacts.rules import Contact
from channels.message_board.rules import Layout, contact_of, layout_of, require_board
from channels.protocol import Take
from crm_bridge.batches import count_known, take_all
from crm_bridge.boards.reading import BoardFile, read_board
from crm_bridge.sheets.columns import RowError, in_order
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardOutcome:
    """What an import did, or would do.

    Attributes:
        posts: Posts in the file.
        added: How many are new.
        known: How many came before, or stand in the file twice.
        columns: The column of each field, as it was understood.
        kept: Columns that nobody knows; what they say is kept with the contact.
        errors: Every one, in the order of the rows; with any, nothing is taken in.
        stored: Whether it was done; False for a dry run and with errors.
    """

    posts: int
    added: int = 0
    known: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    errors: Sequence[RowError] = ()
    stored: bool = False


class BoardImport:
    """Takes files of posts in.

    Args:
        database: Where it is looked up which came before.
        clock: Gives the time at which a file comes.
        zone: The city's time.
        columns: Columns by field, where a board's own names say too little.
        take: Takes one contact in, once however often it is given.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zone: tzinfo,
        columns: Mapping[str, str],
        take: Take,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._columns = columns
        self._take = take

    async def take(
        self,
        actor: Principal | None,
        board: str,
        content: bytes,
        *,
        mapping: Mapping[str, str] | None = None,
        dry_run: bool,
    ) -> BoardOutcome:
        """Take every post of a file in, or none when one is wrong.

        Each is on disk by itself, with its ticket: an import that is broken off is finished by importing the same file
        again.

        Args:
            actor: Who brings it; None is the command line.
            board: Name of the board, e.g. `people.cn`.
            content: An .xlsx workbook, a CSV file or JSON.
            mapping: Columns by field, for this file.
            dry_run: Only say what it would do.

        Raises:
            Invalid: It is no such file, its columns are not understood, or the board's name is none.
            TooLarge: It is larger than is taken.
        """
        require_board(board)
        file = await asyncio.to_thread(read_board, content)
        configured = {
            name: column for name, column in self._columns.items() if column in file.header
        }
        layout = layout_of(file.header, {**configured, **(mapping or {})})
        contacts, wrong = await asyncio.to_thread(self._contacts, file, layout, board)
        outcome = BoardOutcome(
            posts=len(file.posts),
            columns=layout.columns,
            kept=[name for name in file.header if name not in set(layout.columns.values())],
            errors=in_order([*file.errors, *wrong]),
        )
        if outcome.errors:
            return outcome
        once = {contact.external_id: contact for contact in reversed(contacts)}
        if dry_run:
            added = len(once) - await count_known(self._database, list(once.values()))
        else:
            added = await take_all(self._take, [*reversed(once.values())])
            await self._write_down(actor, board, added)
        return BoardOutcome(
            posts=outcome.posts,
            added=added,
            known=len(contacts) - added,
            columns=outcome.columns,
            kept=outcome.kept,
            stored=not dry_run,
        )

    def _contacts(
        self, file: BoardFile, layout: Layout, board: str
    ) -> tuple[Sequence[Contact], Sequence[RowError]]:
        now = self._clock.now()
        contacts: list[Contact] = []
        errors: list[RowError] = []
        for numbered in file.posts:
            contact, wrong = contact_of(numbered.post, layout, board=board, zone=self._zone, at=now)
            errors += [
                RowError(
                    row=numbered.number,
                    column=one.column,
                    message_zh=one.message_zh,
                    message_en=one.message_en,
                )
                for one in wrong
            ]
            if contact is not None:
                contacts.append(contact)
        return contacts, errors

    async def _write_down(self, actor: Principal | None, board: str, added: int) -> None:
        async with self._database.transaction() as session:
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="board.import",
                subject=f"board:{board}",
                detail={"added": added},
            )
