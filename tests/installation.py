"""A whole Lianxin in a process of its own, as an operator would run it: for fault and browser tests.

It is the real command (`lianxin serve`) with a settings file of its own, started, asked over HTTP, stopped or killed by
its process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.identity import Role
from infra.run.migrate import migrate
from infra.run.people import add_person
from infra.run.settings import Settings, load
from tests.parts import free_port

PASSWORD = "a-password-for-tests"
ROOT = Path(__file__).parents[1]
_READY_SECONDS = 120.0


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


@dataclass(slots=True)
class Installation:
    """One installation: a folder, a settings file, a process.

    Attributes:
        folder: Where database, key, logs and recordings lie.
        sections: Settings as they would stand in `lianxin.toml`.
        command: What is run of `lianxin`.
        place: Where it is run: what settings do not name lies there.
    """

    folder: Path
    sections: dict[str, dict[str, Any]]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    command: str = "serve"
    place: Path = ROOT

    def __post_init__(self) -> None:
        defaults: dict[str, dict[str, Any]] = {
            "server": {"port": self.port},
            "database": {"url": f"sqlite:///{self.folder}/lianxin.db"},
            "security": {"data_key_file": str(self.folder / "data.key")},
            # Learning takes a processor for seconds, and no test of a whole process waits for it.
            "suggestions": {"train": False, "model_file": str(self.folder / "model.npz")},
            "logs": {"level": "info"},
            "sms": {"file": str(self.folder / "sms.jsonl")},
        }
        for name, section in self.sections.items():
            defaults.setdefault(name, {}).update(section)
        lines = []
        for name, section in defaults.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {_toml(value)}" for key, value in section.items()]
        self.file.write_text("\n".join(lines) + "\n")

    @property
    def file(self) -> Path:
        return self.folder / "lianxin.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        return load(self.file)

    async def prepare(self, *people: tuple[str, str, Role]) -> None:
        """Make the tables and the people who log in."""
        database = Database(self.settings.database.url)
        await migrate(database)
        await database.close()
        for number, name, role in people:
            await self.add(number, name, role)

    async def add(self, number: str, name: str, role: Role, unit: str | None = None) -> None:
        """Add a person who logs in; somebody's unit must be there, as it is once the process has started."""
        await add_person(self.settings, SystemClock(), number, name, role, PASSWORD, unit)

    async def start(self, *, ready: bool = True, seconds: float | None = None) -> None:
        """Start the process; return when it answers and, with `ready`, has everything that it needs."""
        with (self.folder / "output.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  # a test may wait for a fork
                [Path(sys.executable).with_name("lianxin"), "--config", self.file, self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.place,
                env={k: v for k, v in os.environ.items() if not k.startswith("LIANXIN_")},
            )
        try:
            await self._answers("/readyz" if ready else "/livez", seconds or _READY_SECONDS)
        except BaseException:
            if self.process.poll() is None:
                self.kill()  # whoever waits for it here has nothing yet that he could stop
            raise

    async def _answers(self, path: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        last = "nothing"
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until:
                if self.process is None or self.process.poll() is not None:
                    raise RuntimeError(f"lianxin ended at its start:\n{self.log()[-3000:]}")
                try:
                    async with session.get(self.url + path) as response:
                        if response.status == 200:
                            return
                        last = await response.text()
                except aiohttp.ClientError as error:
                    last = repr(error)
                await asyncio.sleep(0.1)
        raise TimeoutError(f"lianxin was not ready; {path} said {last}\n{self.log()[-3000:]}")

    def kill(self) -> None:
        """End the process as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    def stop(self) -> float:
        """Stop the process gracefully and return how many seconds that took."""
        if self.process is None:
            return 0.0
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None
        return time.monotonic() - started

    def log(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")


class Person:
    """Somebody who is logged in and talks to the API as the pages do."""

    def __init__(self, installation: Installation, number: str, password: str = PASSWORD) -> None:
        self.url = self._url = installation.url
        self.number = number
        self._password = password
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=20)
        )
        self.csrf = ""

    async def __aenter__(self) -> Self:
        made = await self.call(
            "POST", "/session", {"number": self.number, "password": self._password}, expect=200
        )
        self.csrf = made["csrf_token"]
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON of the answer.

        Raises:
            AssertionError: The status is not the expected one.
        """
        async with self.session.request(
            method,
            f"{self._url}/api/v1{path}",
            json=body,
            headers={"X-CSRF-Token": self.csrf, "Origin": self._url, **(headers or {})},
        ) as response:
            text = await response.text()
            assert expect is None or response.status == expect, f"{response.status}: {text}"
            return json.loads(text) if text else None

    async def upload(self, name: str, content: bytes) -> int:
        """Send a file, and return its id."""
        async with self.session.post(
            f"{self._url}/api/v1/attachments",
            data=content,
            headers={
                "X-CSRF-Token": self.csrf,
                "Origin": self._url,
                "X-File-Name": quote(name),
                "Content-Type": "application/octet-stream",
            },
        ) as response:
            text = await response.text()
            assert response.status == 201, f"{response.status}: {text}"
            return int(json.loads(text)["id"])
