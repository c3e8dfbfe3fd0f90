"""Proofs of work, passes and query codes: what the pages hand out and get back, without keeping it. Pure.

All three are plain texts with a seal that only this installation can make. So any process can check what another one
has handed out, and nothing is stored for people who never come back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from infra.kit.errors import Forbidden, Invalid
from telephony.numbers import PhoneNumber

Seal = Callable[[bytes], str]
"""Makes hexadecimal digits that nobody else can make (`Vault.seal`)."""

PROOF_LIFE = timedelta(minutes=30)
"""How long a challenge holds: long enough to fill in a form while the telephone works."""
PHONE_LIFE = timedelta(hours=24)
"""How long a number that was shown to be somebody's is taken for his; a draft may wait that long for a network."""

_SEAL_LENGTH = 32
_LONGEST = 200
_NONCE_LENGTH = 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is taken for another one on paper or on the telephone."""
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
_CODE_LENGTH = 8


class Purpose(StrEnum):
    """What a proof of work is for; one that was made for something else is worth nothing."""

    report = "report"
    progress = "progress"
    code = "code"
    upload = "upload"
    call = "call"


class ProofRefused(Invalid):
    """The proof of work does not hold: the page makes another by itself."""

    slug = "proof-refused"
    title_zh = "安全校验已失效，请重试"
    title_en = "The proof of work does not hold, try again"


class PassRefused(Forbidden):
    """A link or a pass does not hold any more."""

    slug = "pass-refused"
    title_zh = "链接或凭证已失效，请用工单号和手机号查询"
    title_en = "The link has expired: look the matter up by its number and your telephone number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A task for the page: find a nonce so that SHA-256 of text and nonce begins with `bits` zero bits.

    Attributes:
        id: Known from all others; it is spent once.
        bits: How many.
        expires_at: Until when it holds.
        text: What the page hashes and sends back.
    """

    id: str
    bits: int
    expires_at: datetime
    text: str


def new_challenge(
    purpose: Purpose, challenge_id: str, bits: int, expires_at: datetime, seal: Seal
) -> Challenge:
    """Return a challenge.

    Args:
        purpose: What it is for.
        challenge_id: Random letters and digits.
        bits: How hard it is.
        expires_at: Until when it holds.
        seal: Makes the seal.
    """
    text = _sealed(f"w.{purpose}.{challenge_id}.{bits}.{_seconds(expires_at)}", seal)
    return Challenge(id=challenge_id, bits=bits, expires_at=expires_at, text=text)


def require_work(purpose: Purpose, text: str, nonce: str, now: datetime, seal: Seal) -> Challenge:
    """Return the challenge that was solved.

    Raises:
        ProofRefused: It is none of ours, is for something else, has expired, or the nonce does not solve it.
    """
    parts = _opened(text, seal)
    if parts is None or len(parts) != 5 or parts[:2] != ["w", purpose.value]:
        raise ProofRefused
    expires_at = datetime.fromtimestamp(int(parts[4]), UTC)
    bits = int(parts[3])
    short = nonce.isascii() and nonce.isdigit() and len(nonce) <= _NONCE_LENGTH
    if expires_at <= now or not short or not solves(text, nonce, bits):
        raise ProofRefused
    return Challenge(id=parts[2], bits=bits, expires_at=expires_at, text=text)


def solves(text: str, nonce: str, bits: int) -> bool:
    """Return whether SHA-256 of text and nonce begins with so many zero bits."""
    digest = hashlib.sha256(f"{text}{nonce}".encode()).digest()
    return int.from_bytes(digest) >> (len(digest) * 8 - bits) == 0


def bits_for(used: int, free: int, least: int, most: int) -> int:
    """Return how hard the next challenge is for an address.

    Args:
        used: How much came from it within the hour.
        free: How much of that costs nothing more; beyond, each as much again doubles the work.
        least: The bits of the first ones.
        most: The bits that are never passed.
    """
    return min(max(least, most), least + used // free)


def ticket_pass(ticket_id: int, expires_at: datetime, seal: Seal) -> str:
    """Return what opens one ticket to whoever holds it: for links, and for the telephone that reported."""
    return _sealed(f"t.{ticket_id}.{_seconds(expires_at)}", seal)


def ticket_of_pass(text: str, now: datetime, seal: Seal) -> int:
    """Return the row of the ticket that a pass opens.

    Raises:
        PassRefused: It is none of ours, or has expired.
    """
    return _row_of_pass("t", text, now, seal)


def file_pass(attachment_id: int, expires_at: datetime, seal: Seal) -> str:
    """Return what downloads one file for whoever holds it."""
    return _sealed(f"f.{attachment_id}.{_seconds(expires_at)}", seal)


def file_of_pass(text: str, now: datetime, seal: Seal) -> int:
    """Return the row of the file that a pass downloads.

    Raises:
        PassRefused: It is none of ours, or has expired.
    """
    return _row_of_pass("f", text, now, seal)


def phone_pass(phone: PhoneNumber, expires_at: datetime, seal: Seal) -> str:
    """Return what shows that a number is its holder's; the number itself is not in it."""
    return _sealed(f"p.{_fold(phone, expires_at, seal)}.{_seconds(expires_at)}", seal)


def shows_phone(text: str, phone: PhoneNumber, now: datetime, seal: Seal) -> bool:
    """Return whether a pass shows that this number is its holder's."""
    parts = _opened(text, seal)
    if parts is None or len(parts) != 3 or parts[0] != "p" or int(parts[2]) <= now.timestamp():
        return False
    expires_at = datetime.fromtimestamp(int(parts[2]), UTC)
    return hmac.compare_digest(parts[1], _fold(phone, expires_at, seal))


def query_code(number: str, seal: Seal) -> str:
    """Return the code by which one who stayed anonymous asks for a ticket, as `7K3M-9QXD`."""
    digest = bytes.fromhex(seal(f"lianxin query code {number}".encode()))
    plain = base64.b32encode(digest).decode()[:_CODE_LENGTH]
    code = plain.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET))
    return f"{code[:4]}-{code[4:]}"


def fits_query_code(text: str, number: str, seal: Seal) -> bool:
    """Return whether somebody has the code of a ticket, however he writes it."""
    if len(text) > _LONGEST or not text.isascii():
        return False
    read = text.upper().translate(_READ_AS)
    return hmac.compare_digest(read.encode(), query_code(number, seal).replace("-", "").encode())


def _fold(phone: PhoneNumber, expires_at: datetime, seal: Seal) -> str:
    return seal(f"lianxin phone {phone.digits} {_seconds(expires_at)}".encode())[:_SEAL_LENGTH]


def _row_of_pass(kind: str, text: str, now: datetime, seal: Seal) -> int:
    parts = _opened(text, seal)
    if parts is None or len(parts) != 3 or parts[0] != kind or int(parts[2]) <= now.timestamp():
        raise PassRefused
    return int(parts[1])


def _sealed(body: str, seal: Seal) -> str:
    return f"{body}.{_seal_of(body, seal)}"


def _opened(text: str, seal: Seal) -> list[str] | None:
    """Return the parts of a sealed text; None for one that we have not sealed."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    body, _, sent = text.rpartition(".")
    fits = hmac.compare_digest(sent.encode(), _seal_of(body, seal).encode())
    return body.split(".") if fits else None


def _seal_of(body: str, seal: Seal) -> str:
    return seal(f"lianxin citizen page {body}".encode())[:_SEAL_LENGTH]


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
