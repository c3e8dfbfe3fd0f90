import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.encodings import decode, decode_header, decode_words, from_base64

HANZI = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gb2312", "gb2312"),
        ("gbk", "gb2312"),
        ("gb18030", "GBK"),
        ("gb18030", "x-gbk"),
        ("gb18030", '"gb2312"'),
        ("utf-8", "utf-8"),
        ("utf-8", "UTF8"),
        ("big5hkscs", "big5"),
        ("hz", "HZ-GB-2312"),
        ("utf-16-le", "utf-16-le"),
        ("utf-7", "unicode-1-1-utf-7"),
    ],
)
def test_text_is_read_as_it_is_declared(encoding: str, declared: str) -> None:
    assert decode("中文".encode(encoding), declared) == "中文"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gb18030", "utf-8"),
        ("gb18030", ""),
        ("gb18030", "us-ascii"),
        ("gb18030", "iso-8859-1"),
        ("gb18030", "unknown-8bit"),
        ("utf-8", "gb2312"),
        ("utf-8", "us-ascii"),
        ("utf-8", "iso-8859-1"),
        ("utf-8", "no-such-charset"),
        ("utf-8", "rot13"),
    ],
)
def test_declaration_that_does_not_fit_is_not_believed(encoding: str, declared: str) -> None:
    text = "滨江路的路灯，已经一周不亮了。"
    assert decode(text.encode(encoding), declared) == text


@pytest.mark.parametrize("text", ["路灯", "中", "联通", "滨江路的路灯不亮"])
def test_unicode_that_passes_for_gbk_is_told_from_it(text: str) -> None:
    assert decode(text.encode("gbk"), "gb2312") == text
    if len(text) > 1:
        assert decode(text.encode("utf-8"), "gb2312") == text


@pytest.mark.parametrize("text", ["㐀", "𠮷野家", "龘"])
def test_rare_characters_of_gb18030_are_read_though_gb2312_is_declared(text: str) -> None:
    assert decode(text.encode("gb18030"), "gb2312") == text


def test_latin_letters_stay_latin() -> None:
    assert decode("café für Köln".encode("latin-1"), "iso-8859-1") == "café für Köln"


def test_codec_that_takes_more_than_linear_time_is_not_used() -> None:
    assert decode(b"abc-1ga", "punycode") == "abc-1ga"


def test_control_characters_are_left_out() -> None:
    assert decode("路\x00灯\x1b[31m\r\n\t不亮".encode()) == "路灯[31m\n\t不亮"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?GB2312?B?yc+6ow==?=", "上海"),
        (b"=?gbk?b?yc+6ow==?= =?gbk?b?yc+6ow==?=", "上海上海"),
        (b"=?utf-8?Q?=E4=B8=8A=E6=B5=B7?= 12345", "上海 12345"),
        (b"=?utf-8?Q?a_b?=", "a b"),
        (b"Re: =?utf-8?B?5LiK5rW3?=", "Re: 上海"),
        (b"=?utf-8*zh?B?5LiK5rW3?=", "上海"),
        (b'"=?utf-8?B?5LiK5rW3?="', '"上海"'),
        (b"=?utf-8?B?5LiK5rW3", "=?utf-8?B?5LiK5rW3"),
        (b"=?utf-8?B?5LiK5rW?=", "上\ufffd"),
        ("上海".encode("gbk"), "上海"),
        ("上海".encode(), "上海"),
        (b"a\r\n b", "a b"),
        (b"1 =?= 2", "1 =?= 2"),
    ],
)
def test_header_is_read(raw: bytes, text: str) -> None:
    assert decode_header(raw) == text


def test_character_cut_in_two_between_words_is_whole_again() -> None:
    assert decode_header(b"=?utf-8?Q?=E4=B8=8A=E6?=\r\n =?utf-8?Q?=B5=B7?=") == "上海"


@given(HANZI)
def test_what_python_encodes_is_read(text: str) -> None:
    from email.header import Header

    for charset in ("utf-8", "gb18030"):
        encoded = Header(text, charset, maxlinelen=60).encode()
        assert decode_header(encoded.encode()) == text


@given(st.binary(), st.text(max_size=20))
def test_any_bytes_in_any_charset_are_a_text(content: bytes, charset: str) -> None:
    decode(content, charset).encode()


@given(st.text())
def test_any_text_can_be_a_header(text: str) -> None:
    decode_words(text)
    decode_header(text.encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_any_bytes_can_be_base64(content: bytes) -> None:
    from_base64(content)
