"""Makes of papers what the API shows to this or that person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from channels.attachments.api import AttachmentView
from channels.attachments.service import Attachment
from crm_bridge.supervision.issuing import Draft
from crm_bridge.supervision.papers import Paper, Recipient
from crm_bridge.supervision.rules import (
    OPEN,
    PaperEvent,
    RecipientRole,
    acts,
    is_overdue,
    takes_replies,
)
from crm_bridge.supervision.views import (
    Action,
    EarlierReply,
    LetterView,
    ListedMatter,
    ListingView,
    MeetingView,
    MinutesView,
    PaperPreview,
    PaperSummary,
    PaperView,
    RecipientView,
)
from crm_bridge.supervision.vocabulary import PAPER_STATE_WORDS, RUNG_WORDS
from infra.kit.identity import Principal

READ, ISSUE, ANSWER = "supervision.read", "supervision.issue", "supervision.answer"

_CENTRE_ACTIONS: dict[PaperEvent, Action] = {
    PaperEvent.minuted: "minutes",
    PaperEvent.closed: "close",
    PaperEvent.delisted: "delist",
    PaperEvent.withdrawn: "withdraw",
}


def preview_of(draft: Draft) -> PaperPreview:
    """Return the view of a paper that is not issued yet."""
    return PaperPreview(
        letter=LetterView.of(draft.snapshot.letter),
        reply_due_at=draft.reply_due_at,
        hidden=draft.case.matter.hidden,
    )


def _summary_fields(principal: Principal, paper: Paper, now: datetime) -> dict[str, object]:
    row, own = paper.row, paper.of_unit(principal.unit)
    rung, state = RUNG_WORDS[row.rung], PAPER_STATE_WORDS[row.state]
    return {
        "id": paper.id,
        "rung": row.rung,
        "rung_zh": rung.zh,
        "rung_en": rung.en,
        "number": row.number,
        "ticket_id": row.ticket_id,
        "ticket_number": paper.ticket_number,
        "n": row.n,
        "title": paper.snapshot.title,
        "hidden": paper.hidden,
        "origin": row.origin,
        "cause": row.cause,
        "issued_at": row.issued_at,
        "issued_by": row.issued_by,
        "reply_due_at": row.reply_due_at,
        "meeting_at": row.meeting_at,
        "state": row.state,
        "state_zh": state.zh,
        "state_en": state.en,
        "overdue": is_overdue(row.rung, row.state, row.reply_due_at, now),
        "closed_at": row.closed_at,
        "main": paper.main,
        "own": own.role if own else None,
        "own_read": bool(own and own.read_at),
        "own_replied": bool(own and own.replied_at),
    }


def summary(principal: Principal, paper: Paper, now: datetime) -> PaperSummary:
    """Return a paper as a list shows it."""
    return PaperSummary.model_validate(_summary_fields(principal, paper, now))


def paper_view(
    principal: Principal,
    paper: Paper,
    files: Mapping[str, Sequence[Attachment]],
    now: datetime,
) -> PaperView:
    """Return a paper with all that belongs to it, as far as this person may know; `files` of replies by unit."""
    row, snapshot = paper.row, paper.snapshot
    meeting, listing = snapshot.meeting, snapshot.listing
    minutes = (
        MinutesView(**paper.minutes, at=row.minuted_at, by=row.minuted_by)
        if paper.minutes and row.minuted_at
        else None
    )
    return PaperView.model_validate(
        _summary_fields(principal, paper, now)
        | {
            "letter": LetterView.of(snapshot.letter),
            "digest": row.digest,
            "place": snapshot.place,
            "grounds": paper.grounds,
            "meeting": meeting
            and MeetingView(
                at=meeting.at, place=meeting.place, participants=list(meeting.participants)
            ),
            "listing": listing
            and ListingView(leader=listing.leader, measures=list(listing.measures)),
            "minutes": minutes,
            "conclusion": paper.conclusion,
            "closed_by": row.closed_by,
            "recipients": [
                _recipient(principal, paper, one, files.get(one.row.unit, ()))
                for one in paper.recipients
            ],
            "actions": _actions(principal, paper),
        }
    )


def told(principal: Principal, one: Recipient) -> bool:
    """Return whether this person is told what a unit replied: that is between it and the centre."""
    return principal.unit in (None, one.row.unit)


def _recipient(
    principal: Principal, paper: Paper, one: Recipient, files: Sequence[Attachment]
) -> RecipientView:
    row, shown = one.row, told(principal, one)
    due = paper.row.reply_due_at
    return RecipientView(
        unit=row.unit,
        unit_name=one.name_zh,
        unit_name_en=one.name_en,
        role=row.role,
        read_at=row.read_at,
        read_by=row.read_by if shown else None,
        replied_at=row.replied_at,
        replied_by=row.replied_by if shown else None,
        late=row.replied_at is not None and due is not None and row.replied_at > due,
        mended_at=row.mended_at if shown else None,
        mended_by=row.mended_by if shown else None,
        reply=row.reply if shown else None,
        earlier=[EarlierReply(**said) for said in row.earlier_replies or ()] if shown else [],
        attachments=[
            AttachmentView(id=file.id, name=file.name, size=file.size, type=file.type)
            for file in files
        ],
    )


def _actions(principal: Principal, paper: Paper) -> list[Action]:
    row, own = paper.row, paper.of_unit(principal.unit)
    found: list[Action] = []
    if principal.may(ANSWER) and own is not None:
        if own.read_at is None and row.state in OPEN:
            found.append("read")
        waited_for = own.role is RecipientRole.main and own.replied_at is None
        if waited_for and takes_replies(row.rung, row.state):
            found.append("reply")
        if own.replied_at is not None and row.state in OPEN:
            found.append("mend")
    if principal.may(ISSUE):
        possible = acts(row.rung, row.state)
        found += [action for event, action in _CENTRE_ACTIONS.items() if event in possible]
    return found


def listed(paper: Paper, now: datetime) -> ListedMatter:
    """Return a paper as the public list shows it."""
    row, listing = paper.row, paper.snapshot.listing
    return ListedMatter(
        paper_id=paper.id,
        number=row.number,
        ticket_number=paper.ticket_number,
        title=paper.snapshot.title,
        hidden=paper.hidden,
        units=paper.main,
        leader=listing.leader if listing else "",
        measures=list(listing.measures) if listing else [],
        listed_at=row.issued_at,
        reply_due_at=row.reply_due_at,
        overdue=is_overdue(row.rung, row.state, row.reply_due_at, now),
    )
