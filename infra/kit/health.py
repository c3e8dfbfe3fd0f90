"""Is everything there that this process needs? One check a dependency, asked by `/readyz` and `lianxin check`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

_CHECK_SECONDS = 2.0
_KEPT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found.

    Attributes:
        ok: Whether the dependency serves.
        detail_en: What is wrong and what to do, or what is well.
        detail_zh: The same in Chinese.
        facts: Figures worth seeing.
    """

    ok: bool
    detail_en: str = ""
    detail_zh: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[], Awaitable[Report]]


class Health:
    """The checks of this process."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._asking = asyncio.Lock()
        self._found: dict[str, Report] = {}
        self._found_at = -math.inf

    def add(self, name: str, check: Check) -> None:
        """Ask `check` whenever somebody wants to know; it has two seconds."""
        self._checks[name] = check

    async def reports(self) -> dict[str, Report]:
        """Return every check's report, at most a second old; one that raises or is too slow is reported as not well.

        Anybody may ask, as often as he likes: the dependencies are asked once a second.
        """
        async with self._asking:
            if time.monotonic() - self._found_at >= _KEPT_SECONDS:
                names = list(self._checks)
                found = await asyncio.gather(*(self._ask(self._checks[name]) for name in names))
                self._found = dict(zip(names, found, strict=True))
                self._found_at = time.monotonic()
            return self._found

    async def _ask(self, check: Check) -> Report:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return await check()
        except TimeoutError:
            return Report(
                ok=False,
                detail_en=f"no answer within {_CHECK_SECONDS:.0f} s",
                detail_zh=f"{_CHECK_SECONDS:.0f} 秒内没有响应",
            )
        except Exception as error:  # a check that breaks is a finding, not a crash
            return Report(
                ok=False,
                detail_en=type(error).__name__,
                detail_zh=f"检查失败：{type(error).__name__}",
            )
