"""The police-110 channel: a matter that the 110 platform hands over is a contact.

What the platform answers to matters that we have handed over comes to `/channels/police-110/answers` and is the
business of `crm_bridge.police`: it moves tickets, and is no contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import ClassVar

from channels.contacts.rules import Contact, Received
from channels.contacts.rules import Message as Written
from channels.police_110.client import Police110Client
from channels.police_110.settings import Police110Settings
from channels.police_110.signing import Seal, Signer, require_genuine, signer_of
from channels.police_110.wire import LARGEST_BODY, Kind, MatterBody, Message, Receipt, read
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Delivery,
    Finding,
    Mode,
    Reply,
    Sent,
)
from infra.kit.clock import Clock
from infra.kit.errors import Invalid, LianxinError, Misconfigured
from telephony.numbers import PhoneNumber

NAME = "police-110"


class Police110Channel:
    """Makes contacts of the matters that the 110 platform hands over.

    Args:
        settings: How both sides sign.
        clock: Gives the time of our own messages.
        client: Sends; without one the channel cannot be checked.

    Raises:
        Misconfigured: The keys are no keys.
    """

    name: ClassVar[str] = NAME
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = Police110Settings
    largest_body: ClassVar[int] = LARGEST_BODY

    def __init__(
        self, settings: Police110Settings, clock: Clock, client: Police110Client | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._signer: Signer = signer_of(settings)

    def verify(self, raw: Delivery) -> None:
        """Return if the 110 platform has signed it, a moment ago.

        Raises:
            NotAuthenticated: It has not.
        """
        require_genuine(
            self._signer,
            self._settings.platform_id,
            Seal.of(raw.headers),
            raw.body,
            raw.received_at,
            self._settings.window_seconds,
        )

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contact that a transfer is, and none of a ping.

        Raises:
            Invalid: It is no message of the protocol, or one that belongs to another address.
        """
        message = read(raw.body)
        if message.kind is Kind.ping:
            return ()
        if message.kind is not Kind.transfer or message.matter is None:
            raise Invalid(
                f"post messages of kind {message.kind} to /channels/{NAME}/answers",
                f"{message.kind} 类报文请发送到 /channels/{NAME}/answers",
            )
        return (contact_of(message, message.matter, raw),)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return that it is on disk, with the ticket's number."""
        number = next((one.ticket_number for one in received if one.ticket_number), "")
        return receipt(number or "")

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: the platform is told by messages of the protocol, and the citizen in another way.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply(
            "the 110 platform gets acceptance and result by itself; reach the citizen by telephone",
            "受理和办结情况会自动反馈 110 平台，请通过电话或短信联系市民",
        )

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend; asks the platform for a sign of life."""
        findings = [_NO_URL] if not self._settings.url else []
        if self._settings.url.startswith("http://"):
            findings.append(_NO_TLS)
        if self._client is not None and self._settings.url:
            findings += await self._ping(self._client)
        return findings

    async def _ping(self, client: Police110Client) -> Sequence[Finding]:
        ping = Message(message_id=f"ping-{token_hex(8)}", kind=Kind.ping, sent_at=self._clock.now())
        try:
            await client.send(ping)
        except Misconfigured as error:
            return [_finding("method", error)]
        except LianxinError as error:
            return [_finding("url", error)]
        return []


def contact_of(message: Message, matter: MatterBody, raw: Delivery) -> Contact:
    """Return the contact that a transfer is; the same when it comes again."""
    phone, unreadable = _phone(matter.caller_phone)
    return Contact(
        channel=NAME,
        external_id=message.transfer_id,
        received_at=raw.received_at,
        phone=phone,
        name=matter.caller_name,
        message=Written(
            text=matter.text,
            title=matter.title,
            address=matter.address,
            latitude=matter.latitude,
            longitude=matter.longitude,
        ),
        extra={
            "urgency": matter.urgency.value,
            **({"number": message.number} if message.number else {}),
            **({"caller_phone": unreadable} if unreadable else {}),
            **({"matter": dict(matter.unknown())} if matter.unknown() else {}),
            **message.unknown(),
        },
    )


def receipt(number: str = "") -> Acknowledgement:
    """Return the answer to a message that is on disk."""
    return Acknowledgement(
        content_type="application/json", body=Receipt(number=number).model_dump_json().encode()
    )


def _phone(text: str) -> tuple[PhoneNumber | None, str]:
    """Return the number, and what was written instead of one: a matter is not lost for it."""
    try:
        return (PhoneNumber.parse(text) if text else None), ""
    except Invalid:
        return None, text


def _finding(setting: str, error: LianxinError) -> Finding:
    return Finding(
        setting=f"police_110.{setting}",
        message_zh=error.detail_zh or error.title_zh,
        message_en=error.detail_en or error.title_en,
    )


_NO_URL = Finding(
    setting="police_110.url",
    message_zh="未填写 110 平台地址：只能接收，不能转出，也无法反馈办理结果",
    message_en="no address of the 110 platform: matters come in, but nothing can be handed over or fed back",
)
_NO_TLS = Finding(
    setting="police_110.url",
    message_zh="110 平台地址未使用 https，市民信息将明文传输；专网内可接受，否则请改用 https",
    message_en="the 110 platform is reached without https: bear it on a private line only",
    fatal=False,
)
