"""WeChat's signatures and encryption of what it pushes to us, and of what we answer. Pure.

See 消息推送 and 消息加解密说明 in WeChat's documentation: a signature is the SHA-1 of the sorted parts put together; a
message is 16 random bytes, its length in four bytes (big-endian), itself and the AppID, padded by PKCS#7 to 32, under
AES-256-CBC with the key's first 16 bytes as initialisation vector, in Base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from infra.kit.errors import Misconfigured, NotAuthenticated

RANDOM_BYTES = 16
_LENGTH_BYTES = 4
_BLOCK = 32
_AES_KEY = re.compile(r"[A-Za-z0-9]{43}")


def signature(*parts: str) -> str:
    """Return the signature of some parts, whose order does not matter: 40 hexadecimal digits."""
    joined = "".join(sorted(parts))
    return hashlib.sha1(joined.encode(errors="replace"), usedforsecurity=False).hexdigest()


def is_signed(given: str, *parts: str) -> bool:
    """Return whether a signature is that of the parts; tells nothing by the time that it takes."""
    return hmac.compare_digest(given.encode(errors="replace"), signature(*parts).encode())


class Envelope:
    """Opens and seals the messages of one account.

    Args:
        encoding_aes_key: The account's EncodingAESKey, 43 letters and digits.
        appid: Its AppID: a message for another account is not taken.

    Raises:
        Misconfigured: The key is no EncodingAESKey.
    """

    def __init__(self, encoding_aes_key: str, appid: str) -> None:
        if not _AES_KEY.fullmatch(encoding_aes_key):
            raise Misconfigured(
                "encoding_aes_key must be 43 letters and digits: copy EncodingAESKey from WeChat's 服务器配置",
                "encoding_aes_key 应为 43 位字母或数字，请从公众平台“服务器配置”复制 EncodingAESKey",
            )
        key = base64.b64decode(encoding_aes_key + "=")
        self._cipher = Cipher(AES256(key), CBC(key[:16]))
        self._appid = appid.encode()

    def open(self, encrypted: str) -> bytes:
        """Return the message in the value of `Encrypt`.

        Raises:
            NotAuthenticated: It was not sealed with this key, or is for another account.
        """
        try:
            sealed = base64.b64decode(encrypted.encode(), validate=True)
            decryptor = self._cipher.decryptor()
            padded = decryptor.update(sealed) + decryptor.finalize()
        except (binascii.Error, ValueError):
            raise _not_ours() from None
        plain = _without_padding(padded)
        start = RANDOM_BYTES + _LENGTH_BYTES
        if len(plain) < start:
            raise _not_ours()
        end = start + int.from_bytes(plain[RANDOM_BYTES:start])
        # A length beyond the end leaves no AppID, and so is not taken either.
        if not hmac.compare_digest(plain[end:], self._appid):
            raise _not_ours()
        return plain[start:end]

    def seal(self, message: bytes, random: bytes) -> str:
        """Return the value of `Encrypt` for a message.

        Args:
            message: What is sealed.
            random: 16 bytes that nobody can guess.
        """
        plain = random + len(message).to_bytes(_LENGTH_BYTES) + message + self._appid
        missing = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
        return base64.b64encode(sealed).decode()


def _without_padding(padded: bytes) -> bytes:
    missing = padded[-1] if padded else 0
    if not 1 <= missing <= _BLOCK or padded[-missing:] != bytes([missing]) * missing:
        raise _not_ours()
    return padded[:-missing]


def _not_ours() -> NotAuthenticated:
    return NotAuthenticated(
        "the message was not encrypted for this account: compare EncodingAESKey and AppID with WeChat's 服务器配置",
        "消息不是为本账号加密的，请核对 EncodingAESKey 与 AppID 是否与公众平台“服务器配置”一致",
    )
