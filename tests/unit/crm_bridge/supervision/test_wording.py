from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.supervision.letter import Letter, Weight, chinese_moment, weight_of
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.supervision.wording import Wording
from crm_bridge.tickets.vocabulary import Urgency
from infra.kit.errors import Misconfigured
from tests.unit.crm_bridge.supervision.papers import (
    ISSUER,
    MATTER,
    NOW,
    WORDING,
    ZONE,
    letter,
    notice,
)


def test_an_order_says_what_is_the_matter_what_is_demanded_and_by_when() -> None:
    made = letter(Rung.order)
    assert "".join(made.title) == "关于限期办理第20260302-000001号诉求的督办通知"
    assert made.addressees == ("城市管理行政执法局",)
    text = made.text()
    for said in (
        "办理时限为2026年3月16日17时30分，截至2026年3月17日9时05分尚未办结，已超过办理时限",
        "工单编号：20260302-000001",
        "诉求类型：投诉（噪声扰民）",
        "诉求事项：夜间施工噪声影响周边居民休息",
        "发生地点：临江市滨江路18号",
        "承办单位：城市管理行政执法局（牵头）",
        "派单时间：2026年3月2日9时30分",
        "请于2026年3月20日17时30分前办结",
        "2026年3月17日",
        "抄送：临江市人民政府办公室、桥西街道办事处。",
        "热线督〔2026〕3号",
        "加急",
    ):
        assert said in text


def test_a_meeting_names_time_place_and_participants() -> None:
    body = letter(Rung.meeting).body
    assert body[body.index("一、会议时间") + 1] == "2026年3月19日9时30分"
    assert body[body.index("二、会议地点") + 1] == "三楼会议室"
    assert body[body.index("三、参会人员") + 1] == "分管负责人。"


def test_a_listing_names_leader_measures_and_how_it_ends() -> None:
    body = letter(Rung.listed).body
    assert body[body.index("二、责任领导") + 1] == "局长 张三"
    assert body[body.index("三、整改措施和要求") + 1] == "停止夜间施工；"
    assert "五、摘牌条件" in body


@pytest.mark.parametrize("rung", Rung)
def test_a_hidden_matter_leaves_its_number_alone(rung: Rung) -> None:
    hidden = replace(MATTER, hidden=True, title="", place="", category="")
    text = letter(rung, hidden).text()
    assert "诉求事项：保密件" in text
    assert "20260302-000001" in text
    for secret in ("诉求类型", "投诉", "噪声", "发生地点", "滨江路"):
        assert secret not in text


@pytest.mark.parametrize("rung", Rung)
@pytest.mark.parametrize("cause", Cause)
def test_no_placeholder_is_left_open(rung: Rung, cause: Cause) -> None:
    text = WORDING.compose(MATTER, notice(rung, cause=cause)).text()
    assert "$" not in text
    assert "None" not in text


def test_several_units_are_addressed_together() -> None:
    made = WORDING.compose(MATTER, notice(Rung.order, main=("甲局", "乙局")))
    assert "甲局、乙局：" in made.text()
    assert "请各有关单位主要负责同志" in made.text()


def test_what_a_dispatcher_writes_stands_in_the_paper_as_text() -> None:
    by_hand = notice(
        Rung.order, cause=None, grounds="多次催办无果$x${ticket}。", demands=("立即整改$",)
    )
    text = WORDING.compose(MATTER, by_hand).text()
    assert "经核查，多次催办无果$x${ticket}。根据" in text
    assert "立即整改$" in text


@pytest.mark.parametrize(
    ("urgency", "mark"),
    [(Urgency.normal, ""), (Urgency.urgent, "加急"), (Urgency.critical, "特急")],
)
def test_urgency_is_marked(urgency: Urgency, mark: str) -> None:
    made = WORDING.compose(replace(MATTER, urgency=urgency), notice(Rung.order))
    assert made.pressing == mark


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("一、工单情况", Weight.heading),
        ("十一、其他", Weight.heading),
        ("（一）办理要求", Weight.subheading),
        ("一、请立即办理。", Weight.text),
        ("工单编号：20260302-000001", Weight.text),
        ("1. 立即整改", Weight.text),
    ],
)
def test_headings_are_known_by_their_numbers(text: str, weight: Weight) -> None:
    assert weight_of(text) is weight


def test_minutes_are_left_out_on_the_hour() -> None:
    assert chinese_moment(NOW.replace(minute=0), ZONE) == "2026年3月17日9时"


LETTERS = st.builds(
    Letter,
    number=st.text(max_size=20),
    pressing=st.sampled_from(["", "加急", "特急"]),
    issuer=st.text(min_size=1, max_size=20),
    head=st.sampled_from(["", "文件"]),
    title=st.tuples(st.text(min_size=1, max_size=30)),
    addressees=st.lists(st.text(min_size=1, max_size=10), max_size=3).map(tuple),
    body=st.lists(st.text(max_size=50), max_size=5).map(tuple),
    attachments=st.lists(st.text(max_size=10), max_size=2).map(tuple),
    dated=st.dates(),
    note=st.text(max_size=10),
    copies=st.lists(st.text(min_size=1, max_size=10), max_size=3).map(tuple),
)


@given(LETTERS)
def test_a_stored_letter_is_the_letter(made: Letter) -> None:
    again = Letter.of(made.stored())
    assert again == made
    assert again.digest() == made.digest()


def test_a_changed_word_changes_the_digest() -> None:
    made = letter(Rung.order)
    assert replace(made, body=(*made.body[:-1], "特此通告。")).digest() != made.digest()


@pytest.mark.parametrize("broken", [{}, {"number": 1}, {"body": "text"}])
def test_what_is_no_letter_is_refused(broken: dict[str, object]) -> None:
    stored = letter(Rung.order).stored() | broken if broken else {}
    with pytest.raises(ValueError, match=r"number|body"):
        Letter.of(stored)


def test_a_city_can_write_its_own_template(tmp_path: Path) -> None:
    (tmp_path / "order.txt").write_text("关于${ticket}的|通知\n\n$standing。\n\n特此通知。\n")
    own = Wording(ISSUER, "", ZONE, tmp_path)
    assert own.compose(MATTER, notice(Rung.order)).body[-1] == "特此通知。"
    assert len(own.compose(MATTER, notice(Rung.order)).body) == 2
    assert len(own.compose(MATTER, notice(Rung.listed)).body) > 10


@pytest.mark.parametrize(
    "template", ["", "只有标题", "标题\n\n${citizen}来电", "标题\n\n欠${", "标题\n\n$"]
)
def test_a_template_that_cannot_be_filled_stops_the_start_and_is_named(
    tmp_path: Path, template: str
) -> None:
    (tmp_path / "listed.txt").write_text(template)
    with pytest.raises(Misconfigured, match=r"supervision\.templates: listed\.txt") as refused:
        Wording(ISSUER, "", ZONE, tmp_path)
    assert "listed.txt" in refused.value.detail_zh


def test_a_template_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "order.txt").write_bytes("标题\n\n正文".encode("gb18030"))
    with pytest.raises(Misconfigured, match="UTF-8"):
        Wording(ISSUER, "", ZONE, tmp_path)
