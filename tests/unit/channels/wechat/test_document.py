import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wechat.document import Fields, fields_of, text_of, xml_of
from infra.kit.errors import Invalid

NAMES = st.from_regex(r"[A-Z][A-Za-z_]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


def test_xml_is_read_with_cdata_and_nested_fields() -> None:
    body = (
        "<xml><Content><![CDATA[路灯<不>亮]]></Content><MsgId>123</MsgId>"
        "<ScanCodeInfo><ScanResult><![CDATA[abc]]></ScanResult></ScanCodeInfo>"
        "<PicList><item><Md5>1</Md5></item><item><Md5>2</Md5></item></PicList><Empty></Empty></xml>"
    )
    assert fields_of(body.encode()) == {
        "Content": "路灯<不>亮",
        "MsgId": "123",
        "ScanCodeInfo": {"ScanResult": "abc"},
        "PicList": {"item": [{"Md5": "1"}, {"Md5": "2"}]},
        "Empty": "",
    }


def test_json_is_read_with_its_numbers() -> None:
    fields = fields_of(
        '{"Content":"路灯不亮","MsgId":12345678901234567890,"List":[1,null]}'.encode()
    )
    assert fields == {"Content": "路灯不亮", "MsgId": 12345678901234567890, "List": [1, None]}
    assert text_of(fields, "MsgId") == "12345678901234567890"


@given(fields=st.dictionaries(NAMES, TEXTS, min_size=1, max_size=8))
def test_xml_that_we_write_is_read_back(fields: dict[str, str]) -> None:
    # XML takes every line's end for one and the same.
    assert fields_of(xml_of(fields)) == fields


@given(
    value=st.recursive(
        st.one_of(TEXTS, st.integers(-(2**63), 2**63), st.booleans(), st.none()),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
        max_leaves=12,
    )
)
def test_unknown_json_is_kept_as_it_came(value: Any) -> None:
    assert fields_of(json.dumps({"New": value}).encode())["New"] == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"success",
        b"\xff\xfe",
        b"<xml>",
        b"<xml>only text</xml>",
        b"<xml><A>1</B></xml>",
        b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><A>&a;</A></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x"><xml><A>1</A></xml>',
        b'<?xml version="1.0" encoding="no-such"?><xml><A>1</A></xml>',
        b"[]",
        b"{",
        b'{"A":NaN}',
        b'{"A":1' + b"0" * 5000 + b"}",
        b'"text"',
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="not a message of WeChat"):
        fields_of(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<xml>" + b"<a>" * 80_000,
        b"<xml>" + b"<a>1</a>" * 30_000 + b"</xml>",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a":' + b"[" * 120_000 + b"]" * 120_000 + b"}",
        b"<xml><a>" + b"x" * 10_000_000 + b"</a></xml>",
        b'{"a":"' + b"x" * 10_000_000 + b'"}',
        b'<!DOCTYPE a [<!ENTITY x "'
        + b"x" * 1000
        + b'">'
        + b'<!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;">' * 200
        + b"]><xml>&y;</xml>",
    ],
    ids=["deep xml", "wide xml", "deep json", "deep list", "10 MB xml", "10 MB json", "entities"],
)
def test_bombs_are_refused_at_once(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(Invalid):
        fields_of(body)
    # A second is a hundred times what it takes: growth without bound would take minutes.
    assert time.process_time() - began < 1


@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        fields: Fields = fields_of(body)
    except Invalid:
        return
    assert isinstance(fields, dict)


@given(text=st.text(max_size=40))
def test_no_control_character_nor_half_a_sign_comes_through(text: str) -> None:
    kept = fields_of(json.dumps({"Content": text, text: 1}).encode())
    for said in (kept["Content"], *kept):
        said.encode()
        assert not any(ord(sign) < 32 and sign not in "\n\r\t" for sign in said)
