"""Where the bytes of files lie: under their own SHA-256, so that a file is kept once and can be proved whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from infra.kit.errors import NotFound, TryLater

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ContentStore(Protocol):
    """Keeps bytes."""

    async def put(self, content: bytes) -> str:
        """Keep bytes and return their SHA-256 in hexadecimal; they are on disk when this returns.

        Raises:
            TryLater: There is no room, or the store is away.
        """
        ...

    async def get(self, digest: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises:
            NotFound: There are none, or they are not whole any more.
        """
        ...


class FolderStore:
    """Keeps bytes in files of a folder, 256 folders below it.

    Args:
        folder: The folder; it is made when the first file comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, content: bytes) -> str:
        """Keep bytes and return their SHA-256 in hexadecimal; they are on disk when this returns.

        Raises:
            TryLater: There is no room.
        """
        try:
            return await asyncio.to_thread(self._write, content)
        except OSError as error:
            raise TryLater(
                f"the file could not be kept: {type(error).__name__}",
                "附件暂时无法保存，请稍后重试",
            ) from error

    async def get(self, digest: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises:
            NotFound: There are none, or they are not whole any more.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound
        try:
            content = await asyncio.to_thread(self._path(digest).read_bytes)
        except FileNotFoundError:
            raise NotFound from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotFound("the file is damaged", "附件已损坏，请联系管理员")
        return content

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written under another name first: whoever finds the digest finds all of its bytes.
        coming = path.with_name(f".{digest}.{uuid4().hex}")
        try:
            with coming.open("wb") as file:
                coming.chmod(0o600)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            coming.replace(path)
        finally:
            coming.unlink(missing_ok=True)
        _sync(path.parent)
        return digest


def _sync(folder: Path) -> None:
    # The name itself must outlast a loss of power, not only the bytes.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
