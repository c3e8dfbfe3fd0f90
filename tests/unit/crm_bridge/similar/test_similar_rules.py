import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.similar.groups import Member, grouped
from crm_bridge.similar.rules import ReasonKind, Traits, likeness, traits_of
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.suggestions.duties import Duties
from crm_bridge.suggestions.places import Gazetteer
from crm_bridge.suggestions.shipped import shipped_matters, shipped_units
from crm_bridge.units.rules import UnitKind

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
AREAS = {one.code: one.area for one in shipped_units() if one.kind is UnitKind.subdistrict}
DUTIES = Duties(shipped_matters(), AREAS)
GAZETTEER = Gazetteer(AREAS, shipped_matters())
SETTINGS = SimilarSettings()


def traits(
    title: str,
    text: str = "",
    address: str = "",
    category: str = "3001",
    *,
    citizen: int | None = None,
    hours: float = 0,
) -> Traits:
    return traits_of(
        title=title,
        text=text,
        address=address,
        category=category,
        citizen_id=citizen,
        created_at=NOW + timedelta(hours=hours),
        places=GAZETTEER.names(f"{title}\n{text}\n{address}"),
        matters=DUTIES.matters(title, text),
    )


WATER = traits("停水", "整个小区停水了，什么时候来水", "胜利街东方花园")


def test_same_outage_told_in_other_words_is_alike() -> None:
    other = traits("家里没水", "水龙头一滴水没有", "东方花园8号楼", hours=1)
    alike = likeness(WATER, other, WEEK)
    assert alike.score >= SETTINGS.least_group_score
    assert [reason.kind for reason in alike.reasons()] == [
        ReasonKind.place,
        ReasonKind.words,
        ReasonKind.time,
    ]


def test_same_words_elsewhere_are_not() -> None:
    other = traits("停水", "整个小区停水了，什么时候来水", "荷花里小区", hours=1)
    assert likeness(WATER, other, WEEK).score < SETTINGS.least_score


def test_same_place_but_another_matter_is_not() -> None:
    other = traits("电梯坏了", "电梯停了三天没人修", "东方花园", "7006", hours=1)
    assert likeness(WATER, other, WEEK).score < SETTINGS.least_score


def test_same_caller_weighs_and_is_not_named() -> None:
    one = traits("停水", "停水了", "东方花园", citizen=4711)
    other = traits("停水", "还没来水", "东方花园", citizen=4711, hours=30)
    stranger = traits("停水", "还没来水", "东方花园", citizen=4712, hours=30)
    alike = likeness(one, other, WEEK)
    assert alike.score > likeness(one, stranger, WEEK).score
    reasons = list(alike.reasons())
    assert (reasons[0].kind, reasons[0].text_zh) == (ReasonKind.caller, "同一来电人")
    assert not any("4711" in reason.text_zh + reason.text_en for reason in reasons)


def test_two_anonymous_callers_are_not_the_same() -> None:
    assert not likeness(WATER, WATER, WEEK).same_caller


def test_what_is_alike_is_less_so_the_further_apart() -> None:
    scores = [
        likeness(WATER, traits("停水", "停水了", "东方花园", hours=h), WEEK).score
        for h in (0, 24, 100, 500)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[2]


def test_repr_shows_nothing_that_a_citizen_said() -> None:
    assert not any(word in repr(WATER) for word in ("停水", "东方", "花园", "胜利"))


TEXT = st.text(st.sampled_from("停水没电东方花园胜利街 12号楼，x"), max_size=30)
SOME = st.builds(
    traits,
    TEXT,
    TEXT,
    TEXT,
    st.sampled_from(["3001", "3002"]),
    citizen=st.none() | st.integers(1, 3),
    hours=st.floats(0, 400),
)


@settings(deadline=None)
@given(SOME, SOME)
def test_likeness_is_mutual_and_between_nothing_and_one(one: Traits, other: Traits) -> None:
    there, back = likeness(one, other, WEEK), likeness(other, one, WEEK)
    assert there.score == pytest.approx(back.score)
    assert 0 <= there.score <= 1
    assert all(reason.text_zh and reason.text_en for reason in there.reasons())


@settings(deadline=None)
@given(st.lists(st.tuples(SOME, st.booleans()), max_size=25))
def test_every_ticket_is_in_one_group_at_most_and_only_waiting_ones_are_joined(
    found: list[tuple[Traits, bool]],
) -> None:
    members = [
        Member(ticket_id=number, waiting=waiting, traits=one)
        for number, (one, waiting) in enumerate(found, start=1)
    ]
    groups = grouped(members, WEEK, 0.55)
    ids = [one.main.ticket_id for one in groups]
    assert ids == sorted(ids, reverse=True)
    everyone = [*ids, *(member.ticket_id for one in groups for member, _ in one.others)]
    assert len(set(everyone)) == len(everyone)
    for group in groups:
        assert group.others
        for member, alike in group.others:
            assert member.waiting
            assert alike.score >= 0.55
            assert alike.apart <= WEEK


def outage(count: int) -> Iterator[Member]:
    words = ("停水", "没水了", "家里断水", "自来水停了", "怎么不来水")
    for number in range(count):
        one = traits(
            words[number % len(words)],
            f"{words[(number + 1) % len(words)]}，请问怎么回事",
            f"胜利街{number}号",
            hours=number / 60,
        )
        yield Member(ticket_id=number + 100, waiting=True, traits=one)


def test_sixty_calls_about_one_burst_main_are_one_group_with_the_first_as_main() -> None:
    others = [
        Member(ticket_id=7, waiting=True, traits=traits("停水", "没水", "青石镇北沟村")),
        Member(ticket_id=8, waiting=True, traits=traits("停电", "没电", "胜利街", "3002")),
    ]
    groups = grouped([*outage(60), *others], WEEK, SETTINGS.least_group_score)
    assert len(groups) == 1
    assert groups[0].main.ticket_id == 100
    assert len(groups[0].others) == 59


def test_ticket_that_a_unit_has_already_is_the_main_one() -> None:
    with_unit = Member(
        ticket_id=500, waiting=False, traits=traits("停水", "停水了", "胜利街", hours=0.7)
    )
    (group,) = grouped([*outage(10), with_unit], WEEK, SETTINGS.least_group_score)
    assert group.main.ticket_id == 500
    assert len(group.others) == 10


def test_labelled_pairs_are_told_apart_about_as_well_as_before() -> None:
    text = files("crm_bridge.similar").joinpath("data", "pairs.csv").read_text(encoding="utf-8")
    suggested, right, same = 0, 0, 0
    for row in csv.DictReader(text.splitlines()):
        one = traits(row["title_a"], row["text_a"], row["address_a"], row["category_a"])
        other = traits(
            row["title_b"],
            row["text_b"],
            row["address_b"],
            row["category_b"],
            hours=float(row["hours"]),
        )
        alike = likeness(one, other, WEEK).score >= SETTINGS.least_score
        suggested += alike
        same += row["same"] == "1"
        right += alike and row["same"] == "1"
    assert right / suggested >= 0.84  # precision
    assert right / same >= 0.9  # recall
