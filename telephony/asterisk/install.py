"""Where the Asterisk comes from: the machine's own, or Debian's packages unpacked into a folder of ours.

The packages are fetched by apt with a state of its own and unpacked with `dpkg-deb -x`. Nothing is installed on the
machine, so no daemon of the distribution starts, no root is needed, and removing the folder removes everything. Mirror,
keyring and proxy are those of the machine's apt. The binary runs straight from there: its own dynamic loader is started
with the libraries of the folder, no chroot and no mount needed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.kit.errors import Misconfigured
from telephony.asterisk import debian
from telephony.asterisk.settings import PbxSettings

OLDEST = (20, 0)
"""The oldest (major, minor) whose dialplan applications and AMI actions are those that we use."""

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where an Asterisk lies that was installed in the ordinary way."""

_STAMP = "installed.json"
_VERSION = re.compile(r"Asterisk (?:certified[-/])?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An Asterisk that can be run.

    Attributes:
        command: How to start it; arguments follow.
        version: (major, minor).
        modules: The folder of its modules.
        share: The folder of its documentation, which its modules read at load; None where it knows by itself.
        environment: Variables to set for it.
    """

    command: tuple[str, ...]
    version: tuple[int, int]
    modules: Path
    share: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def has_module(self, name: str) -> bool:
        """Whether the module of that name (without `.so`) is there."""
        return (self.modules / f"{name}.so").exists()


def find(settings: PbxSettings) -> Installation | None:
    """The Asterisk to run: the configured one, the one on PATH, or the one installed by us; None if there is none."""
    if settings.binary is not None:
        return _on_machine(settings.binary)
    # /usr/sbin is not on everybody's PATH
    places = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_FOLDERS))
    on_path = shutil.which("asterisk", path=places)
    if on_path:
        found = _on_machine(Path(on_path).resolve())
        if found.version >= OLDEST:
            return found
    if (settings.cache / _STAMP).exists():
        return _unpacked(settings.cache / "tree")
    return None


def require(settings: PbxSettings) -> Installation:
    """The Asterisk to run.

    Raises:
        Misconfigured: There is none; the message says how to get one.
    """
    found = find(settings)
    if found is None:
        raise Misconfigured(
            "No Asterisk 20 or newer was found. Run `lianxin asterisk install`, or set asterisk.binary.",
            "没有找到 Asterisk 20 或更新版本。请运行 `lianxin asterisk install`，或设置 asterisk.binary。",
        )
    return found


def install(settings: PbxSettings, say: Callable[[str], None]) -> Installation:
    """Finds an Asterisk, or gets one; a second run costs nothing, an interrupted one is taken up again.

    Args:
        settings: Where to look and where to put it.
        say: Told what is being done, one line at a time, in Chinese and English.

    Raises:
        Misconfigured: None can be had on this machine; the message says what to do.
    """
    found = find(settings)
    if found is None:
        with _alone(settings.cache, say):
            found = find(settings) or _fetch(settings.cache, say)
    say(f"Asterisk {found.version[0]}.{found.version[1]}: {found.command[-1]}")
    return found


def _fetch(cache: Path, say: Callable[[str], None]) -> Installation:
    tree = cache / "tree"
    shutil.rmtree(tree, ignore_errors=True)  # whatever an interrupted run has left half unpacked
    packages = debian.download(cache / "apt", "asterisk", OLDEST[0], say)
    debian.unpack(packages, tree, say)
    installation = _unpacked(tree)
    (cache / _STAMP).write_text(json.dumps({"version": installation.version}), encoding="ascii")
    shutil.rmtree(cache / "apt")
    return installation


@contextmanager
def _alone(cache: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One installation at a time in one folder; the lock goes with the process that holds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("另一个进程正在安装，等待其完成 / another process is installing, waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpacked(tree: Path) -> Installation:
    """The Asterisk of an unpacked tree, started by that tree's own loader."""
    modules = _only(tree, "usr/lib/*/asterisk/modules")
    libraries = modules.parent.parent
    loader = _only(tree, "usr/lib*/**/ld-linux*.so.*")
    places = [libraries, tree / "lib" / libraries.name]
    binary = tree / "usr/sbin/asterisk"
    command = (str(loader), "--library-path", ":".join(map(str, places)), str(binary))
    environment = {
        # the tree's OpenSSL would otherwise read the machine's settings, which may be of another version
        "OPENSSL_CONF": str(tree / "etc/ssl/openssl.cnf"),
        "OPENSSL_MODULES": str(libraries / "ossl-modules"),
    }
    return Installation(
        command=command,
        version=_version(command, environment),
        modules=modules,
        share=tree / "usr/share/asterisk",
        environment=environment,
    )


def _on_machine(binary: Path) -> Installation:
    """An Asterisk that was installed in the ordinary way; where its modules are depends on who built it."""
    prefix = binary.parent.parent
    patterns = ("lib/*-linux-*/asterisk/modules", "lib64/asterisk/modules", "lib/asterisk/modules")
    for pattern in patterns:
        for modules in sorted(prefix.glob(pattern)):
            if (modules / "chan_pjsip.so").exists():
                command = (str(binary),)
                return Installation(command=command, version=_version(command, {}), modules=modules)
    raise Misconfigured(
        f"{binary} has no modules with chan_pjsip below {prefix}/lib; set asterisk.binary to a complete Asterisk.",
        f"在 {prefix}/lib 下没有找到 {binary} 的 chan_pjsip 模块，请把 asterisk.binary 设为完整的 Asterisk。",
    )


def _only(tree: Path, pattern: str) -> Path:
    found = sorted(tree.glob(pattern))
    if not found:
        raise Misconfigured(
            f"{tree} holds no {pattern}; delete the folder and run `lianxin asterisk install` again.",
            f"{tree} 中没有 {pattern}，请删除该目录后重新运行 `lianxin asterisk install`。",
        )
    return found[0]


def _version(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, int]:
    told = subprocess.run(  # noqa: S603 - the Asterisk that the operator chose
        [*command, "-V"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **environment},
    )
    match = _VERSION.search(told.stdout)
    if match is None:
        raise Misconfigured(
            f"{command[-1]} -V does not tell a version: {told.stderr.strip()[:200]}",
            f"{command[-1]} 无法运行（-V 没有给出版本号）。",
        )
    return int(match[1]), int(match[2])
