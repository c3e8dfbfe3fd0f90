"""Real parts for tests: each is started on a free port in a folder of its own, and stopped by its own process id.

With `CI=true` a part that is missing is a failure; otherwise the tests that need it are skipped and say so.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

_START_SECONDS = 30.0


def missing(part: str, how: str) -> NoReturn:
    """Fail under CI, skip elsewhere, saying how to get the part."""
    message = f"{part} is missing: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def _own_ports() -> Iterator[int]:
    """Yield the ports of this process of tests: below those that go to outgoing connections and to calls' speech."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 11_000 + worker % 9 * 1000
    begin = random.randrange(1000)  # two runs at once seldom meet
    return cycle([*range(first + begin, first + 1000), *range(first, first + begin)])


_PORTS = _own_ports()


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that nobody listens on now, and that nobody else is given before it is used."""
    for port in islice(_PORTS, 1000):
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind((address, port))
            return port
    raise AssertionError(f"none of this process's ports is free at {address}")


def find(program: str, *folders: str) -> str | None:
    """Return the path of a program on PATH or in one of the folders (glob patterns)."""
    found = shutil.which(program)
    if found:
        return found
    for folder in folders:
        for candidate in sorted(Path("/").glob(f"{folder.lstrip('/')}/{program}"), reverse=True):
            return str(candidate)
    return None


def wait_until(ready: Callable[[], bool], what: str, seconds: float = _START_SECONDS) -> None:
    """Return when `ready()` is true.

    Raises:
        TimeoutError: It did not become true in time.
    """
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} was not ready within {seconds:.0f} s")
        time.sleep(0.05)


@contextmanager
def running(
    process: subprocess.Popen[bytes], stop: signal.Signals = signal.SIGTERM
) -> Iterator[None]:
    """Stop a process at the end, by its own id."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(stop)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@dataclass(slots=True)
class PostgresServer:
    """A PostgreSQL that a test may stop and start again on the same port."""

    port: int
    command: Sequence[str]
    log: Path
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                user=self.user,
                cwd="/",
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        wait_until(self._answers, "PostgreSQL")

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT breaks off every session, SIGQUIT is a crash."""
        if self.process is not None:
            with running(self.process, sign):
                pass
            self.process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def start_postgres(folder: Path) -> Iterator[PostgresServer]:
    initdb = find("initdb", "/usr/lib/postgresql/*/bin")
    postgres = find("postgres", "/usr/lib/postgresql/*/bin")
    if initdb is None or postgres is None or not Path(initdb).with_name("postgres").exists():
        missing("PostgreSQL", "apt install postgresql")
    postgres = str(Path(initdb).with_name("postgres"))
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    data = folder / "data"
    if user is not None:
        account = pwd.getpwnam(user)
        folder.chmod(0o755)
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        data.mkdir()
        os.chown(data, account.pw_uid, account.pw_gid)
    subprocess.run(
        [initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        # What a killed server process loses is nothing either way; only a power cut would tell the difference.
        "fsync": "off",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    server = PostgresServer(port, [postgres, "-D", str(data), *arguments], folder / "log", user)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(slots=True)
class RedisServer:
    """A Redis that a test may stop and start again on the same port."""

    port: int
    folder: Path
    binary: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                self.binary,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, "Redis")

    def stop(self) -> None:
        if self.process is not None:
            with running(self.process):
                pass
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def start_redis(folder: Path) -> Iterator[RedisServer]:
    binary = find("redis-server")
    if binary is None:
        missing("Redis", "apt install redis-server")
    server = RedisServer(free_port(), folder, binary)
    server.start()
    try:
        yield server
    finally:
        server.stop()
