"""The half of the stub of Twilio that posts: signed as Twilio's documents say, not by the library that checks it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL


@dataclass(slots=True, kw_only=True)
class Made:
    """A message or a call that the stub has taken.

    Attributes:
        sid: By which the stub knows it.
        fields: As they were posted.
        status: Twilio's word for how far it is.
        error_code: Twilio's, when it failed.
        at: When it was made.
    """

    sid: str
    fields: dict[str, str]
    status: str = "queued"
    error_code: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a webhook was answered."""

    status: int
    content_type: str
    body: bytes


class StubWebhooks:
    """Posts what Twilio posts.

    Attributes:
        number: The number that belongs to the account.

    Args:
        account_sid: The account.
        auth_token: Signs.
        number: Its number.
    """

    def __init__(self, account_sid: str, auth_token: str, number: str) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.number = number

    async def report(self, made: Made, status: str, error_code: int | None = None) -> int:
        """Tell what became of a message or call at its StatusCallback, and return how that was answered."""
        made.status, made.error_code = status, error_code
        kind = "Message" if made.sid.startswith("SM") else "Call"
        form = {
            f"{kind}Sid": made.sid,
            f"{kind}Status": status,
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "From": made.fields.get("From", self.number),
            "To": made.fields["To"],
        }
        if kind == "Message":
            form |= {"SmsSid": made.sid, "SmsStatus": status}
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        return (await self.post(made.fields["StatusCallback"], form)).status

    async def write_in(self, url: str, sender: str, text: str, **more: str) -> Answered:
        """Post a message of a citizen to the address that the number has been given for messages."""
        name = sid("SM")
        form = {
            "MessageSid": name,
            "SmsSid": name,
            "SmsMessageSid": name,
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "From": sender,
            "To": self.number,
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "FromCountry": "CN",
        }
        return await self.post(url, form | more)

    async def call_in(self, url: str, sender: str, call: str = "", **more: str) -> Answered:
        """Ask what to do with a call, or tell of it, at one of the addresses for calls."""
        form = {
            "CallSid": call or sid("CA"),
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "From": sender,
            "To": self.number,
            "CallStatus": "ringing",
            "Direction": "inbound",
        }
        return await self.post(url, form | more)

    async def post(self, url: str, form: Mapping[str, str]) -> Answered:
        """Post a signed form and return the answer; what stands behind a `#` is for Twilio alone."""
        url = url.partition("#")[0]
        headers = {"X-Twilio-Signature": self.sign(url, form), "User-Agent": "TwilioProxy/1.1"}
        async with (
            aiohttp.ClientSession() as session,
            # As it was given, letter by letter: the signature covers every one.
            session.post(URL(url, encoded=True), data=dict(form), headers=headers) as response,
        ):
            body = await response.read()
            return Answered(status=response.status, content_type=response.content_type, body=body)

    def sign(self, url: str, form: Mapping[str, str]) -> str:
        """Return the signature of a form: HMAC-SHA1 over the address and every sorted name with its value."""
        text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
        return base64.b64encode(
            hmac.new(self.auth_token.encode(), text.encode(), hashlib.sha1).digest()
        ).decode()


def sid(prefix: str) -> str:
    """Return a new name for something, as Twilio makes them."""
    return prefix + secrets.token_hex(16)
