"""Short messages through the stub of Twilio, over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr

from channels.protocol import CannotReply, Sent
from channels.sms.protocol import MessageRejected
from channels.sms.rules import MessageKind, ShortMessage
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from channels.twilio.carrier import TwilioCarrier
from channels.twilio.rest import AccountRefused, TwilioApi
from channels.twilio.settings import TwilioSettings
from channels.twilio.stub import Mood, StubTwilio
from infra.kit.clock import ManualClock, SystemClock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured, Refused, TooMany, TryLater
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

PUBLIC_URL = "https://12345.example.gov.cn"


@pytest.fixture
async def stub() -> AsyncIterator[StubTwilio]:
    stub = StubTwilio()
    async with stub.serving():
        yield stub


def settings_for(stub: StubTwilio, **more: object) -> TwilioSettings:
    values = {
        "account_sid": stub.account_sid,
        "auth_token": SecretStr(stub.auth_token),
        "from_number": stub.number,
        "api_url": stub.url,
        **more,
    }
    return TwilioSettings.model_validate(values)


@pytest.fixture
async def api(stub: StubTwilio) -> AsyncIterator[TwilioApi]:
    api = TwilioApi(settings_for(stub))
    yield api
    await api.close()


@pytest.fixture
def carrier(api: TwilioApi) -> TwilioCarrier:
    return TwilioCarrier(api, "临江12345", PUBLIC_URL, SystemClock())


def message(phone: str = "13800005678", **more: object) -> ShortMessage:
    values = {"key": "reply:7", "kind": MessageKind.notice, "text": "您的工单已办结。"} | more
    return ShortMessage(phone=PhoneNumber(phone), **values)  # type: ignore[arg-type]  # of a test


async def test_a_message_goes_out_as_twilio_wants_it(
    carrier: TwilioCarrier, stub: StubTwilio
) -> None:
    valid_until = SystemClock().now() + timedelta(minutes=5)

    sent = await carrier.send(message(key="code:a b", valid_until=valid_until))

    [made] = stub.messages
    validity = int(made.fields.pop("ValidityPeriod"))
    assert sent == Sent(provider_id=made.sid)
    assert made.fields == {
        "To": "+8613800005678",
        "From": stub.number,
        "Body": "【临江12345】您的工单已办结。",
        "StatusCallback": f"{PUBLIC_URL}/channels/twilio/status?key=code%3Aa%20b#rc=3&rp=all",
    }
    assert 290 <= validity <= 300


async def test_a_number_abroad_gets_its_own_country_code(
    carrier: TwilioCarrier, stub: StubTwilio
) -> None:
    await carrier.send(message("0014155552671"))

    assert stub.messages[0].fields["To"] == "+14155552671"


async def test_a_messaging_service_sends_instead_of_the_number(stub: StubTwilio) -> None:
    api = TwilioApi(settings_for(stub, messaging_service_sid="MG1", from_number=""))
    await TwilioCarrier(api, "12345", "", SystemClock()).send(message())
    await api.close()

    assert stub.messages[0].fields["MessagingServiceSid"] == "MG1"
    assert "From" not in stub.messages[0].fields
    assert "StatusCallback" not in stub.messages[0].fields


async def test_a_landline_is_called_and_read_to_in_figures(
    carrier: TwilioCarrier, stub: StubTwilio
) -> None:
    sent = await carrier.send(message("03152345678", text="验证码 123456，5 分钟内有效。"))

    [made] = stub.calls
    assert sent.provider_id == made.sid
    assert made.fields["To"] == "+863152345678"
    assert made.fields["Twiml"].count("1，2，3，4，5，6") == 2
    assert 'language="cmn-CN"' in made.fields["Twiml"]
    assert made.fields["StatusCallbackEvent"] == "completed"
    assert stub.messages == []


async def test_what_is_read_out_cannot_change_what_twilio_does(
    carrier: TwilioCarrier, stub: StubTwilio
) -> None:
    await carrier.send(message("03152345678", text="</Say><Dial>+1900</Dial><Say>"))

    assert "<Dial>" not in stub.calls[0].fields["Twiml"]


@pytest.mark.parametrize("phone", ["12345", "03152345678"])
async def test_a_number_that_can_get_none_is_refused(stub: StubTwilio, phone: str) -> None:
    api = TwilioApi(settings_for(stub, landlines="refuse"))

    with pytest.raises(CannotReply):
        await TwilioCarrier(api, "12345", "", SystemClock()).send(message(phone))
    assert stub.calls == []


@pytest.mark.parametrize(
    ("mood", "error", "made"),
    [
        (Mood.busy, TooMany, 0),
        (Mood.expired, AccountRefused, 0),
        (Mood.broken_before, TimeoutError, 0),
        (Mood.broken_after, TimeoutError, 1),
        (Mood.silent, TimeoutError, 1),
    ],
)
async def test_what_is_not_certain_is_told_from_what_is(
    carrier: TwilioCarrier, stub: StubTwilio, mood: Mood, error: type[Exception], made: int
) -> None:
    stub.mood = mood

    with pytest.raises(error):
        await carrier.send(message())

    assert len(stub.messages) == made


async def test_nobody_at_the_address_has_taken_it_for_certain(stub: StubTwilio) -> None:
    api = TwilioApi(settings_for(stub, api_url="http://127.0.0.1:9"))

    with pytest.raises(TryLater):
        await TwilioCarrier(api, "12345", "", SystemClock()).send(message())
    await api.close()


async def test_a_refusal_bears_twilios_code_and_not_the_number(
    api: TwilioApi, stub: StubTwilio
) -> None:
    # As Twilio would refuse a number that has been checked by nobody.
    with pytest.raises(MessageRejected) as error:
        await api.answered(
            api.client.messages.create_async(to="+0138", body="x", from_=stub.number)
        )

    assert error.value.code == "21211"
    chain = [error.value, error.value.__cause__, error.value.__context__]
    assert "+0138" not in repr(chain[:2])
    assert error.value.__cause__ is None


async def test_a_wrong_sender_is_for_an_operator_to_mend(stub: StubTwilio) -> None:
    api = TwilioApi(settings_for(stub, from_number="+15005550006"))

    with pytest.raises(AccountRefused):
        await TwilioCarrier(api, "12345", "", SystemClock()).send(message())
    await api.close()


async def test_no_account_is_said_at_the_start() -> None:
    with pytest.raises(Misconfigured, match=r"twilio\.account_sid"):
        TwilioApi(TwilioSettings())


@pytest.mark.parametrize("phone", ["13800005678", "03152345678"])
@pytest.mark.parametrize("mood", [Mood.broken_after, Mood.silent])
async def test_a_message_whose_answer_was_lost_is_sent_once(
    carrier: TwilioCarrier,
    stub: StubTwilio,
    sqlite_database: Database,
    vault: Vault,
    mood: Mood,
    phone: str,
) -> None:
    clock = ManualClock(SystemClock().now())
    messenger = Messenger(sqlite_database, clock, vault, carrier, SmsSettings())
    stub.mood = mood
    with pytest.raises(TimeoutError):
        await messenger.send(message(phone))
    stub.mood = Mood.well
    clock.advance(31)

    while await messenger.run_once():
        pass

    made = [*stub.messages, *stub.calls]
    assert await messenger.send(message(phone)) == Sent(provider_id=made[0].sid)
    assert len(made) == 1


async def test_a_message_that_was_lost_on_the_way_there_is_sent_after_all(
    carrier: TwilioCarrier, stub: StubTwilio, sqlite_database: Database, vault: Vault
) -> None:
    clock = ManualClock(SystemClock().now())
    messenger = Messenger(sqlite_database, clock, vault, carrier, SmsSettings())
    stub.mood = Mood.broken_before
    with pytest.raises(TimeoutError):
        await messenger.send(message())
    stub.mood = Mood.well
    clock.advance(31)

    while await messenger.run_once():
        pass

    assert len(stub.messages) == 1
    assert await messenger.unknown() == []


async def test_an_expired_token_holds_messages_up_and_loses_none(
    carrier: TwilioCarrier, stub: StubTwilio, sqlite_database: Database, vault: Vault
) -> None:
    clock = ManualClock(SystemClock().now())
    messenger = Messenger(sqlite_database, clock, vault, carrier, SmsSettings())
    stub.mood = Mood.expired
    async with sqlite_database.transaction() as session:
        for n in range(5):
            await messenger.queue(session, message(f"1380000{n:04}", key=f"n:{n}"))
    await messenger.run_once()
    clock.advance(700)
    await messenger.run_once()
    stub.mood = Mood.well
    clock.advance(700)

    while await messenger.run_once():
        pass

    assert sorted(made.fields["To"] for made in stub.messages) == [
        f"+861380000{n:04}" for n in range(5)
    ]


async def test_a_recording_is_fetched_with_the_accounts_key(
    api: TwilioApi, stub: StubTwilio
) -> None:
    stub.media["RE1.mp3"] = b"ID3..."

    assert await api.media(f"{stub.url}/media/RE1.mp3") == b"ID3..."
    with pytest.raises(TryLater):
        await api.media(f"{stub.url}/media/RE2.mp3")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "file:///etc/passwd", "https://api.twilio.com.evil/x"]
)
async def test_nothing_but_twilio_is_asked_for_files(api: TwilioApi, url: str) -> None:
    with pytest.raises(Refused):
        await api.media(url)


async def test_check_finds_nothing_to_mend_in_a_good_account(carrier: TwilioCarrier) -> None:
    assert list(await carrier.check()) == []


async def test_check_names_the_setting_of_a_wrong_token(
    carrier: TwilioCarrier, stub: StubTwilio
) -> None:
    stub.mood = Mood.expired

    [finding] = await carrier.check()

    assert finding.setting == "twilio.auth_token"
    assert finding.fatal


async def test_the_library_is_told_nothing_by_our_environment(
    stub: StubTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    api = TwilioApi(settings_for(stub))
    await TwilioCarrier(api, "12345", "", SystemClock()).send(message())
    await api.close()

    assert len(stub.messages) == 1


async def test_the_stub_signs_as_the_library_checks() -> None:
    from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

    stub = StubTwilio()
    form = {"Body": "路灯不亮 +&=", "From": "+8613800005678", "Empty": ""}
    url = f"{PUBLIC_URL}/channels/twilio/sms?key=a%3Ab"

    assert RequestValidator(stub.auth_token).validate(url, form, stub.sign(url, form))
    assert parse_qs(urlsplit(url).query)["key"] == ["a:b"]


async def test_the_stub_turns_away_whoever_has_another_key(stub: StubTwilio) -> None:
    url = f"{stub.url}/2010-04-01/Accounts/{stub.account_sid}/Messages.json"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data={"To": "+8613800005678", "Body": "x"}) as response,
    ):
        assert response.status == 401
        assert (await response.json())["code"] == 20003
