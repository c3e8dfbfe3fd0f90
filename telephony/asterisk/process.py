"""A running Asterisk, as a child of ours: it is started, awaited, stopped, and never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from infra.kit.errors import Misconfigured
from telephony.asterisk.install import Installation
from telephony.asterisk.settings import AsteriskSettings, PbxSettings

_log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port that Asterisk is going to listen on.

    Attributes:
        setting: The setting that names the port.
        kind: `SOCK_STREAM` (TCP) or `SOCK_DGRAM` (UDP).
        address: IPv4 address.
        port: Port number.
    """

    setting: str
    kind: socket.SocketKind
    address: str
    port: int


def listeners(settings: PbxSettings, section: str) -> list[Listener]:
    """The ports that an Asterisk of these settings will take.

    Args:
        settings: Of the hotline's Asterisk or of the network's.
        section: The name of the settings' section, for messages.
    """
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    found = [
        Listener(
            setting=f"{section}.ami_port",
            kind=tcp,
            address=settings.ami_host,
            port=settings.ami_port,
        ),
        Listener(
            setting=f"{section}.sip_port",
            kind=udp,
            address=settings.sip_address,
            port=settings.sip_port,
        ),
    ]
    if isinstance(settings, AsteriskSettings):
        setting = f"{section}.http_port"
        found.append(
            Listener(setting=setting, kind=tcp, address="127.0.0.1", port=settings.http_port)
        )
    return found


class AsteriskProcess:
    """One Asterisk in the foreground, from a rendered folder.

    Args:
        installation: What to run.
        settings: Where it lives and how long it may take.
        section: The name of the settings' section, for messages.
    """

    def __init__(self, installation: Installation, settings: PbxSettings, section: str) -> None:
        self._installation = installation
        self._settings = settings
        self._section = section
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it and waits until it is fully booted.

        Raises:
            Misconfigured: A port is taken (the message names the setting), or it ended or did not boot in time.
        """
        for listener in listeners(self._settings, self._section):
            _refuse_if_taken(listener)
        self._console_socket.unlink(missing_ok=True)  # left by one that was killed
        output = (self._settings.home / "log" / "output.log").open("wb")
        with output:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments("-f"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._settings.home,
                env={**os.environ, **self._installation.environment},
                umask=0o077,  # recordings and state are nobody else's business
                start_new_session=True,  # a Ctrl-C at our terminal is for us to act on, in our order
                preexec_fn=_end_with_parent(os.getpid()),
            )
        try:
            async with asyncio.timeout(self._settings.start_seconds):
                await self._booted()
        except TimeoutError:
            await self.stop()
            raise self._failed("did not boot in time", "未能按时启动") from None
        except BaseException:
            await self.stop()
            raise
        _log.info("asterisk.started", section=self._section, pid=self._process.pid)

    async def wait(self) -> int:
        """Waits until it ends, for whatever reason, and returns its exit code."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Stops it: calls are hung up, AstDB is written out; killed if that takes longer than it may."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self._settings.stop_seconds):
                await process.wait()
        except TimeoutError:
            _log.warning("asterisk.killed", section=self._section, pid=process.pid)
            process.kill()
            await process.wait()
        _log.info("asterisk.stopped", section=self._section, pid=process.pid)

    async def kill(self) -> None:
        """Ends it as a power cut would (for fault tests)."""
        process = self._running()
        process.kill()
        await process.wait()

    async def console(self, command: str) -> str:
        """Runs a console command (e.g. `core show channels`) and returns what it prints.

        Raises:
            TimeoutError: It did not answer within ten seconds.
            Misconfigured: It is not to be reached.
        """
        process = await asyncio.create_subprocess_exec(
            *self._arguments("-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self._installation.environment},
        )
        try:
            async with asyncio.timeout(10):
                output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise self._failed("does not answer at its console", "控制台没有响应")
        return output.decode(errors="replace")

    @property
    def _console_socket(self) -> Path:
        return self._settings.home / "run" / "asterisk.ctl"

    def _arguments(self, *arguments: str) -> Sequence[str]:
        conf = self._settings.home / "etc" / "asterisk.conf"
        return (*self._installation.command, "-C", str(conf), *arguments)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("this Asterisk has not been started")
        return self._process

    async def _booted(self) -> None:
        while self.running:
            if self._console_socket.exists():
                try:
                    if "fully booted" in await self.console("core waitfullybooted"):
                        return
                except (Misconfigured, TimeoutError):
                    _log.debug("asterisk.console_not_ready", section=self._section)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        raise self._failed("ended while starting", "启动时退出")

    def _failed(self, what_en: str, what_zh: str) -> Misconfigured:
        log = self._settings.home / "log"
        return Misconfigured(
            f"The Asterisk of [{self._section}] {what_en}; see {log}/messages.log and {log}/output.log.",
            f"[{self._section}] 的 Asterisk {what_zh}，请查看 {log}/messages.log 和 {log}/output.log。",
        )


def _refuse_if_taken(listener: Listener) -> None:
    with socket.socket(socket.AF_INET, listener.kind) as probe:
        if listener.kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Asterisk itself does
        try:
            probe.bind((listener.address, listener.port))
        except OSError as error:
            kind = "TCP" if listener.kind is socket.SOCK_STREAM else "UDP"
            where = f"{listener.address}:{listener.port} ({kind})"
            raise Misconfigured(
                f"{where} cannot be had: {os.strerror(error.errno or 0)}. Choose another {listener.setting}, "
                "or stop whatever uses it.",
                f"{where} 无法使用（可能已被占用）。请修改设置 {listener.setting}，或停止占用它的程序。",
            ) from error


def _end_with_parent(parent: int) -> Callable[[], None]:
    """To be run in the child: the kernel ends it when we end, even by kill -9, so that nothing is left behind."""
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we ended before the arrangement was made
            os._exit(1)

    return arrange
