"""Passwords: hashed with argon2id, and checked at the same cost whether or not there is anything to check against."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from infra.kit.errors import TryLater

_PATIENCE_SECONDS = 20.0

T = TypeVar("T")


class Passwords:
    """Hashes and checks passwords outside the event loop.

    Args:
        hasher: Cost parameters; the default is the second recommendation of RFC 9106 (64 MiB, 3 passes).
        at_once: Checks that run at the same time. It bounds the memory that strangers can make us use.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(at_once)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Return the text to store."""
        return await self._run(lambda: self._hasher.hash(password))

    async def check(self, stored: str | None, password: str) -> bool:
        """Return whether the password is right.

        Args:
            stored: What `hash` returned, or None for an account that does not exist: the same work is then done
                against a hash that no password has, so that the time taken tells nothing.
            password: What was typed.
        """
        if self._nobody is None:
            self._nobody = await self.hash("")
        right = await self._run(lambda: self._verify(stored or self._nobody or "", password))
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                async with self._slots:
                    return await asyncio.to_thread(work)
        except TimeoutError:
            raise TryLater("too many logins at once", "登录人数过多，请稍后再试") from None
