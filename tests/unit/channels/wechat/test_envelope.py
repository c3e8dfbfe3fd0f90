"""Signatures and encryption, against the documentation's own examples (消息推送) and against wechatpy."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import (  # type: ignore[import-untyped]  # ships no types
    PrpCrypto,
    WeChatCrypto,
)
from wechatpy.utils import WeChatSigner  # type: ignore[import-untyped]  # ships no types

from channels.wechat.document import fields_of, xml_of
from channels.wechat.envelope import Envelope, is_signed, signature
from infra.kit.errors import Misconfigured, NotAuthenticated

APPID = "wxba5fad812f8e6fb9"
TOKEN = "AAAAA"
KEY = "A" * 43
PUSHED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsX"
    "UnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajA"
    "sjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
ANSWER = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
LETTERS = st.text(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", max_size=43, min_size=43
)


@pytest.mark.parametrize(
    ("expected", "parts"),
    [
        ("f464b24fc39322e44b38aa78f5edd27bd1441696", (TOKEN, "1714036504", "1514711492")),
        ("899cf89e464efb63f54ddac96b0a0a235f53aa78", (TOKEN, "1714037059", "486452656")),
        ("046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", (TOKEN, "1714112445", "415670741", PUSHED)),
        ("1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1", (TOKEN, "1713424427", "415670741", ANSWER)),
    ],
)
def test_signature_is_the_documentations(expected: str, parts: tuple[str, ...]) -> None:
    assert signature(*parts) == expected
    assert is_signed(expected, *reversed(parts))


def test_documentations_message_is_opened() -> None:
    assert Envelope(KEY, APPID).open(PUSHED) == (
        b'{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,'
        b'"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}'
    )


def test_documentations_answer_is_sealed_to_the_letter() -> None:
    sealed = Envelope(KEY, APPID).seal(b'{"demo_resp":"good luck"}', b"707722b803182950")
    assert sealed == ANSWER


@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_signature_is_wechatpys(parts: list[str]) -> None:
    signer = WeChatSigner()
    signer.add_data(*parts)
    assert signature(*parts) == signer.signature


@given(message=st.text(st.characters(exclude_categories=["Cs", "Cc"])), key=LETTERS)
def test_wechatpy_opens_what_we_seal(message: str, key: str) -> None:
    sealed = Envelope(key, APPID).seal(message.encode(), b"0123456789abcdef")
    opened = PrpCrypto(base64.b64decode(key + "=")).decrypt(sealed, APPID)
    assert opened == message


@given(message=st.text(st.characters(exclude_categories=["Cs", "Cc"])), key=LETTERS)
def test_we_open_what_wechatpy_seals(message: str, key: str) -> None:
    sealed = PrpCrypto(base64.b64decode(key + "=")).encrypt(message, APPID)
    assert Envelope(key, APPID).open(sealed.decode()) == message.encode()


def test_wechatpy_takes_a_whole_message_of_ours() -> None:
    inside = xml_of({"ToUserName": "gh_1", "MsgType": "text", "Content": "路灯不亮 ]]> <b>"})
    encrypted = Envelope(KEY, APPID).seal(inside, b"0123456789abcdef")
    around = xml_of({"ToUserName": "gh_1", "Encrypt": encrypted})
    crypto = WeChatCrypto(TOKEN, KEY, APPID)
    signed = signature(TOKEN, "1714112445", "415670741", encrypted)
    opened = crypto.decrypt_message(around, signed, "1714112445", "415670741")
    assert fields_of(opened.encode())["Content"] == "路灯不亮 ]]> <b>"


def test_we_take_a_whole_message_of_wechatpy() -> None:
    around = WeChatCrypto(TOKEN, KEY, APPID).encrypt_message(
        "<xml><Content>您好</Content></xml>", "415670741", "1714112445"
    )
    fields = fields_of(around.encode())
    assert is_signed(fields["MsgSignature"], TOKEN, "1714112445", "415670741", fields["Encrypt"])
    assert b"\xe6\x82\xa8\xe5\xa5\xbd" in Envelope(KEY, APPID).open(fields["Encrypt"])


@pytest.mark.parametrize("other", ["", "wx0000000000000000", APPID + "0", APPID[:-1]])
def test_message_for_another_account_is_not_opened(other: str) -> None:
    sealed = Envelope(KEY, other).seal(b"hello", b"0123456789abcdef")
    with pytest.raises(NotAuthenticated):
        Envelope(KEY, APPID).open(sealed)


def test_length_beyond_the_end_is_not_opened() -> None:
    message = b"hello" + APPID.encode()
    sealed = Envelope(KEY, "").seal(message, b"0123456789abcdef")
    with pytest.raises(NotAuthenticated):
        Envelope(KEY, APPID).open(sealed)


@given(
    sealed=st.one_of(
        st.text(max_size=200), st.binary(max_size=200).map(base64.b64encode).map(bytes.decode)
    )
)
def test_anything_else_is_refused_and_nothing_breaks(sealed: str) -> None:
    with pytest.raises(NotAuthenticated):
        Envelope(KEY, APPID).open(sealed)


@given(position=st.integers(0, 63), change=st.integers(1, 255))
def test_altered_message_never_opens_to_another_accounts_name(position: int, change: int) -> None:
    sealed = bytearray(base64.b64decode(ANSWER))
    sealed[position] ^= change
    envelope = Envelope(KEY, APPID)
    try:
        opened = envelope.open(base64.b64encode(bytes(sealed)).decode())
    except NotAuthenticated:
        return
    # CBC alone cannot tell a change in the middle: that is what the signature is for, which covers all of it.
    assert opened != b'{"demo_resp":"good luck"}' or position < 16


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "+" * 43, "A" * 42 + "=", "密" * 43])
def test_key_that_is_none_is_named(key: str) -> None:
    with pytest.raises(Misconfigured, match="encoding_aes_key"):
        Envelope(key, APPID)
