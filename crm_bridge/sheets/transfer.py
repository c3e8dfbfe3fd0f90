"""What can be brought in and taken out as a table file, over HTTP and from the command line alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crm_bridge.sheets.columns import RowError
from crm_bridge.sheets.writing import SheetKind
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an import did, or would do.

    Attributes:
        rows: Rows of the file that are not blank.
        added: How many things are new.
        changed: How many are other than they were.
        removed: How many are no longer there; only where a file replaces the whole.
        errors: Every one, in the order of the rows; with any, nothing is stored.
        stored: Whether it was done; False for a dry run and with errors.
    """

    rows: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    errors: Sequence[RowError] = ()
    stored: bool = False


class Transfer(Protocol):
    """One kind of table file.

    Attributes:
        name: What it is called in paths and commands, e.g. `units`.
        permission: Who may bring it in.
        title: What it is called in the documentation.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # described by the class

    @property
    def permission(self) -> str: ...  # noqa: D102  # described by the class

    @property
    def title(self) -> str: ...  # noqa: D102  # described by the class

    async def take(self, actor: Principal | None, content: bytes, *, dry_run: bool) -> Outcome:
        """Bring a file in: all of it or nothing.

        Args:
            actor: Who brings it; None is the command line.
            content: The file.
            dry_run: Only say what it would do.

        Raises:
            Invalid: It is not a table file.
            TooLarge: It is larger than is taken.
        """
        ...

    async def give(self, kind: SheetKind) -> bytes:
        """Return everything as a file that `take` reads again."""
        ...
