"""No provider at all: messages are written to a file, for trying out and for tests. Nothing leaves the machine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from channels.protocol import Finding, Sent
from channels.sms.rules import ShortMessage
from infra.kit.clock import Clock


class FileOutbox:
    """Writes every message as one line of JSON: `at`, `key`, `to`, `kind`, `text`.

    The file holds numbers and codes in plain text, so only its owner may read it.

    Args:
        path: The file; it and its folder are made when the first message comes.
        signature: Put before the text as a carrier would show it.
        clock: Gives the time of a line.
    """

    name: ClassVar[str] = "file"

    def __init__(self, path: Path, signature: str, clock: Clock) -> None:
        self._path = path
        self._signature = signature
        self._clock = clock

    async def send(self, message: ShortMessage) -> Sent:
        """Append the message; it is known by its key."""
        line = json.dumps(
            {
                "at": self._clock.now().isoformat(),
                "key": message.key,
                "to": message.phone.digits,
                "kind": message.kind.value,
                "text": f"【{self._signature}】{message.text}",
            },
            ensure_ascii=False,
        )
        await asyncio.to_thread(self._append, f"{line}\n".encode())
        return Sent(provider_id=message.key)

    async def check(self) -> Sequence[Finding]:
        """Return that nothing is sent, which is no fault where it is meant so."""
        return (
            Finding(
                setting="sms.provider",
                message_zh=f"未配置短信服务商：短信不会发出，只写入 {self._path}。"
                "正式使用前请在 [sms] 中设置 provider",
                message_en=f"no provider of short messages: none is sent, they are written to {self._path}. "
                "Set provider in [sms] before citizens use this",
                fatal=False,
            ),
        )

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One write to a file that is opened for appending: lines of several processes do not mix.
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
