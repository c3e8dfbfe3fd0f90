"""Personal data at rest: encrypted to be read back by those who may, and hashed with a key to be looked up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.kit.errors import Misconfigured

KEY_BYTES = 32
_NONCE_BYTES = 12


class Vault:
    """Encrypts short texts (AES-256-GCM, random nonce) and makes look-up digests (HMAC-SHA-256).

    All keys are derived from one master key by HKDF (RFC 5869), so that a leaked digest key opens nothing.

    Args:
        key: The master key, exactly 32 bytes.

    Raises:
        Misconfigured: The key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise Misconfigured(
                f"the data key must be {KEY_BYTES} bytes, not {len(key)}",
                f"数据密钥长度应为 {KEY_BYTES} 字节，实际为 {len(key)} 字节",
            )
        self._cipher = AESGCM(_derive(key, b"lianxin/encrypt"))
        self._digest_key = _derive(key, b"lianxin/digest")
        self._seal_key = _derive(key, b"lianxin/seal")

    def encrypt(self, text: str) -> bytes:
        """Return nonce and ciphertext; the same text never gives the same bytes twice."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), None)

    def decrypt(self, sealed: bytes) -> str:
        """Return the text that `encrypt` sealed.

        Raises:
            Misconfigured: The bytes were sealed with another key or have been altered.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()
        except InvalidTag as error:
            raise Misconfigured(
                "the data key does not open this record: restore the key that belongs to this database",
                "数据密钥与数据库不匹配，请恢复原密钥",
            ) from error

    def digest(self, text: str) -> str:
        """Return 64 hexadecimal digits that are equal for equal texts and tell nothing without the key."""
        return hmac.new(self._digest_key, text.encode(), hashlib.sha256).hexdigest()

    def seal(self, content: bytes) -> str:
        """Return 64 hexadecimal digits that only who has the key can make: they show that content is unchanged."""
        return hmac.digest(self._seal_key, content, "sha256").hex()


def open_vault(path: Path) -> Vault:
    """Return the vault whose base64 master key lies in `path`, making key and file (mode 0600) if there is none.

    Raises:
        Misconfigured: The file does not hold base64 of 32 bytes.
    """
    if not path.exists():
        _make_key(path)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError as error:
        raise Misconfigured(
            f"security.data_key_file {path} does not hold a base64 key",
            f"security.data_key_file {path} 中不是有效的 base64 密钥",
        ) from error
    return Vault(key)


def _make_key(path: Path) -> None:
    """Write a new key, whole or not at all; one that another process has written meanwhile stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)
