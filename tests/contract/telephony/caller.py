"""Just enough SIP (RFC 3261) for a telephone that calls, with a WebRTC offer that nobody will ever speak on."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_ANSWER_SECONDS = 8.0
_FINGERPRINT = ":".join(["AB"] * 32)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[str] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.startswith(b"SIP/2.0 "):
            self.answers.put_nowait(data.decode(errors="replace"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _offer(port: int) -> str:
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "a=group:BUNDLE 0",
        f"m=audio {port} UDP/TLS/RTP/SAVPF 0",
        "a=rtpmap:0 PCMU/8000",
        "a=mid:0",
        f"a=ice-ufrag:{secrets.token_hex(4)}",
        f"a=ice-pwd:{secrets.token_hex(12)}",
        f"a=candidate:1 1 UDP 2130706431 127.0.0.1 {port} typ host",
        f"a=fingerprint:SHA-256 {_FINGERPRINT}",
        "a=setup:actpass",
        "a=rtcp-mux",
        "a=sendrecv",
    ]
    return "\r\n".join(lines) + "\r\n"


def _authorization(challenge: str, account: str, secret: str, uri: str) -> str:
    given = dict(re.findall(r'(\w+)="?([^",\r]+)', challenge.partition("WWW-Authenticate:")[2]))
    realm, nonce, cnonce = given["realm"], given["nonce"], secrets.token_hex(4)
    first, second = _md5(f"{account}:{realm}:{secret}"), _md5(f"INVITE:{uri}")
    response = _md5(f"{first}:{nonce}:00000001:{cnonce}:auth:{second}")
    return (
        f'Authorization: Digest username="{account}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}", '
        f'opaque="{given.get("opaque", "")}"\r\n'
    )


@asynccontextmanager
async def call(port: int, account: str, secret: str, number: str) -> AsyncIterator[int]:
    """Call a number through the PBX on 127.0.0.1:`port`, yield the final status, and hang up at the end."""
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(
        _Datagrams, local_addr=("127.0.0.1", 0)
    )
    own = transport.get_extra_info("sockname")[1]
    uri, call_id, tag = f"sip:{number}@127.0.0.1", secrets.token_hex(8), secrets.token_hex(4)

    def send(method: str, sequence: int, to: str, more: str = "", body: str = "") -> None:
        content = "Content-Type: application/sdp\r\n" if body else ""
        request = (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n"
            f"From: <sip:{account}@127.0.0.1>;tag={tag}\r\nTo: {to}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n"
            f"Contact: <sip:{account}@127.0.0.1:{own}>\r\nMax-Forwards: 70\r\n{more}{content}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        transport.sendto(request.encode(), ("127.0.0.1", port))

    async def final(sequence: int) -> str:
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                answer = await datagrams.answers.get()
                if not answer.startswith("SIP/2.0 1") and f"CSeq: {sequence} " in answer:
                    return answer

    to, sequence = f"<{uri}>", 1
    try:
        send("INVITE", 1, to, body=_offer(own))
        answer = await final(1)
        send("ACK", 1, re.findall(r"^To: *(.*?)\r$", answer, re.MULTILINE)[0])
        if " 401 " in answer.partition("\r\n")[0]:
            sequence = 2
            send("INVITE", 2, to, _authorization(answer, account, secret, uri), _offer(own))
            answer = await final(2)
            send("ACK", 2, re.findall(r"^To: *(.*?)\r$", answer, re.MULTILINE)[0])
        yield int(answer.split()[1])
        if " 200 " in answer.partition("\r\n")[0]:
            send("BYE", sequence + 1, re.findall(r"^To: *(.*?)\r$", answer, re.MULTILINE)[0])
            await final(sequence + 1)
    finally:
        transport.close()
