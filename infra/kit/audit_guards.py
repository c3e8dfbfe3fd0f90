"""The second lock on the audit log: triggers with which the database itself refuses to change or delete a row.

Who may alter the tables can take the triggers away, and is then found by the chain; who may only write cannot. They
are laid when the tables are made and again after every migration, as altering a table on SQLite makes it anew. A
migration that must rewrite rows of these tables drops the triggers first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, Table, event, inspect, text

from infra.kit.audit import AuditHeadRow, AuditRow
from infra.kit.database import Row

_LOG, _HEAD = "audit_log", "audit_head"

_SQLITE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        _LOG: {
            "audit_log_update": "BEFORE UPDATE ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'audit_log is only ever appended to'); END",
            "audit_log_delete": "BEFORE DELETE ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'audit_log is only ever appended to'); END",
            "audit_log_insert": "BEFORE INSERT ON audit_log "
            "WHEN NEW.seq IS NULL AND EXISTS (SELECT 1 FROM audit_head) "
            "BEGIN SELECT RAISE(ABORT, 'a row of audit_log must be linked'); END",
        },
        _HEAD: {
            "audit_head_update": "BEFORE UPDATE ON audit_head WHEN NEW.count <= OLD.count "
            "BEGIN SELECT RAISE(ABORT, 'audit_head only ever grows'); END",
            "audit_head_delete": "BEFORE DELETE ON audit_head "
            "BEGIN SELECT RAISE(ABORT, 'audit_head only ever grows'); END",
        },
    }
)

_FUNCTIONS = (
    "CREATE OR REPLACE FUNCTION lianxin_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME; END $$",
    "CREATE OR REPLACE FUNCTION lianxin_audit_linked() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN IF NEW.seq IS NULL AND EXISTS (SELECT 1 FROM audit_head) THEN "
    "RAISE EXCEPTION 'a row of audit_log must be linked'; END IF; RETURN NEW; END $$",
)

_POSTGRESQL: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        _LOG: {
            "audit_log_change": "BEFORE UPDATE OR DELETE ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION lianxin_append_only()",
            "audit_log_truncate": "BEFORE TRUNCATE ON audit_log "
            "FOR EACH STATEMENT EXECUTE FUNCTION lianxin_append_only()",
            "audit_log_insert": "BEFORE INSERT ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION lianxin_audit_linked()",
        },
        _HEAD: {
            "audit_head_update": "BEFORE UPDATE ON audit_head FOR EACH ROW "
            "WHEN (NEW.count <= OLD.count) EXECUTE FUNCTION lianxin_append_only()",
            "audit_head_delete": "BEFORE DELETE ON audit_head "
            "FOR EACH ROW EXECUTE FUNCTION lianxin_append_only()",
            "audit_head_truncate": "BEFORE TRUNCATE ON audit_head "
            "FOR EACH STATEMENT EXECUTE FUNCTION lianxin_append_only()",
        },
    }
)


def guard(connection: Connection) -> None:
    """Lay the triggers on whichever of the tables there are; those that lie there already stay."""
    tables = set(inspect(connection).get_table_names())
    for name in (_LOG, _HEAD):
        if name in tables:
            _guard(connection, name)


def _guard(connection: Connection, table: str) -> None:
    sqlite = connection.dialect.name == "sqlite"
    wanted = (_SQLITE if sqlite else _POSTGRESQL)[table]
    lying = set(connection.execute(text(_LYING_SQLITE if sqlite else _LYING)).scalars())
    missing = {name: body for name, body in wanted.items() if name not in lying}
    if missing and not sqlite:
        for function in _FUNCTIONS:
            connection.execute(text(function))
    for name, body in missing.items():
        connection.execute(text(f"CREATE TRIGGER {name} {body}"))


_LYING = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
_LYING_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


def _guard_new(table: Table, connection: Connection, **_: object) -> None:
    _guard(connection, table.name)


def watch(*rows: type[Row]) -> None:
    """Lay the triggers whenever the tables of these rows are made from the metadata, as tests do."""
    for row in rows:
        event.listen(row.__table__, "after_create", _guard_new)  # type: ignore[attr-defined]  # it is a table


watch(AuditRow, AuditHeadRow)
