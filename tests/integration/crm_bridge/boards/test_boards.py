import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from openpyxl import Workbook, load_workbook
from sqlmodel import select

from channels.contacts.rules import Contact, Received
from channels.contacts.tables import ContactRow
from crm_bridge.boards.answers import AnswerFormat, BoardAnswers
from crm_bridge.boards.service import BoardImport
from crm_bridge.tickets.tables import TicketRow
from infra.kit.audit import AuditRow
from infra.kit.errors import Invalid, TryLater
from tests.integration.crm_bridge.house import SUN, ZONE, House

HEADER = ["留言编号", "留言标题", "留言内容", "留言类型", "留言时间", "领域"]
POSTS = [
    ["1001", "路灯不亮", "滨江路 18 号门前路灯三天不亮。", "投诉/求助", "2026-03-01 20:15", "城建"],
    ["1002", "感谢环卫工人", "大雪天清扫及时。", "感谢", "2026-03-01 21:00", "环保"],
]
CSV = "\r\n".join(",".join(row) for row in [HEADER, *POSTS]).encode("gb18030")


def workbook(rows: Sequence[Sequence[object]]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(content)
    return content.getvalue()


def as_json(rows: Sequence[Sequence[str]]) -> bytes:
    posts = [dict(zip(HEADER, row, strict=True)) for row in rows]
    return json.dumps({"items": posts}, ensure_ascii=False).encode()


@pytest.fixture
def boards(house: House) -> BoardImport:
    return BoardImport(house.database, house.clock, ZONE, {}, house.intake.take)


@pytest.fixture
def answers(house: House) -> BoardAnswers:
    return BoardAnswers(house.database, house.clock, ZONE)


async def tickets(house: House) -> list[TicketRow]:
    async with house.database.reading() as session:
        return list((await session.exec(select(TicketRow).order_by(TicketRow.number))).all())


@pytest.mark.parametrize(
    "content", [CSV, workbook([HEADER, *POSTS]), as_json(POSTS)], ids=["csv", "xlsx", "json"]
)
async def test_posts_open_their_tickets(house: House, boards: BoardImport, content: bytes) -> None:
    outcome = await boards.take(SUN, "people.cn", content, dry_run=False)
    assert (outcome.posts, outcome.added, outcome.known, outcome.stored) == (2, 2, 0, True)
    assert outcome.columns["text"] == "留言内容"
    assert list(outcome.kept) == ["领域"]
    assert {(one.title, one.type.value) for one in await tickets(house)} == {
        ("路灯不亮", "complaint"),
        ("感谢环卫工人", "praise"),
    }


async def test_dry_run_says_what_it_would_do_and_does_nothing(
    house: House, boards: BoardImport
) -> None:
    await boards.take(None, "people.cn", as_json(POSTS[:1]), dry_run=False)
    outcome = await boards.take(None, "people.cn", CSV, dry_run=True)
    assert (outcome.posts, outcome.added, outcome.known, outcome.stored) == (2, 1, 1, False)
    assert len(await tickets(house)) == 1


async def test_same_post_is_one_ticket_however_often_it_comes(
    house: House, boards: BoardImport
) -> None:
    twice = as_json([*POSTS, *POSTS])
    first = await boards.take(None, "people.cn", twice, dry_run=False)
    again = await boards.take(None, "people.cn", CSV, dry_run=False)
    assert (first.added, first.known, again.added, again.known) == (2, 2, 0, 2)
    assert len(await tickets(house)) == 2


async def test_same_number_on_another_board_is_another_post(
    house: House, boards: BoardImport
) -> None:
    for board in ("people.cn", "12345.city"):
        await boards.take(None, board, as_json(POSTS[:1]), dry_run=False)
    assert len(await tickets(house)) == 2


async def test_file_with_a_wrong_post_is_taken_in_not_at_all(
    house: House, boards: BoardImport
) -> None:
    wrong = [*POSTS, ["1003", "", "", "其他", "昨天", ""]]
    outcome = await boards.take(None, "people.cn", workbook([HEADER, *wrong]), dry_run=False)
    assert not outcome.stored
    assert {(error.row, error.column) for error in outcome.errors} == {
        (4, "留言内容"),
        (4, "留言类型"),
        (4, "留言时间"),
    }
    assert await tickets(house) == []


async def test_unknown_columns_and_the_moment_are_kept_with_the_contact(
    house: House, boards: BoardImport
) -> None:
    await boards.take(None, "people.cn", as_json(POSTS[:1]), dry_run=False)
    async with house.database.reading() as session:
        row = (await session.exec(select(ContactRow))).one()
        contact = await house.contacts.contact(session, row.id or 0)
    assert row.extra is not None
    assert "people.cn" not in row.extra
    assert contact.extra == {
        "columns": {"领域": "城建"},
        "board": "people.cn",
        "posted_at": "2026-03-01T20:15:00+08:00",
    }


async def test_post_with_signs_that_no_database_keeps_comes_in_once(
    house: House, boards: BoardImport
) -> None:
    content = r'[{"留言标题": "a\u0000b\ud83d", "留言内容": "路灯不亮", "备\u0000注\ud83d": "急"}]'
    tried = await boards.take(None, "people.cn", content.encode(), dry_run=True)
    first = await boards.take(None, "people.cn", content.encode(), dry_run=False)
    again = await boards.take(None, "people.cn", content.encode(), dry_run=True)
    assert [tried.added, first.added, again.added] == [1, 1, 0]
    (ticket,) = await tickets(house)
    assert ticket.title == "ab"
    async with house.database.reading() as session:
        kept = await house.contacts.contact(session, 1)
    assert kept.extra["columns"] == {"备\ufffd注\ufffd": "急"}


async def test_import_that_a_busy_database_breaks_off_says_to_try_it_later(
    house: House,
) -> None:
    async def busy(_contact: Contact) -> Received:
        raise TryLater("the database is busy", "数据库繁忙")

    boards = BoardImport(house.database, house.clock, ZONE, {}, busy)
    with pytest.raises(TryLater):
        await boards.take(None, "people.cn", as_json(POSTS), dry_run=False)


async def test_columns_that_an_installation_names_are_used_where_a_file_has_them(
    house: House,
) -> None:
    boards = BoardImport(
        house.database, house.clock, ZONE, {"text": "诉求描述", "id": "序号"}, house.intake.take
    )
    content = json.dumps([{"诉求描述": "路灯不亮", "编号": "7"}], ensure_ascii=False).encode()
    outcome = await boards.take(None, "people.cn", content, dry_run=True)
    assert outcome.columns == {"text": "诉求描述", "id": "编号"}


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"{", b"[7]", "标题,编号\r\na,b".encode()])
async def test_what_is_no_file_of_posts_is_refused(boards: BoardImport, content: bytes) -> None:
    with pytest.raises(Invalid):
        await boards.take(None, "people.cn", content, dry_run=True)


async def answered(house: House, boards: BoardImport) -> list[TicketRow]:
    await boards.take(None, "people.cn", as_json(POSTS), dry_run=False)
    lamp, _ = await tickets(house)
    await house.tickets.answer(
        replace(SUN, permissions=SUN.permissions | {"ticket.write"}), lamp.id or 0, "路灯已修好。"
    )
    return await tickets(house)


async def test_answers_are_exported_and_what_is_open_is_not(
    house: House, boards: BoardImport, answers: BoardAnswers
) -> None:
    lamp = next(one for one in await answered(house, boards) if one.closed_at)
    content = await answers.export(SUN, "people.cn", AnswerFormat.xlsx, new=False)
    header, row = load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
    found = dict(zip(header, row, strict=True))
    assert found["工单编号"] == lamp.number
    assert found["答复内容"] == "路灯已修好。"
    assert found["已发布"] == "否"
    csv = await answers.export(SUN, "people.cn", AnswerFormat.csv, new=False)
    assert "路灯已修好。" in csv.decode("utf-8-sig")
    (item,) = json.loads(await answers.export(None, "people.cn", AnswerFormat.json, new=False))[
        "items"
    ]
    assert (item["number"], item["published"]) == (lamp.number, False)
    assert await answers.of_board("12345.city") == []


async def test_answer_that_was_published_is_not_new_until_it_changes(
    house: House, boards: BoardImport, answers: BoardAnswers
) -> None:
    await answered(house, boards)
    (answer,) = await answers.of_board("people.cn", new=True)
    assert await answers.publish(SUN, "people.cn", [answer.post_id]) == 1
    assert await answers.publish(SUN, "people.cn", [answer.post_id]) == 1
    assert await answers.of_board("people.cn", new=True) == []
    (shown,) = await answers.of_board("people.cn")
    assert shown.published


async def test_post_without_an_answer_cannot_be_called_published(
    house: House, boards: BoardImport, answers: BoardAnswers
) -> None:
    await answered(house, boards)
    (answer,) = await answers.of_board("people.cn")
    with pytest.raises(Invalid) as caught:
        await answers.publish(SUN, "people.cn", [answer.post_id, "9999"])
    assert [field.pointer for field in caught.value.fields] == ["/posts/1"]
    assert await answers.of_board("people.cn", new=True) != []


@pytest.mark.parametrize("secret", [{"confidential": True}, {"type": "report"}])
async def test_what_must_stay_secret_is_not_answered_in_public(
    house: House, boards: BoardImport, answers: BoardAnswers, secret: dict[str, object]
) -> None:
    for ticket in await answered(house, boards):
        async with house.database.transaction() as session:
            row = await session.get_one(TicketRow, ticket.id)
            for name, value in secret.items():
                setattr(row, name, value)
    assert await answers.of_board("people.cn") == []


async def test_who_brought_in_and_took_out_is_written_down(
    house: House, boards: BoardImport, answers: BoardAnswers
) -> None:
    await answered(house, boards)
    await answers.export(SUN, "people.cn", AnswerFormat.csv, new=True)
    async with house.database.reading() as session:
        rows = (await session.exec(select(AuditRow.action))).all()
    assert {"board.import", "board.export"} <= set(rows)
