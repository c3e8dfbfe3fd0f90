"""How WeChat brings messages to us: signed, encrypted if that was chosen, five seconds of patience, three tries."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from channels.wechat.document import Fields, fields_of, text_of, xml_of
from channels.wechat.envelope import RANDOM_BYTES, Envelope, signature
from channels.wechat.stub.state import State, StubAccount

PATIENCE_SECONDS = 5.0
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One request as WeChat makes it."""

    url: str
    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What came of a message.

    Attributes:
        status: The last answer's HTTP status; 0 without an answer.
        tries: How often it was brought.
        answer: The answer.
        reply: The passive reply in it, decrypted; empty for a plain `success`.
    """

    status: int
    tries: int
    answer: bytes = field(repr=False)
    reply: Fields = field(default_factory=dict, repr=False)


class Pusher:
    """Brings messages of citizens.

    Args:
        state: The accounts, and the time.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._numbers = itertools.count(23_000_000_000_000_001)

    def request(self, account: StubAccount, fields: Fields) -> Push:
        """Return the request that brings a message; the fields that every message has are added."""
        now = int(self._state.clock.now().timestamp())
        said: dict[str, Any] = {"ToUserName": account.original_id, "CreateTime": now, **fields}
        if said.get("MsgType") != "event":
            said.setdefault("MsgId", next(self._numbers))
        return signed(account, said, now)

    async def push(self, account: StubAccount, fields: Fields) -> Pushed:
        """Bring a message, and again while it is not taken."""
        if openid := text_of(fields, "FromUserName"):
            self._state.heard(account.appid, openid)
        return await self.deliver(account, self.request(account, fields))

    async def deliver(self, account: StubAccount, push: Push) -> Pushed:
        """Make a request up to three times, until it is answered in time."""
        status, answer, tries = 0, b"", 0
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while tries < TRIES:
                tries += 1
                try:
                    async with session.post(
                        push.url, data=push.body, headers={"Content-Type": push.content_type}
                    ) as response:
                        status, answer = response.status, await response.read()
                except (aiohttp.ClientError, TimeoutError, OSError):
                    continue
                if status == 200:
                    break
        return Pushed(status=status, tries=tries, answer=answer, reply=_reply(account, answer))

    async def check(self, account: StubAccount) -> bool:
        """Return whether the address answers WeChat's check (接入验证) as it must."""
        at, nonce, echo = str(int(self._state.clock.now().timestamp())), _nonce(), _nonce()
        query = {
            "signature": signature(account.token, at, nonce),
            "timestamp": at,
            "nonce": nonce,
            "echostr": echo,
        }
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(account.callback, params=query) as response,
        ):
            return response.status == 200 and await response.text() == echo


def signed(account: StubAccount, said: Fields, at: int) -> Push:
    """Return the request of a message: signed, in the account's form and encryption."""
    nonce = _nonce()
    query = {
        "signature": signature(account.token, str(at), nonce),
        "timestamp": str(at),
        "nonce": nonce,
        "openid": text_of(said, "FromUserName"),
    }
    body = _written(account, said)
    if account.encrypted:
        envelope = Envelope(account.encoding_aes_key, account.appid)
        encrypted = envelope.seal(body, secrets.token_bytes(RANDOM_BYTES))
        query |= {
            "encrypt_type": "aes",
            "msg_signature": signature(account.token, str(at), nonce, encrypted),
        }
        body = _written(account, {"ToUserName": account.original_id, "Encrypt": encrypted})
    kind = "application/json" if account.as_json else "text/xml"
    return Push(url=f"{account.callback}?{urlencode(query)}", body=body, content_type=kind)


def _written(account: StubAccount, said: Fields) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode() if account.as_json else xml_of(said)


def _nonce() -> str:
    return str(secrets.randbelow(9 * 10**8) + 10**8)


def _reply(account: StubAccount, answer: bytes) -> Fields:
    if answer[:1] not in (b"<", b"{"):
        return {}
    found: Mapping[str, Any] = fields_of(answer)
    encrypted = text_of(found, "Encrypt")
    if not encrypted:
        return found
    parts = (text_of(found, "TimeStamp"), text_of(found, "Nonce"), encrypted)
    if text_of(found, "MsgSignature") != signature(account.token, *parts):
        raise ValueError("the passive reply is wrongly signed")
    return fields_of(Envelope(account.encoding_aes_key, account.appid).open(encrypted))
