"""What one person can do to one ticket now: the desks draw their buttons from it. Pure.

Every word is answered by the same rules that would refuse the act, so that no button leads to a refusal but by what is
filled in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crm_bridge.tickets.access import READ_ANY
from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.fitting import CORRECTABLE
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.rules import check
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketEvent, TicketState
from infra.kit.identity import Principal

E = TicketEvent

LEAD_ACTIONS = {
    "sign": E.signed,
    "reply": E.replied,
    "return": E.return_asked,
    "extension": E.extension_asked,
    "help": E.help_asked,
    "lane": E.lane_chosen,
    "talk": E.talk_recorded,
}
"""What a lead does, by the word of the API."""

HELPER_ACTIONS = {
    "sign": E.helper_signed,
    "reply": E.helper_replied,
    "return": E.helper_return_asked,
}
"""What a helper does."""

TICKET_ACTIONS = {
    "dispatch": ("ticket.forward", (E.dispatched,)),
    "helpers": ("ticket.dispatch", (E.helper_added,)),
    "extension_decision": ("ticket.dispatch", (E.extension_refused,)),
    "help_decision": ("ticket.dispatch", (E.help_refused,)),
    "lane_decision": ("ticket.dispatch", (E.lane_refused,)),
    "audit": ("ticket.audit", (E.accepted,)),
    "redo": ("ticket.audit", (E.redone, E.reopened)),
    "explain": ("ticket.audit", (E.explained,)),
    "not_accepted": ("ticket.forward", (E.not_accepted,)),
    "pass_on": ("ticket.forward", (E.passed_on,)),
    "passing": ("ticket.dispatch", (E.passing_confirmed,)),
    "join": ("ticket.forward", (E.joined,)),
    "separate": ("ticket.dispatch", (E.separated,)),
    "stop": ("ticket.dispatch", (E.stop_asked,)),
    "stop_decision": ("ticket.approve_stop", (E.stop_refused,)),
    "instruct": ("ticket.instruct", (E.instructed,)),
    "amend": ("ticket.dispatch", (E.amended,)),
    "told": ("ticket.dispatch", (E.told,)),
}
"""What is done to the whole ticket: the permission, and the events of which one must be possible."""


def actions(
    principal: Principal, ticket: Ticket, life: Life, now: datetime, *, returnable: int
) -> list[str]:
    """Return what this person can do now: a word, with the number of the assignment behind a colon if it is one's.

    Args:
        principal: The person.
        ticket: The ticket.
        life: What its log says.
        now: The present moment.
        returnable: How many dispatches of a round a unit may return.
    """
    # An agent sees what a citizen reported before to others, and does nothing to it.
    mine = ticket.agent == principal.number or principal.may(READ_ANY)
    return [
        *_of_unit(principal, life, now, returnable),
        *(_of_centre(principal, ticket, life, now) if mine else ()),
        *_of_ticket(principal, ticket, life, now, mine=mine),
    ]


def _of_unit(principal: Principal, life: Life, now: datetime, returnable: int) -> Iterator[str]:
    if not principal.may("unit.work") or principal.unit is None:
        return
    for assignment in life.assignments:
        if not assignment.open or assignment.unit != principal.unit:
            continue
        lead = assignment.role is AssignmentRole.lead
        for word, event in (LEAD_ACTIONS if lead else HELPER_ACTIONS).items():
            if _possible(principal, life, event, now, assignment, returnable) and (
                word != "extension" or assignment.longest_extension != 0
            ):
                yield f"{word}:{assignment.n}"
        may_stop = lead and principal.may("ticket.ask_stop")
        if may_stop and _possible(principal, life, E.stop_asked, now):
            yield "stop"


def _of_centre(principal: Principal, ticket: Ticket, life: Life, now: datetime) -> Iterator[str]:
    seen = life
    if seen.state is TicketState.registered:
        # Whoever dispatches a ticket that is only registered leaves it open first, in the same act.
        seen = Life(state=TicketState.to_dispatch, since=life.since)
    for word, (permission, events) in TICKET_ACTIONS.items():
        if word == "amend" and ticket.confidential and life.state not in CORRECTABLE:
            # The citizen is hidden already, and nothing else can be put right any more.
            continue
        at = seen if word == "dispatch" else life
        if principal.may(permission) and any(_possible(principal, at, e, now) for e in events):
            yield word
    if principal.may("ticket.dispatch"):
        yield from (f"return_decision:{pending.n}" for pending in life.returns)


def _of_ticket(
    principal: Principal, ticket: Ticket, life: Life, now: datetime, *, mine: bool
) -> Iterator[str]:
    if principal.may("ticket.write") and mine and _possible(principal, life, E.answered, now):
        yield "answer"
    if principal.may("ticket.grant_confidential") and ticket.hides_citizen:
        yield "grant"
    if may_reveal(principal, ticket, life):
        yield "reveal_number"


def may_reveal(principal: Principal, ticket: Ticket, life: Life) -> bool:
    """Return whether this person may be shown the citizen's number in full.

    The people of a unit may while their unit has the ticket, and never of a citizen who is hidden; others as far as
    they may see whose it is.
    """
    if not principal.may("ticket.reveal_number") or ticket.citizen_id is None:
        return False
    if principal.unit is None:
        return True
    has_it = any(a.open and a.unit == principal.unit for a in life.assignments)
    return has_it and not ticket.hides_citizen


def _possible(
    principal: Principal,
    life: Life,
    event: TicketEvent,
    now: datetime,
    assignment: Assignment | None = None,
    returnable: int | None = None,
) -> bool:
    n = assignment.n if assignment else 0
    try:
        check(life, event, n=n, at=now, actor=principal.number, returnable=returnable)
    except TransitionRefused:
        return False
    return True
