"""The Twilio channel: what citizens write or say to the Twilio number, and what became of what was sent from there.

Twilio posts forms to `/channels/twilio/…`: `sms` (a message came), `status` (what became of one of ours), `voice` (a
call came), `voice-after` (putting it through has ended), `voice-recorded` (the caller left a message), `voice-status`
(what became of a call of ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from multidict import MultiDict
from twilio.request_validator import (  # type: ignore[import-untyped]  # the library has no types
    RequestValidator,
    get_signature_algorithm,
)

from channels.contacts.rules import Contact, Enclosure, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Delivery,
    DeliveryNews,
    Finding,
    Mode,
    Reply,
    Sent,
)
from channels.sms.rules import MessageKind, ShortMessage
from channels.twilio.carrier import TwilioCarrier
from channels.twilio.rest import AccountRefused, TwilioApi
from channels.twilio.rules import LARGEST_BODY, NAME, fields_of, form_of, left, news_of, written
from channels.twilio.settings import TwilioSettings
from channels.twilio.speech import EMPTY, leave_a_message, put_through
from infra.kit.errors import Invalid, NotAuthenticated, Refused, TryLater

_XML = "text/xml"


class TwilioChannel:
    """Makes contacts of messages and of what callers leave.

    Args:
        api: The account.
        carrier: Sends the answers.
        public_url: Under which Twilio reaches us.
    """

    name: ClassVar[str] = NAME
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = TwilioSettings
    largest_body: ClassVar[int] = LARGEST_BODY

    def __init__(self, api: TwilioApi, carrier: TwilioCarrier, public_url: str) -> None:
        self._api = api
        self._settings = api.settings
        self._carrier = carrier
        self._public_url = public_url.rstrip("/")
        self._validator = RequestValidator(api.settings.auth_token.get_secret_value())

    def verify(self, raw: Delivery) -> None:
        """Return if Twilio signed it for this account; by the library's own validator.

        Raises:
            NotAuthenticated: It did not. Often `server.public_url` is not the address that Twilio was given.
        """
        form = form_of(raw)
        algorithm = get_signature_algorithm(
            raw.headers.get("x-twilio-webhooks-signature-settings", "")
        )
        # A form may hold a name twice; the validator wants all of its values.
        signed = MultiDict(form)
        given = raw.headers.get("x-twilio-signature", "")
        if not self._validator.validate(raw.url, signed, given, algorithm) or (
            dict(form).get("AccountSid", self._settings.account_sid) != self._settings.account_sid
        ):
            raise NotAuthenticated(
                "not signed by Twilio for this account: twilio.auth_token and server.public_url must be those that "
                "Twilio knows",
                "Twilio 签名无效：请核对 twilio.auth_token，以及 server.public_url 是否与 Twilio 中登记的地址一致",
            )

    def greet(self, raw: Delivery) -> Acknowledgement | None:
        """Return what Twilio is to do with a call; None for all that is no call."""
        match raw.path:
            case "voice" if self._settings.dial:
                return _twiml(put_through(self._settings, self._address("voice-after")))
            case "voice":
                return self._let_leave()
            case "voice-after" if fields_of(raw).get("DialCallStatus") in ("completed", "answered"):
                return _twiml(EMPTY)
            case "voice-after":
                return self._let_leave()
            case _:
                return None

    def news(self, raw: Delivery) -> Sequence[DeliveryNews]:
        """Return what became of one of our messages or calls.

        Raises:
            Invalid: It does not say of which.
        """
        return news_of(raw) if raw.path in ("status", "voice-status") else ()

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contact that a message is, or what a caller left; none for news that say nothing yet.

        Raises:
            Invalid: A field is missing, or nothing is taken at this address.
        """
        match raw.path:
            case "sms":
                return (written(raw),)
            case "voice-recorded":
                return (left(raw),)
            case "status" | "voice-status":
                return ()
            case _:
                raise Invalid(
                    "nothing is taken at this address: see the page about Twilio in the documentation",
                    "该地址不接收内容，请按 Twilio 渠道文档登记地址",
                )

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return that Twilio has nothing more to do: whoever answers does so later."""
        return _twiml(EMPTY)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Answer by short message; who called from a landline is called and read to.

        Raises:
            CannotReply: The number was withheld, or Twilio refuses it.
            TryLater: Twilio has not taken it.
            TimeoutError: Nobody can tell whether Twilio has taken it.
        """
        if contact.phone is None:
            raise CannotReply("the citizen's number is not known", "对方号码未知，无法回复短信")
        return await self._carrier.send(
            ShortMessage(
                key=reply.key,
                phone=contact.phone,
                kind=MessageKind(reply.kind.value),
                text=reply.text,
            )
        )

    async def fetch(self, enclosure: Enclosure) -> bytes:
        """Return a picture that came with a message, or what a caller left, as MP3.

        Raises:
            TryLater: Twilio does not give it now; a recording is there some seconds after the call.
            Refused: It is not Twilio's, or too large.
        """
        return await self._api.media(enclosure.media_id)

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with the addresses that the Twilio number posts to."""
        number, expected = self._settings.from_number, self._address("sms")
        if not number or not self._public_url:
            return ()
        try:
            found = await self._api.answered(
                self._api.client.incoming_phone_numbers.list_async(phone_number=number, limit=1)
            )
        except (AccountRefused, TryLater, Refused):
            return ()  # the carrier's own check says so
        if not found:
            return (
                Finding(
                    setting="twilio.from_number",
                    message_zh="该 Twilio 账号下没有 twilio.from_number 这个号码",
                    message_en="the account has no such number as twilio.from_number",
                ),
            )
        return (
            *_address_of(found[0].sms_url, "A message comes in", expected),
            *_address_of(found[0].voice_url, "A call comes in", self._address("voice")),
        )

    def _let_leave(self) -> Acknowledgement:
        return _twiml(leave_a_message(self._settings, self._address("voice-recorded")))

    def _address(self, path: str) -> str:
        return f"{self._public_url}/channels/{NAME}/{path}"


def _twiml(body: bytes) -> Acknowledgement:
    return Acknowledgement(content_type=_XML, body=body)


def _address_of(found: str | None, field: str, expected: str) -> Sequence[Finding]:
    if found == expected:
        return ()
    return (
        Finding(
            setting="server.public_url",
            message_zh=f"请在 Twilio 控制台该号码的 “{field}” 处登记 {expected}（POST）",
            message_en=f"in Twilio's console set “{field}” of the number to {expected} (POST)",
            fatal=False,
        ),
    )
