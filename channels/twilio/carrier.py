"""Short messages through Twilio: written to mobiles, read out to landlines.

Twilio knows no idempotency key, so a request without an answer may have been done. Its own list of what went to a
number tells; and every status callback brings our key back in its address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from channels.protocol import CannotReply, Finding, Sent
from channels.sms.protocol import MessageRejected
from channels.sms.rules import ShortMessage, fitted
from channels.twilio.rest import AccountRefused, TwilioApi
from channels.twilio.rules import NAME
from channels.twilio.speech import reading
from infra.kit.clock import Clock
from infra.kit.errors import TryLater

_LONGEST_VALIDITY = 36_000
_LOOKED_AT = 50
_SKEW = timedelta(minutes=2)
"""How far Twilio's clock and ours may be apart."""

_RETRIES = "rc=3&rp=all"
"""Twilio asks once and forgets, unless the address says otherwise behind its `#`; that part is neither sent nor signed:
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides."""

_FIGURES = re.compile(r"\d{4,}")
_CALL_EVENTS = ["completed"]


class TwilioCarrier:
    """Carries short messages; implements `SmsProvider` and `Settling`.

    Args:
        api: The account.
        signature: Stands before every message.
        public_url: Under which Twilio reaches us; empty: it cannot tell us what became of messages.
        clock: Says how long a message is still valid.
    """

    name: ClassVar[str] = NAME

    def __init__(self, api: TwilioApi, signature: str, public_url: str, clock: Clock) -> None:
        self._api = api
        self._settings = api.settings
        self._signature = signature
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    async def send(self, message: ShortMessage) -> Sent:
        """Hand a message over; see `SmsProvider.send`."""
        phone = message.phone
        if phone.is_mobile or phone.is_foreign:
            return await self._write(message)
        if self._settings.landlines == "refuse" or len(phone.digits) < 7:
            raise CannotReply(
                "a landline shows no short message", "固定电话无法接收短信，请改用其他方式联系市民"
            )
        return await self._read_out(message)

    async def settle(self, message: ShortMessage, since: datetime) -> Sequence[Sent]:
        """Return what went to the number since then and reads the same; see `Settling.settle`."""
        client, to = self._api.client, message.phone.e164
        if message.phone.is_mobile or message.phone.is_foreign:
            found = await self._api.answered(client.messages.list_async(to=to, limit=_LOOKED_AT))
            text = self._text(message)
            # A trial account puts a sentence of Twilio's before ours.
            same = [one for one in found if (one.body or "").endswith(text)]
        else:
            same = await self._api.answered(client.calls.list_async(to=to, limit=_LOOKED_AT))
        return [Sent(provider_id=one.sid) for one in _since(same, since - _SKEW)]

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with the account and with the number that sends."""
        settings = self._settings
        if not (settings.from_number or settings.messaging_service_sid):
            return (
                Finding(
                    setting="twilio.from_number",
                    message_zh="未设置发送号码：请填写 twilio.from_number 或 twilio.messaging_service_sid",
                    message_en="there is no sender: set twilio.from_number or twilio.messaging_service_sid",
                ),
            )
        try:
            account = await self._api.answered(
                self._api.client.api.accounts(settings.account_sid).fetch_async()
            )
        except AccountRefused:
            return (_refused_account(),)
        except (TryLater, MessageRejected) as error:
            return (_unreachable(error),)
        return (*_of_account(account), *self._of_address())

    def _of_address(self) -> Iterable[Finding]:
        if not self._public_url.startswith("https://"):
            yield Finding(
                setting="server.public_url",
                message_zh="未设置 https 的 server.public_url：Twilio 无法回报短信是否送达",
                message_en="server.public_url is no https address: Twilio cannot tell what became of messages",
                fatal=False,
            )

    async def _write(self, message: ShortMessage) -> Sent:
        settings, valid = self._settings, {}
        if message.valid_until is not None:
            left = (message.valid_until - self._clock.now()).total_seconds()
            valid = {"validity_period": max(1, min(int(left), _LONGEST_VALIDITY))}
        sender = (
            {"messaging_service_sid": settings.messaging_service_sid}
            if settings.messaging_service_sid
            else {"from_": settings.from_number}
        )
        made = await self._api.answered(
            self._api.client.messages.create_async(
                to=message.phone.e164,
                body=self._text(message),
                **sender,
                **valid,
                **self._callback("status", message),
            )
        )
        return Sent(provider_id=made.sid)

    async def _read_out(self, message: ShortMessage) -> Sent:
        # Read as a number, a code of six figures would be so many thousands.
        text = _FIGURES.sub(lambda found: "，".join(found[0]), message.text)
        callback = self._callback("voice-status", message)
        made = await self._api.answered(
            self._api.client.calls.create_async(
                to=message.phone.e164,
                from_=self._settings.from_number,
                twiml=reading(f"{self._signature}。{text}", self._settings),
                **callback,
                **({"status_callback_event": _CALL_EVENTS} if callback else {}),
            )
        )
        return Sent(provider_id=made.sid)

    def _text(self, message: ShortMessage) -> str:
        return f"【{self._signature}】{fitted(message.text)}"

    def _callback(self, path: str, message: ShortMessage) -> dict[str, str]:
        if not self._public_url:
            return {}
        key = quote(message.key, safe="")
        url = f"{self._public_url}/channels/{NAME}/{path}?key={key}"
        return {"status_callback": f"{url}#{_RETRIES}"}


def _since(found: Iterable[Any], moment: datetime) -> list[Any]:
    return [one for one in found if one.date_created is None or one.date_created >= moment]


def _of_account(account: Any) -> Iterable[Finding]:
    if account.status != "active":
        yield Finding(
            setting="twilio.account_sid",
            message_zh=f"Twilio 账号状态为 {account.status}，短信无法发出，请在 Twilio 控制台处理",
            message_en=f"the Twilio account is {account.status} and sends nothing: see Twilio's console",
        )
    elif account.type == "Trial":
        yield Finding(
            setting="twilio.account_sid",
            message_zh="这是 Twilio 试用账号：只能发给已验证的号码",
            message_en="this is a trial account of Twilio: it sends to verified numbers only",
            fatal=False,
        )


def _refused_account() -> Finding:
    return Finding(
        setting="twilio.auth_token",
        message_zh="Twilio 拒绝了账号或密钥：请核对 twilio.account_sid 与 twilio.auth_token（或 API key）",
        message_en="Twilio refuses the account or its key: look at twilio.account_sid and twilio.auth_token (or the "
        "API key)",
    )


def _unreachable(error: Exception) -> Finding:
    return Finding(
        setting="twilio.api_url",
        message_zh=f"无法向 Twilio 查询（{error}）：请检查网络与 twilio.api_url",
        message_en=f"Twilio cannot be asked ({error}): look at the network and twilio.api_url",
    )
