"""Rows of the working calendar, of its versions, and of what the deadlines' worker has done."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class CalendarDayRow(Row, table=True):
    """A day that bears a name or differs from Monday to Friday; every other day is what its weekday says.

    Attributes:
        working: Whether the city works.
        name: Of the holiday that it belongs to, e.g. 国庆节; a make-up working day bears it too.
        document: Where that stands, e.g. 国办发明电〔2025〕7号.
        arrangement: The year whose arrangement it is part of: that of a new year may begin in December.
    """

    __tablename__ = "calendar_days"

    day: date = Field(primary_key=True)
    working: bool
    name: str = Field(max_length=40)
    document: str = Field(max_length=60)
    arrangement: int = Field(index=True)


class CalendarYearRow(Row, table=True):
    """A year whose arrangement is published."""

    __tablename__ = "calendar_years"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str = Field(max_length=60)
    imported_at: datetime = Field(sa_type=UtcDateTime)


class CalendarVersionRow(Row, table=True):
    """The one row that says which calendar is in force. Whoever reckons holds it shared until he has committed."""

    __tablename__ = "calendar_version"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    version: int


class CalendarChangeRow(Row, table=True):
    """A change of the calendar, and how far the open deadlines have followed it.

    Attributes:
        version: The version that it made.
        first_day: The first day that is now otherwise than was thought.
        last_day: The last such day.
        reckoned_to: The assignment up to which the open ones have been reckoned again, by id.
        finished_at: When all had been.
    """

    __tablename__ = "calendar_changes"

    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    first_day: date
    last_day: date
    reckoned_to: int = 0
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class DeadlineMarkRow(Row, table=True):
    """What the deadlines' worker has done, written in the transaction that did it: nothing is done twice.

    Attributes:
        kind: What was done, e.g. `warning_48h`.
        subject: Row of the assignment, or of the ticket, as the kind has it.
        occurrence: Which deadline it was about; one that was moved is another.
        at: When it was done.
    """

    __tablename__ = "deadline_marks"

    kind: str = Field(primary_key=True, max_length=40)
    subject: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    occurrence: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
