"""Alembic's entry: runs the migrations on the connection that `infra.run.migrate` hands over."""

from __future__ import annotations

from alembic import context

from infra.run.tables import whole_metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=whole_metadata(),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
