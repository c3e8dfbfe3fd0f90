"""How far two stored moments lie apart, exactly to the microsecond, in the words of either database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement, literal


class _Microseconds(FunctionElement[int]):
    """Microseconds since 1970 of a stored moment."""

    type = Integer()
    inherit_cache = True


@compiles(_Microseconds, "postgresql")
def _postgresql(element: _Microseconds, compiler: Any, **options: Any) -> str:
    # EXTRACT gives a numeric, which loses nothing.
    return f"(EXTRACT(epoch FROM {compiler.process(element.clauses, **options)}) * 1000000)"


@compiles(_Microseconds, "sqlite")
def _sqlite(element: _Microseconds, compiler: Any, **options: Any) -> str:
    # Kept as text, `2026-03-02 01:30:00.000000`: SQLite's own arithmetic stops at milliseconds.
    column = compiler.process(element.clauses, **options)
    return (
        f"(CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER) * 1000000"
        f" + CAST(substr({column}, 21, 6) AS INTEGER))"
    )


def microseconds(moment: Any) -> ColumnElement[int]:
    """Return a stored moment as microseconds since 1970, by which moments can be reckoned with."""
    return _Microseconds(moment)


def later_by(later: Any, earlier: Any, than: timedelta) -> ColumnElement[bool]:
    """Return the condition that one moment lies more than `than` behind another; unknown if either is empty."""
    most = than // timedelta(microseconds=1)
    apart = _Microseconds(later) - _Microseconds(earlier)
    return apart.op(">", return_type=Boolean())(literal(most, literal_execute=True))
