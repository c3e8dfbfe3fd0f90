"""Rows of the words by which tickets are found, and the index over them that each kind of database has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, event, inspect, text
from sqlmodel import Field

from infra.kit.database import Row

FULL_TEXT = "ticket_words"
"""The index: on SQLite a virtual table, which brings a few tables of its own."""

# Every non-ASCII character is a letter to the tokenizer `ascii`: our terms stay what they are.
_SQLITE = (
    """CREATE VIRTUAL TABLE ticket_words USING fts5(
    terms, content='ticket_terms', content_rowid='ticket_id', tokenize='ascii', detail='none', columnsize=0)""",
    """CREATE TRIGGER ticket_terms_added AFTER INSERT ON ticket_terms BEGIN
    INSERT INTO ticket_words (rowid, terms) VALUES (new.ticket_id, new.terms); END""",
    """CREATE TRIGGER ticket_terms_removed AFTER DELETE ON ticket_terms BEGIN
    INSERT INTO ticket_words (ticket_words, rowid, terms) VALUES ('delete', old.ticket_id, old.terms); END""",
    """CREATE TRIGGER ticket_terms_changed AFTER UPDATE ON ticket_terms BEGIN
    INSERT INTO ticket_words (ticket_words, rowid, terms) VALUES ('delete', old.ticket_id, old.terms);
    INSERT INTO ticket_words (rowid, terms) VALUES (new.ticket_id, new.terms); END""",
    "INSERT INTO ticket_words (ticket_words) VALUES ('rebuild')",
)
# What waits to be sorted into the index is read through by every search: it is kept short.
_POSTGRESQL = (
    "CREATE INDEX ticket_words ON ticket_terms USING gin (string_to_array(terms, ' '))"
    " WITH (gin_pending_list_limit = 512)",
)


class TicketTermsRow(Row, table=True):
    """What a ticket is found by, as `rules.ticket_terms` says: terms with blanks between.

    A table of its own: a ticket's row changes with every step of its life, its words hardly ever.
    """

    __tablename__ = "ticket_terms"

    ticket_id: int = Field(primary_key=True, foreign_key="tickets.id")
    terms: str


def make_index(connection: Connection) -> bool:
    """Make the index over the terms, filled with what is there; return whether it was made and not there before."""
    if not inspect(connection).has_table(TicketTermsRow.__tablename__):
        return False
    if connection.dialect.name == "sqlite":
        known = inspect(connection).has_table(FULL_TEXT)
        statements: tuple[str, ...] = _SQLITE
    else:
        found = text("SELECT to_regclass(:name) IS NOT NULL")
        known = bool(connection.execute(found, {"name": FULL_TEXT}).scalar_one())
        statements = _POSTGRESQL
    if known:
        return False
    for statement in statements:
        connection.exec_driver_sql(statement)
    return True


def _made(_table: Table, connection: Connection, **_: Any) -> None:
    make_index(connection)


event.listen(TicketTermsRow.__table__, "after_create", _made)  # type: ignore[attr-defined]  # SQLModel does not declare it
