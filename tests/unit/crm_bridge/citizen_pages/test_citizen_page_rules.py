"""Proofs of work, passes and query codes: only what we have handed out holds, for what it was made, and in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_bridge.citizen_pages.rules import (
    Challenge,
    PassRefused,
    ProofRefused,
    Purpose,
    bits_for,
    fits_query_code,
    new_challenge,
    phone_pass,
    query_code,
    require_work,
    shows_phone,
    solves,
    ticket_of_pass,
    ticket_pass,
)
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
SEAL = Vault(bytes(range(32))).seal
OTHER_SEAL = Vault(bytes(range(1, 33))).seal
PHONE = PhoneNumber("13800015121")


def made(purpose: Purpose = Purpose.report, bits: int = 8) -> Challenge:
    return new_challenge(purpose, "0123456789abcdef", bits, LATER, SEAL)


def solved(challenge: Challenge) -> str:
    return next(str(n) for n in range(10**6) if solves(challenge.text, str(n), challenge.bits))


def test_work_that_was_done_is_accepted_once_it_is_asked_for_in_time() -> None:
    challenge = made()
    found = require_work(Purpose.report, challenge.text, solved(challenge), NOW, SEAL)
    assert found == challenge


def test_work_for_something_else_too_late_or_not_done_is_refused() -> None:
    challenge = made()
    nonce = solved(challenge)
    undone = next(str(n) for n in range(1000) if not solves(challenge.text, str(n), 8))
    easier = challenge.text.replace(".8.", ".1.")
    refused = [
        (Purpose.code, challenge.text, nonce, NOW),
        (Purpose.report, challenge.text, nonce, LATER),
        (Purpose.report, challenge.text, undone, NOW),
        (Purpose.report, easier, nonce, NOW),
        (Purpose.report, challenge.text, f"{nonce} ", NOW),
        (Purpose.report, challenge.text, "9" * 21, NOW),
    ]
    for purpose, text, tried, at in refused:
        with pytest.raises(ProofRefused):
            require_work(purpose, text, tried, at, SEAL)


def test_a_challenge_of_another_city_is_worth_nothing_here() -> None:
    challenge = new_challenge(Purpose.report, "0123456789abcdef", 1, LATER, OTHER_SEAL)
    with pytest.raises(ProofRefused):
        require_work(Purpose.report, challenge.text, solved(challenge), NOW, SEAL)


SIGNS = st.characters() | st.characters(categories=["Cs"])


@given(st.text(SIGNS, max_size=300), st.text(SIGNS, max_size=30))
@example("\udc82", "1")
def test_nothing_that_is_made_up_is_a_proof(text: str, nonce: str) -> None:
    with pytest.raises(ProofRefused):
        require_work(Purpose.report, text, nonce, NOW, SEAL)


@given(st.text(SIGNS, max_size=300))
@example("\udc82")
def test_nothing_that_is_made_up_opens_a_ticket_or_shows_a_number(text: str) -> None:
    with pytest.raises(PassRefused):
        ticket_of_pass(text, NOW, SEAL)
    assert not shows_phone(text, PHONE, NOW, SEAL)
    assert not fits_query_code(text, "20260302-000001", SEAL)


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=100))
def test_work_never_gets_easier_with_use_and_never_harder_than_the_most(
    used: int, free: int
) -> None:
    bits = bits_for(used, free, 16, 21)
    assert 16 <= bits <= 21
    assert bits <= bits_for(used + free, free, 16, 21)


def test_the_first_requests_of_an_address_cost_the_least() -> None:
    assert [bits_for(used, 20, 16, 18) for used in (0, 19, 20, 39, 40, 999)] == [
        16,
        16,
        17,
        17,
        18,
        18,
    ]


def test_a_ticket_pass_opens_its_ticket_until_it_expires() -> None:
    text = ticket_pass(7, LATER, SEAL)
    assert ticket_of_pass(text, NOW, SEAL) == 7
    for wrong in (text.replace("t.7.", "t.8."), text[:-1], text + "0"):
        with pytest.raises(PassRefused):
            ticket_of_pass(wrong, NOW, SEAL)
    with pytest.raises(PassRefused):
        ticket_of_pass(text, LATER, SEAL)


def test_a_phone_pass_shows_one_number_holds_no_number_and_opens_no_ticket() -> None:
    text = phone_pass(PHONE, LATER, SEAL)
    assert PHONE.digits not in text
    assert shows_phone(text, PHONE, NOW, SEAL)
    assert not shows_phone(text, PhoneNumber("13800015122"), NOW, SEAL)
    assert not shows_phone(text, PHONE, LATER, SEAL)
    with pytest.raises(PassRefused):
        ticket_of_pass(text, NOW, SEAL)


def test_a_query_code_is_read_however_it_is_written() -> None:
    code = query_code("20260302-000001", SEAL)
    assert len(code) == 9
    assert not set(code) & set("OILU")
    for written in (code, code.lower(), code.replace("-", ""), f" {code} "):
        assert fits_query_code(written, "20260302-000001", SEAL)
    assert fits_query_code(code.replace("0", "O").replace("1", "l"), "20260302-000001", SEAL)
    assert not fits_query_code(code, "20260302-000002", SEAL)
    assert query_code("20260302-000001", OTHER_SEAL) != code
