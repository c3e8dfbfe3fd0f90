"""Debian's packages without installing them: apt with a state of its own, then `dpkg-deb -x`."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.kit.errors import Misconfigured

_EVERY = 40
"""Progress is told every so many packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One line of an apt source list.

    Attributes:
        uri: The mirror.
        suite: E.g. `bookworm`.
        component: E.g. `main`.
    """

    uri: str
    suite: str
    component: str


def download(folder: Path, package: str, oldest: int, say: Callable[[str], None]) -> list[Path]:
    """Downloads a package and everything it stands on, from the machine's release or else from Debian sid.

    Args:
        folder: apt's lists and the packages; kept until the caller removes it, so that a second try goes on.
        package: Its name.
        oldest: The oldest major version that will do.
        say: Told what is being done.

    Returns:
        The `.deb` files.

    Raises:
        Misconfigured: apt is not there, or has no such package.
    """
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise _not_to_be_had(f"this machine has no {missing[0]}", f"本机没有 {missing[0]}")
    release = platform.freedesktop_os_release()
    codename = release.get("VERSION_CODENAME", "")
    own = [
        source for source in _machine_sources() if codename and source.suite.startswith(codename)
    ]
    sid = [
        Source(uri=source.uri, suite="sid", component="main")
        for source in own
        if release.get("ID") == "debian" and source.suite == codename and source.component == "main"
    ]
    for sources in (own, sid[:1]):
        if sources:
            apt = _Apt(folder / sources[0].suite, sources, release.get("ID", ""))
            say(f"读取软件目录 / reading the package lists: {sources[0].uri} {sources[0].suite}")
            apt.update()
            if apt.major_version(package) >= oldest:
                return apt.download(package, say)
    raise _not_to_be_had(
        f"the apt sources of this machine offer no {package} {oldest} or newer",
        f"本机的 apt 源中没有 {package} {oldest} 或更新版本",
    )


def unpack(packages: Sequence[Path], tree: Path, say: Callable[[str], None]) -> None:
    """Unpacks packages over each other into a folder, as dpkg would, but runs none of their scripts."""
    tree.mkdir(parents=True, exist_ok=True)
    for count, package in enumerate(packages, start=1):
        _run(["dpkg-deb", "-x", str(package), str(tree)], seconds=120)
        if count % _EVERY == 0 or count == len(packages):
            say(f"解包 / unpacking {count}/{len(packages)}")


class _Apt:
    """An apt that shares the machine's proxies and keyrings and nothing else."""

    def __init__(self, folder: Path, sources: Sequence[Source], distribution: str) -> None:
        self._archives = folder / "cache" / "archives"
        for part in (folder / "state" / "lists" / "partial", self._archives / "partial"):
            part.mkdir(parents=True, exist_ok=True)
        source_list, status = folder / "sources.list", folder / "status"
        keyring = Path(f"/usr/share/keyrings/{distribution}-archive-keyring.gpg")
        options = f"[signed-by={keyring}] " if keyring.exists() else ""  # else apt's trusted keys
        lines = [f"deb {options}{item.uri} {item.suite} {item.component}\n" for item in sources]
        source_list.write_text("".join(lines), encoding="utf-8")
        status.touch()  # an empty machine: everything down to libc is fetched
        settings = {
            "Dir::State": folder / "state",
            "Dir::State::status": status,
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": source_list,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        self._options = [
            word for key, value in settings.items() for word in ("-o", f"{key}={value}")
        ]

    def update(self) -> None:
        _run(["apt-get", *self._options, "update"], seconds=300)

    def major_version(self, package: str) -> int:
        """The major version on offer; 0 if none."""
        policy = _run(["apt-cache", *self._options, "policy", package], seconds=60)
        match = re.search(r"Candidate: (?:\d+:)?(\d+)", policy)
        return int(match[1]) if match else 0

    def download(self, package: str, say: Callable[[str], None]) -> list[Path]:
        command = ["apt-get", *self._options, "--yes", "--download-only", "install", package]
        count = 0
        for line in _lines(command):
            if line.startswith("Need to get"):
                say(
                    f"下载 / downloading {package}: {line.split(' of ')[0].removeprefix('Need to get ')}"
                )
            count += line.startswith("Get:")
            if line.startswith("Get:") and count % _EVERY == 0:
                say(f"已下载 / downloaded {count}")
        return sorted(self._archives.glob("*.deb"))


def _machine_sources() -> list[Source]:
    """What the machine's own apt is set to, however its source lists are written."""
    wanted = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    told = _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"], seconds=60)
    sources = []
    for line in dict.fromkeys(told.splitlines()):
        uri, suite, component = line.split("|")
        sources.append(Source(uri=uri, suite=suite, component=component))
    return sources


def _run(command: list[str], *, seconds: float) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        command,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise _failed(command[0], done.stderr)
    return done.stdout


def _lines(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(  # noqa: S603 - fixed words
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        last = ""
        for line in process.stdout or ():
            last = line
            yield line.rstrip()
    if process.returncode != 0:
        raise _failed(command[0], last)


def _failed(tool: str, said: str) -> Misconfigured:
    last = said.strip().splitlines()[-1:] or [""]
    return Misconfigured(
        f"{tool} failed: {last[0]}. Check the network and the apt sources, then run it again; it goes on where it was.",
        f"{tool} 失败：{last[0]}。请检查网络和 apt 源后重新运行，已下载的部分不会重复下载。",
    )


def _not_to_be_had(reason_en: str, reason_zh: str) -> Misconfigured:
    return Misconfigured(
        f"No Asterisk can be fetched: {reason_en}. Everything but telephony runs without it. "
        "To have telephony, install Asterisk 20 or newer by the means of your system and put it on PATH, "
        "or set asterisk.binary.",
        f"无法获取 Asterisk：{reason_zh}。除电话外的功能仍可使用。"
        "如需电话功能，请用系统自带的方式安装 Asterisk 20 或更新版本并加入 PATH，或设置 asterisk.binary。",
    )
