"""How messages between the hotline and the 110 platform are signed. Pure, but for the random number of SM2.

Signed is, joined by line feeds, who sends (`X-Platform`), when (`X-Timestamp`, seconds since 1970), a word that is
never used twice (`X-Nonce`) and the exact bytes of the body. Three methods, chosen by both sides beforehand:

- `HMAC-SHA256` (RFC 2104): hexadecimal digits.
- `HMAC-SM3` (GB/T 32905-2016 as the hash of RFC 2104): hexadecimal digits.
- `SM2-SM3` (GB/T 32918.2-2016, the user id being 1234567812345678 as GM/T 0009-2012 says): r and s, 64 hexadecimal
  digits each.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from gmssl import sm2  # type: ignore[import-untyped]  # ships no types; its one use is here

from channels.police_110.settings import HEX_64, HEX_128, Police110Settings, SignatureMethod
from infra.kit.errors import Misconfigured, NotAuthenticated

PLATFORM = "x-platform"
TIMESTAMP = "x-timestamp"
NONCE = "x-nonce"
METHOD = "x-signature-method"
SIGNATURE = "x-signature"

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\x21-\x7e]{8,64}")
_USER_ID = b"1234567812345678"
_SM2_ORDER = int(sm2.default_ecc_table["n"], 16)
_SM2_PRIME = int(sm2.default_ecc_table["p"], 16)
_SM2_A = int(sm2.default_ecc_table["a"], 16)
_SM2_B = int(sm2.default_ecc_table["b"], 16)


class Signer(Protocol):
    """Signs as one side and checks what the other side has signed."""

    method: SignatureMethod

    def sign(self, content: bytes) -> str:
        """Return our signature of some bytes."""
        ...

    def genuine(self, content: bytes, signature: str) -> bool:
        """Return whether the other side has signed these bytes."""
        ...


class HmacSigner:
    """Both sides know one secret.

    Args:
        secret: The secret.
        method: `HMAC-SHA256` or `HMAC-SM3`.
    """

    def __init__(self, secret: str, method: SignatureMethod) -> None:
        self.method = method
        self._secret = secret.encode()
        self._hash: hashes.HashAlgorithm = (
            hashes.SM3() if method is SignatureMethod.hmac_sm3 else hashes.SHA256()
        )

    def sign(self, content: bytes) -> str:
        """Return our signature of some bytes."""
        code = HMAC(self._secret, self._hash)
        code.update(content)
        return code.finalize().hex()

    def genuine(self, content: bytes, signature: str) -> bool:
        """Return whether the other side has signed these bytes."""
        return _same(self.sign(content), signature.lower())


class Sm2Signer:
    """Each side has a key pair; a signature can be shown to a third.

    gmssl does the arithmetic on the curve. Left to itself it takes its random number from `random`, which would give
    the private key away, and hashes in Python: both are done here by the operating system and by OpenSSL.

    Args:
        private_key: Ours, 64 hexadecimal digits.
        public_key: The other side's, 128 hexadecimal digits, with or without 04 before them.

    Raises:
        Misconfigured: One of them is no key.
    """

    method = SignatureMethod.sm2_sm3

    def __init__(self, private_key: str, public_key: str) -> None:
        point = public_key[2:] if len(public_key) == 130 else public_key
        known = re.fullmatch(HEX_64, private_key) and re.fullmatch(HEX_128, public_key)
        if not known or not _is_private(private_key) or not _is_on_curve(point):
            raise Misconfigured(
                "police_110: sm2_private_key or sm2_public_key is no SM2 key",
                "police_110 的 sm2_private_key 或 sm2_public_key 不是有效的 SM2 密钥",
            )
        self._own = _curve(private_key, "")
        self._theirs = _curve("", point)
        self._own_identity = _identity(public_key_of(private_key))
        self._their_identity = _identity(point)

    def sign(self, content: bytes) -> str:
        """Return our signature of some bytes."""
        digest = _sm3(self._own_identity, content)
        while True:
            random = 1 + secrets.randbelow(_SM2_ORDER - 1)
            signature: str | None = self._own.sign(digest, f"{random:064x}")
            if signature is not None:  # one random number in 2**256 is of no use
                return signature

    def genuine(self, content: bytes, signature: str) -> bool:
        """Return whether the other side has signed these bytes."""
        if not re.fullmatch(r"[0-9A-Fa-f]{128}", signature):
            return False
        r, s = int(signature[:64], 16), int(signature[64:], 16)
        # GB/T 32918.2 7.1 B1, B2; gmssl does not look.
        if not (0 < r < _SM2_ORDER and 0 < s < _SM2_ORDER):
            return False
        try:
            return bool(self._theirs.verify(signature, _sm3(self._their_identity, content)))
        except (TypeError, ValueError):  # its words for the point at infinity
            return False


def signer_of(settings: Police110Settings) -> Signer:
    """Return what signs as the settings say.

    Raises:
        Misconfigured: The keys are no keys.
    """
    if settings.method is SignatureMethod.sm2_sm3:
        return Sm2Signer(settings.sm2_private_key.get_secret_value(), settings.sm2_public_key)
    return HmacSigner(settings.secret.get_secret_value(), settings.method)


def public_key_of(private_key: str) -> str:
    """Return the SM2 public key, 128 hexadecimal digits, that belongs to a private key."""
    curve = _curve(private_key, "")
    point: str = curve._kg(int(private_key, 16), sm2.default_ecc_table["g"])
    return point


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The headers that a signed message has."""

    platform: str
    timestamp: str
    nonce: str
    method: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Seal:
        """Return what the headers of a request say; names in lower case."""
        platform, timestamp, nonce, method, signature = (
            headers.get(name, "") for name in (PLATFORM, TIMESTAMP, NONCE, METHOD, SIGNATURE)
        )
        return cls(
            platform=platform,
            timestamp=timestamp,
            nonce=nonce,
            method=method,
            signature=signature,
        )

    def headers(self) -> dict[str, str]:
        """Return them as the headers of a request."""
        return {
            "X-Platform": self.platform,
            "X-Timestamp": self.timestamp,
            "X-Nonce": self.nonce,
            "X-Signature-Method": self.method,
            "X-Signature": self.signature,
        }

    def signed(self, body: bytes) -> bytes:
        """Return the bytes that are signed."""
        return _bytes("\n".join((self.platform, self.timestamp, self.nonce, ""))) + body


def seal(signer: Signer, platform: str, body: bytes, at: datetime) -> Seal:
    """Return the headers of a message that we send at this moment."""
    unsigned = Seal(
        platform=platform,
        timestamp=str(int(at.timestamp())),
        nonce=secrets.token_hex(12),
        method=signer.method,
        signature="",
    )
    return Seal(
        platform=unsigned.platform,
        timestamp=unsigned.timestamp,
        nonce=unsigned.nonce,
        method=unsigned.method,
        signature=signer.sign(unsigned.signed(body)),
    )


def require_genuine(
    signer: Signer, platform: str, given: Seal, body: bytes, now: datetime, window_seconds: int
) -> None:
    """Return if a message was signed by the other side, a moment ago.

    An old message that somebody sends again within the window does nothing: each is known by its id.

    Args:
        signer: Checks.
        platform: What the other side signs as; so what we have signed ourselves is never taken for theirs.
        given: The headers.
        body: As it came.
        now: The present moment.
        window_seconds: How old or early it may be.

    Raises:
        NotAuthenticated: It was not.
    """
    if not (_TIMESTAMP.fullmatch(given.timestamp) and _NONCE.fullmatch(given.nonce)):
        raise NotAuthenticated("X-Timestamp or X-Nonce is missing", "缺少 X-Timestamp 或 X-Nonce")
    if not _same(given.platform, platform):
        raise NotAuthenticated("X-Platform is not known here", "X-Platform 未登记")
    if given.method != signer.method:
        raise NotAuthenticated(
            f"X-Signature-Method must be {signer.method}",
            f"X-Signature-Method 应为 {signer.method}",
        )
    if abs(now.timestamp() - int(given.timestamp)) > window_seconds:
        raise NotAuthenticated(
            "X-Timestamp is too far from our clock: set the clock by NTP",
            "X-Timestamp 与本系统时间相差过大，请校时",
        )
    if not signer.genuine(given.signed(body), given.signature):
        raise NotAuthenticated("X-Signature is wrong", "X-Signature 验证失败")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(header: str) -> bytes:
    # aiohttp hands on bytes that are no UTF-8 as lone surrogates.
    return header.encode("utf-8", "surrogateescape")


def _curve(private_key: str, point: str) -> sm2.CryptSM2:
    curve = sm2.CryptSM2(private_key=private_key, public_key="")
    # Its constructor strips every 0 and 4 from the front of a key that begins with 04, not only the prefix.
    curve.public_key = point
    return curve


def _identity(point: str) -> bytes:
    """Return Z of GB/T 32918.2 5.5: the hash of who signs, which goes before what is signed."""
    table = sm2.default_ecc_table
    who = f"{len(_USER_ID) * 8:04x}{_USER_ID.hex()}{table['a']}{table['b']}{table['g']}{point}"
    return _sm3(bytes.fromhex(who))


def _sm3(*parts: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    for part in parts:
        digest.update(part)
    return digest.finalize()


def _is_private(key: str) -> bool:
    return len(key) == 64 and 0 < int(key, 16) < _SM2_ORDER - 1


def _is_on_curve(point: str) -> bool:
    if len(point) != 128:
        return False
    x, y = int(point[:64], 16), int(point[64:], 16)
    inside = x < _SM2_PRIME and y < _SM2_PRIME
    return inside and (y * y - x * x * x - _SM2_A * x - _SM2_B) % _SM2_PRIME == 0
