from __future__ import annotations

import asyncio
from itertools import count

import pytest

from channels.protocol import CannotReply
from channels.sms.codes import Codes, WrongCode
from channels.sms.protocol import MessageRejected
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import TooMany, TryLater
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.channels.sms.paper import PaperProvider

PHONE = PhoneNumber("13800005678")
SETTINGS = SmsSettings(code_tries=3, codes_per_hour=3, codes_per_day=5)


@pytest.fixture
def paper() -> PaperProvider:
    return PaperProvider()


@pytest.fixture
def codes(database: Database, clock: ManualClock, vault: Vault, paper: PaperProvider) -> Codes:
    messenger = Messenger(database, clock, vault, paper, SETTINGS)
    drawn = count(7)
    return Codes(database, clock, vault, messenger, SETTINGS, draw=lambda _: next(drawn))


async def test_the_code_that_was_sent_is_right_once(codes: Codes, paper: PaperProvider) -> None:
    sent = await codes.request(PHONE)

    assert paper.handed[0].parameters["code"] == "000007"
    assert "000007" in paper.handed[0].text
    assert paper.handed[0].valid_until == sent.expires_at
    await codes.check(PHONE, " 000007 ")
    with pytest.raises(WrongCode):
        await codes.check(PHONE, "000007")


async def test_a_code_of_another_number_is_wrong(codes: Codes) -> None:
    await codes.request(PHONE)

    with pytest.raises(WrongCode) as error:
        await codes.check(PhoneNumber("13800001111"), "000007")
    assert error.value.fields[0].pointer == "/code"


async def test_a_code_expires(codes: Codes, clock: ManualClock) -> None:
    await codes.request(PHONE)
    clock.advance(300)

    with pytest.raises(WrongCode):
        await codes.check(PHONE, "000007")


async def test_only_the_newest_code_is_right(codes: Codes, clock: ManualClock) -> None:
    await codes.request(PHONE)
    clock.advance(61)
    await codes.request(PHONE)

    with pytest.raises(WrongCode):
        await codes.check(PHONE, "000007")
    await codes.check(PHONE, "000008")


async def test_a_code_bears_only_so_many_wrong_entries(codes: Codes) -> None:
    await codes.request(PHONE)
    for _ in range(SETTINGS.code_tries):
        with pytest.raises(WrongCode):
            await codes.check(PHONE, "999999")

    with pytest.raises(WrongCode):
        await codes.check(PHONE, "000007")


async def test_guessing_in_parallel_gives_no_more_entries(codes: Codes) -> None:
    await codes.request(PHONE)
    guesses = [f"{guess:06d}" for guess in range(20, 30)]

    await asyncio.gather(*(codes.check(PHONE, guess) for guess in guesses), return_exceptions=True)

    with pytest.raises(WrongCode):
        await codes.check(PHONE, "000007")


async def test_one_right_entry_of_ten_at_once_counts(codes: Codes) -> None:
    await codes.request(PHONE)

    results = await asyncio.gather(
        *(codes.check(PHONE, "000007") for _ in range(3)), return_exceptions=True
    )

    assert [type(result) for result in results if result is not None] == [WrongCode, WrongCode]


@pytest.mark.parametrize("wait", [0, 59])
async def test_another_code_is_not_sent_at_once(
    codes: Codes, clock: ManualClock, paper: PaperProvider, wait: float
) -> None:
    await codes.request(PHONE)
    clock.advance(wait)

    with pytest.raises(TooMany) as error:
        await codes.request(PHONE)

    assert error.value.retry_after == 60 - wait
    assert len(paper.handed) == 1


async def test_a_number_gets_only_so_many_codes_an_hour_and_a_day(
    codes: Codes, clock: ManualClock, paper: PaperProvider
) -> None:
    async def ask() -> bool:
        try:
            await codes.request(PHONE)
        except TooMany:
            return False
        return True

    taken = []
    for _ in range(30):
        taken.append(await ask())
        clock.advance(600)

    assert sum(taken[:6]) == 3
    assert sum(taken) == 5
    assert len(paper.handed) == 5
    clock.advance(86_400)
    assert await ask()


@pytest.mark.parametrize("fault", [TryLater(), MessageRejected("21211")])
async def test_a_code_that_never_went_out_does_not_count(
    codes: Codes, paper: PaperProvider, fault: TryLater | CannotReply
) -> None:
    paper.faults = [fault]

    with pytest.raises(type(fault)):
        await codes.request(PHONE)
    await codes.request(PHONE)

    await codes.check(PHONE, "000008")


async def test_a_code_of_unknown_fate_is_good(codes: Codes, paper: PaperProvider) -> None:
    paper.faults = [TimeoutError()]

    await codes.request(PHONE)

    await codes.check(PHONE, "000007")


async def test_old_codes_are_forgotten_and_new_ones_still_go_out(
    codes: Codes, clock: ManualClock, paper: PaperProvider
) -> None:
    await codes.request(PHONE)
    clock.advance(86_401)
    await codes.purge()

    await codes.request(PHONE)

    assert len({message.key for message in paper.handed}) == 2
