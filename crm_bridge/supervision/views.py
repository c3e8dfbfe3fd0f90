"""Papers as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from channels.attachments.api import AttachmentView
from crm_bridge.supervision.letter import Letter, Weight, weight_of
from crm_bridge.supervision.papers import Box
from crm_bridge.supervision.rules import Cause, Origin, PaperState, RecipientRole, Rung
from infra.kit.http import ApiModel

Action = Literal["read", "reply", "mend", "minutes", "close", "delist", "withdraw"]
"""What somebody can do with a paper."""


class EarlierReply(ApiModel):
    """What a unit said before it mended its reply."""

    text: str
    at: datetime
    by: str | None


class RecipientView(ApiModel):
    """A unit that a paper went to; what it replied is shown to itself and to the centre.

    `late` is said by the first reply; `earlier` is what it said before, oldest first.
    """

    unit: str
    unit_name: str
    unit_name_en: str
    role: RecipientRole
    read_at: datetime | None
    read_by: str | None
    replied_at: datetime | None
    replied_by: str | None
    late: bool
    mended_at: datetime | None
    mended_by: str | None
    reply: str | None
    earlier: list[EarlierReply]
    attachments: list[AttachmentView]


class PaperSummary(ApiModel):
    """A paper in a list; the title is empty when the ticket hides its citizen.

    `overdue` is read off the clock; `own` is the asker's unit as recipient.
    """

    id: int
    rung: Rung
    rung_zh: str
    rung_en: str
    number: str
    ticket_id: int
    ticket_number: str
    n: int | None
    title: str
    hidden: bool
    origin: Origin
    cause: Cause | None
    issued_at: datetime
    issued_by: str | None
    reply_due_at: datetime | None
    meeting_at: datetime | None
    state: PaperState
    state_zh: str
    state_en: str
    overdue: bool
    closed_at: datetime | None
    main: list[str]
    own: RecipientRole | None
    own_read: bool
    own_replied: bool


class ParagraphView(ApiModel):
    """One paragraph of a document."""

    weight: Weight
    text: str


class LetterView(ApiModel):
    """A document, to be shown on a page."""

    number: str
    pressing: str
    head: str
    title: list[str]
    addressees: list[str]
    body: list[ParagraphView]
    issuer: str
    dated: date
    note: str
    copies: list[str]

    @classmethod
    def of(cls, letter: Letter) -> LetterView:
        """Return the view of a letter."""
        return cls(
            number=letter.number,
            pressing=letter.pressing,
            head=letter.issuer + letter.head,
            title=list(letter.title),
            addressees=list(letter.addressees),
            body=[ParagraphView(weight=weight_of(text), text=text) for text in letter.body],
            issuer=letter.issuer,
            dated=letter.dated,
            note=letter.note,
            copies=list(letter.copies),
        )


class MeetingView(ApiModel):
    """When, where and with whom a coordination meeting is held."""

    at: datetime
    place: str
    participants: list[str]


class ListingView(ApiModel):
    """Who answers for a listed matter, and what is to be done about it."""

    leader: str
    measures: list[str]


class MinutesView(ApiModel):
    """What a coordination meeting came to."""

    attended: str
    text: str
    decisions: list[str]
    at: datetime
    by: str | None


class PaperView(PaperSummary):
    """A paper with all that belongs to it; `actions` is what the asker can do with it now."""

    letter: LetterView
    digest: str
    place: str
    grounds: str
    meeting: MeetingView | None
    listing: ListingView | None
    minutes: MinutesView | None
    conclusion: str | None
    closed_by: str | None
    recipients: list[RecipientView]
    actions: list[Action]


class PaperPage(ApiModel):
    """A part of a list of papers, newest first; `next_cursor` is null on the last."""

    items: list[PaperSummary]
    next_cursor: str | None


class PaperBoxes(ApiModel):
    """How many papers lie in each box of the asker."""

    boxes: dict[Box, int]
    as_of: datetime


class TicketPapers(ApiModel):
    """The papers about a ticket, oldest first, and the rung that comes next; null when it is listed."""

    items: list[PaperSummary]
    next_rung: Rung | None


class PaperPreview(ApiModel):
    """What would be issued; nothing is written."""

    letter: LetterView
    reply_due_at: datetime | None
    hidden: bool


class RungCount(ApiModel):
    """Papers of one rung that were issued in a period, as they stand at `as_of`."""

    rung: Rung
    rung_zh: str
    rung_en: str
    issued: int
    open: int
    overdue: int
    closed: int
    withdrawn: int


class UnitCount(ApiModel):
    """Papers of a period that were addressed to one unit, without withdrawn ones; `late` counts its late replies."""

    unit: str
    unit_name: str
    unit_name_en: str
    reminder: int
    order: int
    meeting: int
    listed: int
    replied: int
    late: int
    overdue: int


class PaperCounts(ApiModel):
    """How many papers there are, by rung and by unit; `since` and `until` are days of the city, both included."""

    since: date
    until: date
    as_of: datetime
    rungs: list[RungCount]
    units: list[UnitCount]


class ListedMatter(ApiModel):
    """A matter on the public list."""

    paper_id: int
    number: str
    ticket_number: str
    title: str
    hidden: bool
    units: list[str]
    leader: str
    measures: list[str]
    listed_at: datetime
    reply_due_at: datetime | None
    overdue: bool


class ListedMatters(ApiModel):
    """Every matter that is listed now, oldest first."""

    items: list[ListedMatter]
    as_of: datetime
