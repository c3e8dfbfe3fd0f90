"""An agent's telephone without a browser: registers, answers, hangs up. It speaks SIP over UDP and no media."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_ANSWER_SECONDS = 15.0
_FINGERPRINT = ":".join(["AB"] * 32)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _header(message: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: *(.*?)\r$", message, re.MULTILINE | re.IGNORECASE)


def _answer_to(offer: str, port: int) -> str:
    """Return an SDP answer that accepts the offered WebRTC audio in PCMU; nobody will ever speak on it."""
    mid = re.findall(r"a=mid:(\S+)", offer)
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        *([f"a=group:BUNDLE {mid[0]}"] if mid else []),
        f"m=audio {port} UDP/TLS/RTP/SAVPF 0",
        "a=rtpmap:0 PCMU/8000",
        *([f"a=mid:{mid[0]}"] if mid else []),
        f"a=ice-ufrag:{secrets.token_hex(4)}",
        f"a=ice-pwd:{secrets.token_hex(12)}",
        f"a=candidate:1 1 UDP 2130706431 127.0.0.1 {port} typ host",
        f"a=fingerprint:SHA-256 {_FINGERPRINT}",
        "a=setup:active",
        "a=rtcp-mux",
        "a=sendrecv",
    ]
    return "\r\n".join(lines) + "\r\n"


class Telephone(asyncio.DatagramProtocol):
    """One telephone.

    Attributes:
        rung: Set when it has rung.
        talking: Set while a call is answered.
    """

    def __init__(self, pbx_port: int, account: str, secret: str) -> None:
        self._pbx = ("127.0.0.1", pbx_port)
        self._account, self._secret = account, secret
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None
        self._invite = ""
        self._tag = secrets.token_hex(4)
        self.answers_calls = True
        self.rung = asyncio.Event()
        self.talking = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if b"SIP/2.0\r\n" not in data and not data.startswith(b"SIP/2.0 "):
            return  # what would be speech, and what finds a way for it
        message = data.decode(errors="replace")
        first = message.partition("\r\n")[0]
        if first.startswith("SIP/2.0"):
            self._answers.put_nowait(message)
        elif first.startswith("INVITE"):
            self._ring(message)
        elif first.startswith("ACK"):
            self.talking.set()
        else:
            if first.startswith("BYE"):
                self.talking.clear()
            self._reply(message, "200 OK")

    @property
    def port(self) -> int:
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    async def register(self) -> None:
        """Return when the PBX has taken the registration.

        Raises:
            PermissionError: It refused.
        """
        call_id = secrets.token_hex(8)
        challenge = await self._ask_to_register(call_id, 1, "")
        answer = await self._ask_to_register(call_id, 2, self._authorization(challenge))
        if " 200 " not in answer.partition("\r\n")[0]:
            raise PermissionError(answer.partition("\r\n")[0])

    def hang_up(self) -> None:
        """End the call that is answered."""
        self.talking.clear()
        ours, theirs = _header(self._invite, "To")[0], _header(self._invite, "From")[0]
        target = re.findall(r"<([^>]+)>", _header(self._invite, "Contact")[0])[0]
        self._send(
            f"BYE {target} SIP/2.0\r\nVia: {self._via()}\r\n"
            f"From: {ours};tag={self._tag}\r\nTo: {theirs}\r\n"
            f"Call-ID: {_header(self._invite, 'Call-ID')[0]}\r\nCSeq: 1 BYE\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )

    def _ring(self, invite: str) -> None:
        again = bool(self._invite) and _header(invite, "Call-ID") == _header(
            self._invite, "Call-ID"
        )
        self._invite = invite
        self.rung.set()
        if not again:
            self._reply(invite, "180 Ringing")
        if self.answers_calls:
            self._reply(invite, "200 OK", _answer_to(invite.partition("\r\n\r\n")[2], self.port))

    def _reply(self, request: str, status: str, sdp: str = "") -> None:
        to = _header(request, "To")[0]
        copied = [f"Via: {via}" for via in _header(request, "Via")]
        copied += [f"From: {_header(request, 'From')[0]}"]
        copied += [f"To: {to if 'tag=' in to else f'{to};tag={self._tag}'}"]
        copied += [f"{name}: {_header(request, name)[0]}" for name in ("Call-ID", "CSeq")]
        copied += [f"Contact: <sip:{self._account}@127.0.0.1:{self.port}>"]
        copied += ["Content-Type: application/sdp"] if sdp else []
        head = "\r\n".join([f"SIP/2.0 {status}", *copied, f"Content-Length: {len(sdp)}"])
        self._send(f"{head}\r\n\r\n{sdp}")

    async def _ask_to_register(self, call_id: str, sequence: int, authorization: str) -> str:
        address = f"<sip:{self._account}@127.0.0.1>"
        self._send(
            f"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: {self._via()}\r\n"
            f"From: {address};tag={self._tag}\r\nTo: {address}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {sequence} REGISTER\r\n"
            f"Contact: <sip:{self._account}@127.0.0.1:{self.port}>\r\nExpires: 300\r\n"
            f"Max-Forwards: 70\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await self._answers.get()

    def _authorization(self, challenge: str) -> str:
        if "WWW-Authenticate" not in challenge:
            raise PermissionError(challenge.partition("\r\n")[0])
        asked = _header(challenge, "WWW-Authenticate")[0]
        given = dict(re.findall(r'(\w+)="?([^",\r]+)', asked))
        first = _md5(f"{self._account}:{given['realm']}:{self._secret}")
        second, cnonce = _md5("REGISTER:sip:127.0.0.1"), secrets.token_hex(4)
        response = _md5(f"{first}:{given['nonce']}:00000001:{cnonce}:auth:{second}")
        return (
            f'Authorization: Digest username="{self._account}", realm="{given["realm"]}", '
            f'nonce="{given["nonce"]}", uri="sip:127.0.0.1", response="{response}", '
            f'algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}", '
            f'opaque="{given.get("opaque", "")}"\r\n'
        )

    def _via(self) -> str:
        return f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"

    def _send(self, message: str) -> None:
        assert self._transport is not None
        self._transport.sendto(message.encode(), self._pbx)


@asynccontextmanager
async def telephone(pbx_port: int, account: str, secret: str) -> AsyncIterator[Telephone]:
    """A telephone with a socket of its own inside the block; it has yet to register."""
    transport, made = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Telephone(pbx_port, account, secret), local_addr=("127.0.0.1", 0)
    )
    try:
        yield made
    finally:
        transport.close()
