"""What a unit does with a paper that it got: it reads it, replies, and mends its reply while the paper is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crm_bridge.supervision.rules import (
    OPEN,
    PaperEvent,
    PaperRefused,
    Receipt,
    RecipientRole,
    follow,
    takes_replies,
)
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal


def own_of(principal: Principal, recipients: Sequence[RecipientRow]) -> RecipientRow:
    """Return the recipient that this person's unit is.

    Raises:
        NotFound: The paper did not go to it. Another unit's paper does not exist for this one: not even its number is
            told.
    """
    for recipient in recipients:
        if principal.unit is not None and recipient.unit == principal.unit:
            return recipient
    raise NotFound


def receipt_of(recipient: RecipientRow) -> Receipt:
    """Return what a unit has done with a paper, as the rules ask for it."""
    return Receipt(
        role=recipient.role,
        read=recipient.read_at is not None,
        replied=recipient.replied_at is not None,
    )


def read(own: RecipientRow, principal: Principal, now: datetime) -> None:
    """Write down that the unit has seen the paper; who saw it first has."""
    if own.read_at is None:
        own.read_at, own.read_by = now, principal.number


def reply(
    paper: PaperRow, own: RecipientRow, principal: Principal, text: str, at: datetime
) -> None:
    """Write down the unit's reply; whoever replies has read.

    Raises:
        Forbidden: The unit only got a copy.
        PaperRefused: It has replied already, or the paper takes no replies now.
    """
    if own.role is not RecipientRole.main:
        raise Forbidden("your unit only got a copy", "您单位为抄送单位，无需反馈")
    if own.replied_at is not None:
        raise PaperRefused(
            "your unit has replied already: mend its reply",
            "您单位已经反馈；如需更正或补充，请修改反馈",
        )
    if not takes_replies(paper.rung, paper.state):
        follow(paper.rung, paper.state, PaperEvent.replied)
    read(own, principal, at)
    own.replied_at, own.replied_by, own.reply = at, principal.number, text


def mend(
    paper: PaperRow,
    own: RecipientRow,
    principal: Principal,
    text: str,
    *,
    mends: datetime,
    at: datetime,
) -> None:
    """Put another text in the place of the unit's reply; what it said before stays readable.

    Whether it replied in time is still said by its first reply.

    Args:
        paper: The paper.
        own: The unit.
        principal: Who mends.
        text: What the unit says now.
        mends: When what it says until now was written, as it stood on his screen.
        at: The present moment.

    Raises:
        PaperRefused: The paper is closed, the unit has not replied, or somebody else has mended it meanwhile.
    """
    if paper.state not in OPEN:
        raise PaperRefused(
            "the paper is closed or withdrawn", "该文书已办结或已撤回，反馈不能再修改"
        )
    if own.replied_at is None or own.reply is None:
        raise PaperRefused("your unit has not replied yet", "您单位尚未反馈，请直接反馈")
    written_at, written_by = own.mended_at or own.replied_at, own.mended_by or own.replied_by
    if written_at != mends:
        raise PaperRefused(
            "somebody of your unit has mended the reply meanwhile: look at it first",
            "本单位同事刚刚修改过反馈，请查看后再改",
        )
    earlier = {"text": own.reply, "at": written_at.isoformat(), "by": written_by}
    own.earlier_replies = [*(own.earlier_replies or ()), earlier]
    own.reply, own.mended_at, own.mended_by = text, at, principal.number
