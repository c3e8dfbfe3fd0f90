from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.supervision.rules import (
    LIFE,
    OPEN,
    PaperEvent,
    PaperRefused,
    PaperState,
    Receipt,
    RecipientRole,
    Rung,
    acts,
    follow,
    is_overdue,
    next_rung,
    occurrence,
    paper_number,
    step,
    takes_replies,
)

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
EVENTS = st.lists(st.sampled_from(PaperEvent), max_size=12)
RECEIPTS = st.lists(
    st.builds(
        Receipt, role=st.sampled_from(RecipientRole), read=st.booleans(), replied=st.booleans()
    ),
    max_size=4,
).map(lambda others: [Receipt(role=RecipientRole.main), *others])


@given(st.sampled_from(Rung), EVENTS)
def test_events_lead_only_along_the_table_and_never_out_of_an_end(
    rung: Rung, events: Sequence[PaperEvent]
) -> None:
    state = PaperState.issued
    for event in events:
        known = LIFE.get((rung, state, event))
        if known is None:
            with pytest.raises(PaperRefused) as refused:
                follow(rung, state, event)
            assert refused.value.detail_en
            assert refused.value.detail_zh
            continue
        assert state in OPEN
        state = follow(rung, state, event)


@pytest.mark.parametrize("rung", Rung)
def test_every_rung_can_be_brought_to_its_end_from_every_open_state_it_can_reach(
    rung: Rung,
) -> None:
    reached, before = {PaperState.issued}, 0
    while len(reached) != before:
        before = len(reached)
        reached |= {
            after for (of, state, _), after in LIFE.items() if of is rung and state in reached
        }
    for state in reached & OPEN:
        seen, waiting = {state}, [state]
        while waiting:
            now = waiting.pop()
            found = {after for (of, at, _), after in LIFE.items() if of is rung and at is now}
            waiting += found - seen
            seen |= found
        assert PaperState.closed in seen, state


def test_listed_supervision_ends_only_by_a_decision_and_a_meeting_only_with_minutes() -> None:
    with pytest.raises(PaperRefused, match="delist"):
        follow(Rung.listed, PaperState.replied, PaperEvent.closed)
    with pytest.raises(PaperRefused, match="minutes"):
        follow(Rung.meeting, PaperState.read, PaperEvent.closed)
    assert follow(Rung.listed, PaperState.replied, PaperEvent.delisted) is PaperState.closed
    held = follow(Rung.meeting, PaperState.issued, PaperEvent.minuted)
    assert follow(Rung.meeting, held, PaperEvent.closed) is PaperState.closed


@given(st.sampled_from(Rung), RECEIPTS)
def test_a_paper_is_replied_to_when_every_main_recipient_has_replied(
    rung: Rung, receipts: list[Receipt]
) -> None:
    state = PaperState.held if rung is Rung.meeting else PaperState.issued
    main = [one for one in receipts if one.role is RecipientRole.main]
    after = step(rung, state, receipts)
    assert (after is PaperState.replied) == all(one.replied for one in main)
    if after is PaperState.read:
        assert all(one.read or one.replied for one in main)


@given(RECEIPTS)
def test_those_who_only_got_a_copy_do_not_matter(receipts: list[Receipt]) -> None:
    main = [one for one in receipts if one.role is RecipientRole.main]
    copies = [Receipt(role=RecipientRole.cc)] * 3
    assert step(Rung.order, PaperState.issued, main) is step(
        Rung.order, PaperState.issued, [*copies, *main]
    )


def test_the_centre_is_offered_exactly_what_the_table_knows() -> None:
    assert acts(Rung.reminder, PaperState.issued) == {PaperEvent.closed, PaperEvent.withdrawn}
    assert acts(Rung.meeting, PaperState.read) == {PaperEvent.minuted, PaperEvent.withdrawn}
    assert acts(Rung.listed, PaperState.replied) == {PaperEvent.delisted}
    assert acts(Rung.order, PaperState.closed) == frozenset()


def test_the_ladder_goes_up_one_rung_at_a_time_and_ends_at_the_list() -> None:
    assert next_rung([]) is Rung.reminder
    assert next_rung([Rung.reminder]) is Rung.order
    assert next_rung([Rung.order, Rung.reminder]) is Rung.meeting
    assert next_rung([Rung.listed]) is None


@given(st.lists(st.sampled_from(Rung), max_size=6))
def test_the_next_rung_is_always_graver_than_all_before(issued: list[Rung]) -> None:
    ladder = list(Rung)
    following = next_rung(issued)
    if following is not None:
        assert all(ladder.index(rung) < ladder.index(following) for rung in issued)


@pytest.mark.parametrize(
    ("state", "seconds", "overdue"),
    [
        (PaperState.issued, 1, True),
        (PaperState.issued, 0, False),
        (PaperState.read, 1, True),
        (PaperState.replied, 1, False),
        (PaperState.closed, 1, False),
        (PaperState.withdrawn, 1, False),
    ],
)
def test_overdue_is_what_owes_a_reply_after_its_time(
    state: PaperState, seconds: int, overdue: bool
) -> None:
    now = NOW + timedelta(seconds=seconds)
    assert is_overdue(Rung.order, state, NOW, now) is overdue


def test_a_meeting_owes_nothing_before_its_minutes() -> None:
    assert not takes_replies(Rung.meeting, PaperState.read)
    assert not is_overdue(Rung.meeting, PaperState.read, None, NOW)
    assert is_overdue(Rung.meeting, PaperState.held, NOW, NOW + timedelta(seconds=1))


def test_a_number_is_written_as_the_standard_wants_it() -> None:
    assert paper_number("热线提", 2026, 12) == "热线提〔2026〕12号"


@given(st.text(min_size=1, max_size=6), st.integers(1000, 9999), st.integers(1, 10**6))
def test_different_serials_give_different_numbers(prefix: str, year: int, serial: int) -> None:
    number = paper_number(prefix, year, serial)
    assert number != paper_number(prefix, year, serial + 1)
    assert number.startswith(f"{prefix}〔{year}〕")
    assert "〕0" not in number


@pytest.mark.parametrize(("year", "serial"), [(26, 1), (2026, 0), (2026, -1), (10000, 1)])
def test_a_number_that_nobody_could_read_is_refused(year: int, serial: int) -> None:
    with pytest.raises(ValueError, match="four digits"):
        paper_number("热线督", year, serial)


@given(
    st.tuples(
        st.integers(1, 9999),
        st.integers(1, 99),
        st.integers(1, 9),
        st.sampled_from(Rung),
        st.integers(0, 9_999_999_999).map(lambda second: datetime.fromtimestamp(second, UTC)),
    )
)
def test_an_occurrence_tells_back_what_it_was_made_of(
    made: tuple[int, int, int, Rung, datetime],
) -> None:
    ticket, n, round_, rung, due = occurrence(*made).split(".")
    due_at = datetime.fromtimestamp(int(due), UTC)
    assert (int(ticket), int(n), int(round_), Rung(rung), due_at) == made
