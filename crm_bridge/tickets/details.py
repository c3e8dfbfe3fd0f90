"""What belongs to the events of tickets, as typed values. Pure; `happenings.DETAILS` says which goes with which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from crm_bridge.tickets.vocabulary import Lane, ReturnGrounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By when a unit must have signed and replied.

    Attributes:
        limit: What `due_at` was reckoned by: `5wd` working days, `24h` clock hours, `2wh` working hours.
        provisional: The working calendar of that time is not yet published (暂定).
    """

    sign_due_at: datetime
    due_at: datetime
    limit: str
    provisional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What belongs to an event; by itself nothing. What people wrote is never in a `repr()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Detail):
    """Something was written: an answer, an instruction; `attachments` are the files that the citizen gets with it."""

    text: str = field(repr=False)
    attachments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned(Detail):
    """Something was done or decided for a reason."""

    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class About(Detail):
    """Something happened to one assignment."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(About):
    """A unit's return was decided on; `by_rule` when the centre was silent for too long."""

    reason: str = field(default="", repr=False)
    by_rule: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted(Detail):
    """Why the hotline does not take the matter, and where the citizen is to turn."""

    grounds: str = field(repr=False)
    where_to_turn: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed(Detail):
    """To which platform it was passed (110, 信访…), and its number there."""

    platform: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Detail):
    """The other platform has taken it, under its own number."""

    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowsMain(Detail):
    """Which ticket this one follows."""

    main_id: int
    main_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched(Detail):
    """Which units were given the ticket."""

    lead: str
    helpers: tuple[str, ...] = ()
    terms: Terms
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpersAdded(Detail):
    """Which units were given the ticket as helpers later on."""

    units: tuple[str, ...]
    terms: Terms
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(About):
    """What a unit has to say.

    Attributes:
        text: What the citizen is told.
        measures: What was done.
        contacted: Whether the unit has spoken with the citizen.
        attachments: Ids of attachments.
        without_helpers: Why the lead replies while helpers have not.
    """

    text: str = field(repr=False)
    measures: str = field(default="", repr=False)
    contacted: bool
    attachments: tuple[int, ...] = ()
    without_helpers: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAsked(About):
    """Why a unit gives the ticket back, and whose it thinks it is."""

    grounds: ReturnGrounds
    text: str = field(repr=False)
    suggested_unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionAsked(About):
    """By how many days, and why."""

    days: int
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Detail):
    """Until when the lead now has."""

    due_at: datetime
    provisional: bool = False
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled(About):
    """New moments of an assignment: the calendar of that time was published, or type or urgency were put right.

    Attributes:
        limit: What `due_at` is reckoned by from now on; empty: by what it was.
    """

    sign_due_at: datetime
    due_at: datetime
    provisional: bool = False
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAsked(About):
    """Which units the lead wants beside itself."""

    units: tuple[str, ...]
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChosen(About):
    """How the lead handles it: `text` is the plan or the explanation, `talk_by` when it will have talked."""

    lane: Lane
    text: str = field(default="", repr=False)
    talk_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkRecorded(About):
    """What was said with the citizen, and when."""

    text: str = field(repr=False)
    talked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended(Detail):
    """What of the registration was put right, by the names of its fields; the earlier values stand in `was`."""

    changes: Mapping[str, str | bool] = field(repr=False)
    was: Mapping[str, str | bool] = field(repr=False)
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Detail):
    """How the citizen was told, and what."""

    how: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redone(Detail):
    """The new terms of the same lead."""

    terms: Terms
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Detail):
    """Why it waits for dispatch again; `unit_gone` when its lead takes no tickets any more."""

    reason: str = field(default="", repr=False)
    unit_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated(Detail):
    """What the citizen pressed: 1 very satisfied … 5 very dissatisfied; `text` is why, when he wrote it on a page."""

    rating: int
    callback_id: int | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRated(Detail):
    """Why there is no rating; `link_sent` when the citizen was sent a link to rate after all."""

    reason: str = ""
    callback_id: int | None = None
    link_sent: bool = False


NOTHING = Detail()
