import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.supervision.discretion import (
    discreet,
    door_of,
    plain,
    public_place,
    silenced,
    turns_writing,
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("李明反映噪声", "诉求人反映噪声"),
        ("请回电13800015121", "请回电〔号码略〕"),
        ("电话 138 0001 5121 白天", "电话 〔号码略〕 白天"),
        ("座机0571-87651234", "座机〔号码略〕"),
        ("身份证33010619900101123X", "身份证〔号码略〕"),
        ("邮箱 liming@example.com。", "邮箱 〔号码略〕。"),
        ("见第20260302-000001号工单", "见第20260302-000001号工单"),
        ("拨打12345", "拨打12345"),
        ("2026年3月2日9时30分", "2026年3月2日9时30分"),
    ],
)
def test_citizen_is_left_out_and_the_rest_stays(said: str, shown: str) -> None:
    assert discreet(said, ["李明"]) == shown


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("临江市滨江路18号", "临江市滨江路18号"),
        ("滨江路18号3单元402室", "滨江路18号"),
        ("桂花小区5号楼2单元", "桂花小区5号楼"),
        ("龙华大厦12楼", "龙华大厦"),
        ("桂花小区5栋402", "桂花小区5栋"),
        ("桂花小区5幢1-402", "桂花小区5幢"),
        ("城南房产大厦A座1203室李明家", "城南房产大厦A座"),
        ("滨江路18号402", "滨江路18号"),
        ("", ""),
    ],
)
def test_place_ends_at_the_building(address: str, place: str) -> None:
    assert public_place(address, ["李明"]) == place


@given(st.text())
def test_what_is_plain_can_stand_in_any_document(text: str) -> None:
    said = plain(text)
    assert plain(said) == said
    assert not turns_writing(said)
    assert "\n" not in said
    said.encode()


def test_marks_that_turn_the_writing_are_taken_out() -> None:
    assert plain("限期\u202e10日\u202c内\u200b办结\ud800\x00\ufffe") == "限期10日内办结"


@given(st.text(alphabet="甲乙丙丁", min_size=2, max_size=4), st.text(alphabet="甲乙丙丁"))
def test_a_secret_is_nowhere_left(secret: str, around: str) -> None:
    assert secret not in silenced(f"{around}{secret}{around}", {secret})


def test_part_of_a_secret_is_silenced_too_and_numbers_of_tickets_are_not() -> None:
    secrets = {"临江市桂花小区5栋402室", "2026年工地夜间施工"}
    assert silenced("请到桂花小区核实夜间施工情况", secrets) == "请到（保密件）核实（保密件）情况"
    assert silenced("第20260302-000001号，请尽快办理", secrets) == "第20260302-000001号，请尽快办理"


@given(st.text(), st.lists(st.text(), max_size=3))
def test_silencing_twice_is_silencing_once_where_nothing_is_in_common(
    text: str, secrets: list[str]
) -> None:
    once = silenced(text, secrets)
    if "保密件" not in once:
        assert once == plain(text)


@pytest.mark.parametrize(
    ("address", "door"),
    [("桂花小区5栋402室", "402室"), ("滨江路18号", ""), ("龙华大厦2楼", ""), ("", "")],
)
def test_the_door_is_what_the_place_leaves_out(address: str, door: str) -> None:
    assert door_of(address, []) == door
