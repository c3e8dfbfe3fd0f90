"""Alembic's entry: runs the migrations on the connection that `infra.run.migrate` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import String
from sqlalchemy.types import TypeDecorator

from infra.run.tables import compared, whole_metadata


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as what they are on disk, so that old migrations outlive the classes."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    stored = item.impl_instance
    if isinstance(stored, String):
        length = getattr(item, "length", None) or stored.length
        return f"sa.String(length={length})" if length else "sa.String()"
    return f"sa.{stored!r}"


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=whole_metadata(),
    render_as_batch=True,
    render_item=render_item,
    compare_type=True,
    include_name=compared,
)
with context.begin_transaction():
    context.run_migrations()
