from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from gmssl import func, sm2, sm3  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.police_110.settings import SignatureMethod
from channels.police_110.signing import (
    HmacSigner,
    Seal,
    Signer,
    Sm2Signer,
    public_key_of,
    require_genuine,
    seal,
)
from infra.kit.errors import Misconfigured, NotAuthenticated

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECRET = "a-secret-of-both-sides"
OURS = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
"""The private key of GB/T 32918.5-2017, annex A."""
OURS_PUBLIC = (
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
THEIRS = "B2D1A6F0A1C9E9C8B7A65F4E3D2C1B0A99887766554433221100FFEEDDCCBBAA"
BODY = b'{"message_id":"m-1","kind":"ping"}'


def hmac_signer() -> Signer:
    return HmacSigner(SECRET, SignatureMethod.hmac_sha256)


def sm3_signer() -> Signer:
    return HmacSigner(SECRET, SignatureMethod.hmac_sm3)


def own_sm2() -> Signer:
    return Sm2Signer(OURS, public_key_of(THEIRS))


def their_sm2() -> Signer:
    return Sm2Signer(THEIRS, public_key_of(OURS))


PAIRS = [(hmac_signer, hmac_signer), (sm3_signer, sm3_signer), (own_sm2, their_sm2)]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_what_one_side_signs_the_other_takes(ours: object, theirs: object) -> None:
    sender, receiver = ours(), theirs()  # type: ignore[operator]
    sealed = seal(sender, "110", BODY, NOW)
    require_genuine(receiver, "110", sealed, BODY, NOW + timedelta(seconds=299), 300)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_whatever_is_changed_breaks_the_signature(ours: object, theirs: object) -> None:
    sender, receiver = ours(), theirs()  # type: ignore[operator]
    sealed = seal(sender, "110", BODY, NOW)
    last = "0" if sealed.signature[-1] != "0" else "1"
    for changed, body in (
        (sealed, BODY + b" "),
        (replace(sealed, timestamp=str(int(sealed.timestamp) + 1)), BODY),
        (replace(sealed, nonce="another-nonce"), BODY),
        (replace(sealed, signature=sealed.signature[:-1] + last), BODY),
        (replace(sealed, signature=""), BODY),
        (replace(sealed, signature="0" * 128), BODY),
        (replace(sealed, method="none"), BODY),
    ):
        with pytest.raises(NotAuthenticated):
            require_genuine(receiver, "110", changed, body, NOW, 300)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_what_is_too_old_or_too_early_is_not_taken(seconds: int) -> None:
    sealed = seal(hmac_signer(), "110", BODY, NOW + timedelta(seconds=seconds))
    with pytest.raises(NotAuthenticated):
        require_genuine(hmac_signer(), "110", sealed, BODY, NOW, 300)


def test_what_we_have_signed_ourselves_is_not_taken_for_the_other_sides() -> None:
    sealed = seal(hmac_signer(), "12345", BODY, NOW)
    with pytest.raises(NotAuthenticated):
        require_genuine(hmac_signer(), "110", sealed, BODY, NOW, 300)


def test_hmac_is_that_of_the_standard_library() -> None:
    sealed = seal(hmac_signer(), "110", BODY, NOW)
    wanted = hmac.new(SECRET.encode(), sealed.signed(BODY), hashlib.sha256).hexdigest()
    assert sealed.signature == wanted


def test_hmac_sm3_is_the_construction_of_rfc_2104_over_gmssls_sm3() -> None:
    key = SECRET.encode().ljust(64, b"\0")
    inner = sm3.sm3_hash(func.bytes_to_list(bytes(b ^ 0x36 for b in key) + BODY))
    outer = bytes(b ^ 0x5C for b in key) + bytes.fromhex(inner)
    assert sm3_signer().sign(BODY) == sm3.sm3_hash(func.bytes_to_list(outer))


def test_the_public_key_is_that_of_the_standards_example() -> None:
    assert public_key_of(OURS).upper() == OURS_PUBLIC


def test_the_standards_example_of_a_signature_is_genuine() -> None:
    # GB/T 32918.5-2017, annex A.2: "message digest" signed with the key above.
    signature = (
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
    checks = Sm2Signer(THEIRS, OURS_PUBLIC)
    assert checks.genuine(b"message digest", signature)
    assert not checks.genuine(b"message digest!", signature)


def test_gmssl_itself_takes_what_we_sign() -> None:
    oracle = sm2.CryptSM2(private_key="", public_key="")
    oracle.public_key = OURS_PUBLIC
    assert oracle.verify_with_sm3(own_sm2().sign(BODY), BODY)


@pytest.mark.parametrize(
    ("private", "public"),
    [
        ("0" * 64, OURS_PUBLIC),
        (OURS, "1" * 128),
        (OURS[:-1], OURS_PUBLIC),
        (OURS, OURS_PUBLIC[:-2]),
        ("Z" * 64, OURS_PUBLIC),
        ("F" * 64, OURS_PUBLIC),
    ],
)
def test_what_is_no_key_stops_the_start(private: str, public: str) -> None:
    with pytest.raises(Misconfigured):
        Sm2Signer(private, public)


def test_a_public_key_may_have_its_prefix_and_begin_like_one() -> None:
    # gmssl strips every 0 and 4 off such a key.
    private = next(
        f"{number:064x}" for number in range(1, 5000) if public_key_of(f"{number:064x}")[:1] in "04"
    )
    checks = Sm2Signer(THEIRS, "04" + public_key_of(private))
    assert checks.genuine(BODY, Sm2Signer(private, OURS_PUBLIC).sign(BODY))


@given(st.text(max_size=200), st.binary(max_size=50))
@settings(max_examples=60)
def test_no_signature_that_is_made_up_is_genuine_or_breaks(signature: str, body: bytes) -> None:
    assert not own_sm2().genuine(body, signature)
    assert not hmac_signer().genuine(body, signature)


@given(st.dictionaries(st.sampled_from(["x-platform", "x-timestamp", "x-nonce"]), st.text()))
def test_headers_of_a_stranger_are_refused_and_break_nothing(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthenticated):
        require_genuine(hmac_signer(), "110", Seal.of(headers), BODY, NOW, 300)
