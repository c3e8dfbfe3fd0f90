"""Just enough SIP (RFC 3261, RFC 8760's MD5) to register a telephone: who registers is told apart by the answer."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets

_ANSWER_SECONDS = 15.0


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[str] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.answers.put_nowait(data.decode(errors="replace"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _authorization(challenge: str, account: str, secret: str, uri: str) -> str:
    given = dict(
        re.findall(r'(\w+)="?([^",\r]+)', challenge.partition("WWW-Authenticate: Digest ")[2])
    )
    realm, nonce, cnonce = given["realm"], given["nonce"], secrets.token_hex(4)
    first, second = _md5(f"{account}:{realm}:{secret}"), _md5(f"REGISTER:{uri}")
    response = _md5(f"{first}:{nonce}:00000001:{cnonce}:auth:{second}")
    return (
        f'Authorization: Digest username="{account}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}", '
        f'opaque="{given.get("opaque", "")}"\r\n'
    )


async def register(port: int, account: str, secret: str, contact: str) -> int:
    """Register `account` at the PBX on 127.0.0.1:`port` and return the status of the final answer."""
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(
        _Datagrams, local_addr=("127.0.0.1", 0)
    )
    local = transport.get_extra_info("sockname")[1]
    uri, call_id, tag = "sip:127.0.0.1", secrets.token_hex(8), secrets.token_hex(4)

    async def ask(sequence: int, authorization: str) -> str:
        request = (
            f"REGISTER {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{local};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n"
            f"From: <sip:{account}@127.0.0.1>;tag={tag}\r\nTo: <sip:{account}@127.0.0.1>\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {sequence} REGISTER\r\nContact: <{contact}>\r\n"
            f"Expires: 300\r\nMax-Forwards: 70\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
        transport.sendto(request.encode(), ("127.0.0.1", port))
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await datagrams.answers.get()

    try:
        challenge = await ask(1, "")
        if "WWW-Authenticate" not in challenge:
            return int(challenge.split()[1])
        answer = await ask(2, _authorization(challenge, account, secret, uri))
        return int(answer.split()[1])
    finally:
        transport.close()
