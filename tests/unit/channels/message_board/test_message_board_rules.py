import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import Address, AddressKind, Contact
from channels.message_board.posts import batch_of
from channels.message_board.rules import (
    NAMES,
    Post,
    contact_of,
    layout_of,
    post_id_of,
    require_board,
)
from infra.kit.errors import Invalid, TooLarge

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
POST = {
    "留言编号": "18804321",
    "留言标题": "路灯不亮",
    "留言内容": "滨江路 18 号门前路灯三天不亮。",
    "留言类型": "投诉/求助",
    "留言时间": "2026-03-01 20:15",
    "网友": "江边人",
    "联系电话": "13800015121",
    "领域": "城建",
}


def taken(post: Post, **mapping: str) -> Contact:
    contact, wrong = contact_of(
        post, layout_of(list(post), mapping), board="people.cn", zone=ZONE, at=NOW
    )
    assert not wrong
    assert contact is not None
    return contact


def wrongs(post: Post) -> dict[str, str]:
    contact, wrong = contact_of(
        post, layout_of(list(post), {}), board="people.cn", zone=ZONE, at=NOW
    )
    assert contact is None
    return {one.column: one.message_zh for one in wrong}


def test_post_of_the_peoples_board_is_understood_as_it_comes() -> None:
    contact = taken(POST)
    assert contact.external_id == "people.cn/18804321"
    assert post_id_of(contact.external_id) == "18804321"
    assert contact.message is not None
    assert (contact.message.title, contact.message.type) == ("路灯不亮", "complaint")
    assert contact.name == "江边人"
    assert contact.phone is not None
    assert contact.extra["posted_at"] == "2026-03-01T20:15:00+08:00"


def test_column_that_nobody_knows_is_kept() -> None:
    assert taken(POST).extra["columns"] == {"领域": "城建"}


def test_nothing_that_nobody_knows_is_cut_or_falls_together() -> None:
    unknown = {f"{'附注' * 40}{n}": "长" * 5_000 for n in range(200)}
    batch = batch_of(json.dumps([{"内容": "路灯不亮", **unknown}]).encode(), most=1)
    assert taken(batch.posts[0]).extra["columns"] == unknown


def test_mapping_names_what_names_do_not_tell() -> None:
    contact = taken({"诉求描述": "路灯不亮", "序号": "7"}, text="诉求描述", id="序号")
    assert contact.message is not None
    assert (contact.external_id, contact.message.text) == ("people.cn/7", "路灯不亮")


@pytest.mark.parametrize(
    "mapping", [{"text": "没有"}, {"nonsense": "留言内容"}, {"text": "没有", "id": "也没有"}]
)
def test_mapping_that_names_nothing_is_refused(mapping: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        layout_of(list(POST), mapping)
    assert [field.pointer for field in caught.value.fields] == [
        f"/mapping/{one}" for one in mapping
    ]


def test_file_without_a_column_of_texts_is_refused() -> None:
    with pytest.raises(Invalid):
        layout_of(["编号", "标题"], {})


def test_user_of_the_board_is_known_by_his_number_there() -> None:
    contact = taken(POST | {"用户ID": "u-7"})
    assert contact.sender == Address(kind=AddressKind.account, value="u-7", scope="people.cn")


def test_post_without_a_number_is_known_by_what_it_says() -> None:
    bare = {"内容": "路灯不亮", "昵称": "江边人"}
    assert taken(bare).external_id == taken(bare).external_id
    assert taken(bare).external_id != taken(bare | {"内容": "路灯还不亮"}).external_id
    assert taken({"内容": "x", "编号": "9" * 300}).external_id.startswith("people.cn/~")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"留言内容": "", "留言标题": ""}, "留言内容"),
        ({"联系电话": "不便透露"}, "联系电话"),
        ({"留言类型": "其他"}, "留言类型"),
        ({"留言时间": "昨天"}, "留言时间"),
        ({"留言时间": "2026-02-30 10:00"}, "留言时间"),
    ],
)
def test_what_is_wrong_is_named_by_the_boards_own_column(
    changes: dict[str, str], column: str
) -> None:
    assert set(wrongs(POST | changes)) == {column}


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026/3/1 20:15", "2026-03-01T20:15:00+08:00"),
        ("2026年3月1日", "2026-03-01T00:00:00+08:00"),
        ("2026-03-01T12:15:00Z", "2026-03-01T12:15:00+00:00"),
        ("1772367300", "2026-03-01T20:15:00+08:00"),
    ],
)
def test_moment_is_read_as_boards_write_it(written: str, moment: str) -> None:
    assert taken(POST | {"留言时间": written}).extra["posted_at"] == moment


@pytest.mark.parametrize("name", ["people.cn", "12345-online", "a"])
def test_name_of_a_board_is_one(name: str) -> None:
    assert require_board(name) == name


@pytest.mark.parametrize("name", ["", "人民网", "a/b", "A", "-a", "a" * 41, "../x"])
def test_name_that_could_be_taken_for_something_else_is_none(name: str) -> None:
    with pytest.raises(Invalid):
        require_board(name)


def test_names_of_fields_mean_one_field_each() -> None:
    names = [name for known in NAMES.values() for name in known]
    assert len(names) == len(set(names))
    assert all(name == name.casefold() for name in names)


@given(st.dictionaries(st.text(), st.text(), max_size=8), st.text())
def test_any_post_is_taken_or_its_columns_are_named(post: dict[str, str], text: str) -> None:
    post = post | {"内容": text}
    contact, wrong = contact_of(
        post, layout_of(list(post), {}), board="people.cn", zone=ZONE, at=NOW
    )
    assert (contact is None) is bool(wrong)


@pytest.mark.parametrize(
    "content",
    [
        b'[{"id": 7, "content": "x"}]',
        b'{"items": [{"id": 7.0, "content": "x"}]}',
        b'{"data": [{"id": "7", "content": "x"}], "board": "people.cn"}',
    ],
)
def test_list_of_posts_is_found_in_json(content: bytes) -> None:
    batch = batch_of(content, most=10)
    assert list(batch.header) == ["id", "content"]
    assert [dict(post) for post in batch.posts] == [{"id": "7", "content": "x"}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"7",
        b"{}",
        b'{"items": 7}',
        b"[7]",
        b'[{"a": 1}, []]',
        b"[" * 10_000_000,
        b"\xff",
    ],
)
def test_what_is_no_list_of_posts_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        batch_of(content, most=10)


def test_more_posts_than_are_taken_are_refused() -> None:
    with pytest.raises(TooLarge):
        batch_of(b"[{},{},{}]", most=2)


def test_value_that_is_no_text_is_kept_as_json() -> None:
    (post,) = batch_of(
        '[{"content": "x", "附件": ["a", {"b": null}], "n": null}]'.encode(), most=1
    ).posts
    assert post == {"content": "x", "附件": '["a", {"b": null}]', "n": ""}


@given(st.binary(max_size=200))
def test_any_bytes_are_posts_or_refused(content: bytes) -> None:
    try:
        batch_of(content, most=10)
    except (Invalid, TooLarge):
        return
