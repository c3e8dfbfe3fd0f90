import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.plain_text import of_html, tidy, without_quotes


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>路灯</p><p>不亮</p>", "路灯\n不亮"),
        ("<div>一<br>二<br/>三</div>", "一\n二\n三"),
        ("a&nbsp;&lt;b&gt; &#20013;", "a <b> 中"),
        ("<style>p{}</style><script>alert('x')</script>正文", "正文"),
        ("<SCRIPT>x</SCRIPT>正文", "正文"),
        ("<title>题</title>正文", "正文"),
        ("<!-- 注 -->正文", "正文"),
        ("<!DOCTYPE html><html>正文", "正文"),
        ("3 < 5 且 5 > 3", "3 < 5 且 5 > 3"),
        ('<a href="https://a.example/x">看这里</a>', "看这里（https://a.example/x）"),
        ('<a href="https://a.example/x">https://a.example/x</a>', "https://a.example/x"),
        ('<a href="javascript:x">看这里</a>', "看这里"),
        (
            "<table><tr><td>姓名</td><td>李明</td></tr><tr><td>电话</td></tr></table>",
            "姓名 李明\n电话",
        ),
        ("<ul><li>一<li>二</ul>", "一\n二"),
        ("<p>未完<", "未完<"),
        ("<p>未完<a href=", "未完"),
        ("<script>未完", ""),
        (f"一&#{'9' * 5000};二", "一\ufffd二"),
    ],
)
def test_page_is_read(page: str, text: str) -> None:
    assert of_html(page) == text


@pytest.mark.parametrize(
    "quote",
    [
        "------------------ 原始邮件 ------------------\n发件人: 市长信箱",
        "-----原始邮件-----\n发件人:",
        "-----Original Message-----\nFrom: x",
        "---- 回复的原邮件 ----\n| 发件人 | 市长 |",
        "在 2026年3月2日 09:30，市长信箱 <mayor@linjiang.example> 写道：\n> 您好",
        "在 2026-03-02 09:30:00，市长信箱 写道：",
        "2026年3月2日 上午9:30，市长信箱 写道:",
        "On Mon, Mar 2, 2026 at 9:30 AM 12345 <mayor@linjiang.example> wrote:\n> hi",
        "On Mon, Mar 2, 2026 at 9:30 AM 12345\n<mayor@linjiang.example> wrote:\n> hi",
        'At 2026-03-02 09:30:00, "市长信箱" <mayor@linjiang.example> wrote:',
        "发件人：市长信箱\n发送时间：2026年3月2日",
        "From: mayor@linjiang.example\nSent: Monday",
        "________________________________\nFrom: x",
        "> 您好\n> 已登记",
    ],
)
def test_quoted_mail_is_left_out(quote: str) -> None:
    assert without_quotes(f"还是不亮。\n请再派人看看。\n\n{quote}") == "还是不亮。\n请再派人看看。"


@pytest.mark.parametrize(
    "text",
    [
        "在小区门口，路灯不亮。\n有人写道此处危险。",
        "他在公告栏写道“不管”",
        "发件人写错了",
        "> 全是引用",
        "-- \n李明",
    ],
)
def test_what_quotes_nothing_stays(text: str) -> None:
    assert without_quotes(text) == text.strip()


def test_text_that_is_only_a_quote_stays_whole() -> None:
    text = "-----原始邮件-----\n路灯不亮"
    assert without_quotes(text) == text


def test_empty_lines_and_blanks_at_ends_are_tidied() -> None:
    assert tidy("  一 \n\n \u3000\n\n二\t\n") == "一\n\n二"


@given(st.text())
def test_any_text_is_a_page(text: str) -> None:
    of_html(text)
    without_quotes(tidy(text))


@given(
    st.lists(
        st.sampled_from(["<", ">", "/", "!--", "-->", "a", "script", " ", "&", "lt;", '"', "="])
    )
)
def test_any_broken_page_is_read(pieces: list[str]) -> None:
    of_html("".join(pieces))


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!",
        "<!--",
        "<a",
        "</",
        "<script",
        "<style>",
        "&",
        "<a href=",
        " ",
        "\n ",
        "在 ",
        "- ",
        "On x @ ",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    """The standard library's parser takes minutes for some of these; linear time is some two seconds at most."""
    started = time.process_time()
    of_html(piece * (1024 * 1024 // len(piece)))
    text = piece * (256 * 1024 // len(piece))
    without_quotes(tidy(text))
    assert time.process_time() - started < 20


def test_links_behind_a_long_text_take_no_longer_than_behind_a_short_one() -> None:
    links = "http://a.example/" + "<a href=http://a.example/></a>" * 10_000
    shortest = seconds_of(links)
    assert seconds_of("长" * 450_000 + links) < 10 * shortest + 0.2


def seconds_of(page: str) -> float:
    started = time.process_time()
    of_html(page)
    return time.process_time() - started
