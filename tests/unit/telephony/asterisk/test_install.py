"""Getting an Asterisk, on a machine whose programs are small scripts."""

from __future__ import annotations

import platform
import stat
from pathlib import Path

import pytest

from infra.kit.errors import Misconfigured
from telephony.asterisk.install import find, install, require
from telephony.asterisk.settings import AsteriskSettings

LOADER = "usr/lib/test-linux-gnu/ld-linux-test.so.2"

APT_GET = """#!/bin/sh
echo "apt-get $*" >> {log}
case "$*" in
    *indextargets*) printf '%s\\n' {sources} ;;
    *update*) ;;
    *download-only*)
        for word in "$@"; do
            case "$word" in Dir::Cache=*) cache=${{word#Dir::Cache=}} ;; esac
        done
        echo "Need to get 81.5 MB of archives."
        echo "Get:1 asterisk"
        touch "$cache/archives/asterisk.deb" "$cache/archives/libc6.deb"
        ;;
esac
"""

APT_CACHE = """#!/bin/sh
for word in "$@"; do
    case "$word" in Dir::Etc::sourcelist=*) list=${{word#Dir::Etc::sourcelist=}} ;; esac
done
cat "$list" >> {log}
if grep -q " {suite} " "$list"; then echo "  Candidate: 1:{version}+dfsg-1"; else echo "  Candidate: (none)"; fi
"""

DPKG_DEB = """#!/bin/sh
echo "dpkg-deb $*" >> {log}
[ -n "$BROKEN" ] && [ "$2" != "${{2%libc6.deb}}" ] && echo "no space left" >&2 && exit 2
mkdir -p "$3/usr/lib/test-linux-gnu/asterisk/modules" "$3/usr/sbin"
touch "$3/usr/sbin/asterisk"
printf '#!/bin/sh\\necho Asterisk 22.10.1\\n' > "$3/{loader}"
chmod +x "$3/{loader}"
"""


class Machine:
    """A PATH with the programs that a test puts there, and nothing else of ours."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.log = folder / "log"
        self.said: list[str] = []
        self.settings = AsteriskSettings(home=folder / "h", cache=folder / "cache")
        self._monkeypatch = monkeypatch
        coreutils = folder / "coreutils"
        coreutils.mkdir()
        for name in ("sh", "mkdir", "touch", "printf", "chmod", "grep", "cat", "echo"):
            (coreutils / name).symlink_to(Path("/bin") / name)
        monkeypatch.setenv("PATH", f"{self.folder}:{coreutils}")
        monkeypatch.setattr("telephony.asterisk.install.SYSTEM_FOLDERS", ())

    def put(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def release(self, distribution: str, codename: str) -> None:
        self._monkeypatch.setattr(
            platform,
            "freedesktop_os_release",
            lambda: {"ID": distribution, "VERSION_CODENAME": codename},
        )

    def apt(self, *sources: str, suite: str, version: str) -> None:
        """An apt set to these sources, and a mirror whose `suite` has an Asterisk of this version."""
        lines = " ".join(f"'{source}'" for source in sources)
        self.put("apt-get", APT_GET.format(log=self.log, sources=lines))
        self.put("apt-cache", APT_CACHE.format(log=self.log, suite=suite, version=version))
        self.put("dpkg-deb", DPKG_DEB.format(log=self.log, loader=LOADER))

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def asterisk_of(machine: Machine, version: str) -> Path:
    modules = machine.folder.parent / "lib" / "asterisk" / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "chan_pjsip.so").touch()
    return machine.put("asterisk", f"#!/bin/sh\necho Asterisk {version}\n")


def test_the_one_on_path_is_taken(machine: Machine) -> None:
    binary = asterisk_of(machine, "20.9.3")

    found = install(machine.settings, machine.said.append)

    assert found.command == (str(binary),)
    assert found.version == (20, 9)
    assert found.has_module("chan_pjsip")
    assert not found.has_module("chan_sip")
    assert machine.calls() == ""


def test_a_certified_one_is_as_good(machine: Machine) -> None:
    asterisk_of(machine, "certified-20.7-cert4")

    assert require(machine.settings).version == (20, 7)


def test_one_that_is_too_old_is_none(machine: Machine) -> None:
    asterisk_of(machine, "18.10.0")

    assert find(machine.settings) is None


def test_a_configured_one_without_modules_is_refused_by_name(machine: Machine) -> None:
    binary = machine.put("my-asterisk", "#!/bin/sh\necho Asterisk 22.1.0\n")
    settings = machine.settings.model_copy(update={"binary": binary})

    with pytest.raises(Misconfigured, match=r"asterisk\.binary"):
        find(settings)


def test_without_any_it_says_how_to_get_one(machine: Machine) -> None:
    with pytest.raises(Misconfigured) as caught:
        require(machine.settings)

    assert "lianxin asterisk install" in caught.value.detail_en
    assert "lianxin asterisk install" in caught.value.detail_zh


def test_the_machines_release_is_asked_before_sid(machine: Machine) -> None:
    machine.release("ubuntu", "noble")
    source = "http://mirror.test/ubuntu/|noble|universe"
    machine.apt(
        source,
        suite="noble",
        version="20.6.0",
    )

    found = install(machine.settings, machine.said.append)

    assert found.command[0].endswith(LOADER)
    assert "mirror.test/ubuntu/ noble universe" in machine.calls()
    assert " sid " not in machine.calls()


def test_a_release_without_one_gets_sids_from_the_same_mirror(machine: Machine) -> None:
    machine.release("debian", "bookworm")
    machine.apt(
        "http://mirror.test/debian/|bookworm|main",
        "http://mirror.test/debian/|bookworm-updates|main",
        "http://other.test/tools/|stable|main",
        suite="sid",
        version="22.10.1",
    )

    found = install(machine.settings, machine.said.append)

    assert found.version == (22, 10)
    assert "http://mirror.test/debian/ sid main" in machine.calls()
    assert "other.test" not in machine.calls().replace("indextargets", "")
    assert any("81.5 MB" in line for line in machine.said)
    assert not (machine.settings.cache / "apt").exists()


def test_a_second_run_fetches_nothing(machine: Machine) -> None:
    machine.release("debian", "bookworm")
    machine.apt("http://mirror.test/debian/|bookworm|main", suite="sid", version="22.10.1")
    install(machine.settings, machine.said.append)
    before = machine.calls()

    install(machine.settings, machine.said.append)

    assert machine.calls() == before


def test_an_interrupted_installation_is_not_taken_for_one_and_is_mended(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.release("debian", "bookworm")
    machine.apt("http://mirror.test/debian/|bookworm|main", suite="sid", version="22.10.1")
    monkeypatch.setenv("BROKEN", "yes")
    with pytest.raises(Misconfigured, match="no space left"):
        install(machine.settings, machine.said.append)
    left = machine.settings.cache / "tree" / "half"
    left.touch()
    assert find(machine.settings) is None

    monkeypatch.delenv("BROKEN")
    found = install(machine.settings, machine.said.append)

    assert found.version == (22, 10)
    assert not left.exists()


@pytest.mark.parametrize(
    ("distribution", "suite", "version"),
    [("ubuntu", "sid", "22.10.1"), ("debian", "sid", "18.1.0"), ("debian", "none", "22.1.0")],
)
def test_where_none_can_be_had_it_says_what_is_left_out_and_what_to_do(
    machine: Machine, distribution: str, suite: str, version: str
) -> None:
    machine.release(distribution, "jammy")
    machine.apt("http://mirror.test/x/|jammy|main", suite=suite, version=version)

    with pytest.raises(Misconfigured) as caught:
        install(machine.settings, machine.said.append)

    assert "Everything but telephony runs" in caught.value.detail_en
    assert "除电话外" in caught.value.detail_zh


def test_a_machine_without_apt_is_told_so(machine: Machine) -> None:
    with pytest.raises(Misconfigured, match="no apt-get"):
        install(machine.settings, machine.said.append)


def test_no_mirror_is_named_in_our_files() -> None:
    package = Path(__file__).parents[4] / "telephony"
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]

    assert len(texts) > 20
    assert not [text for text in texts if "debian.org" in text or "ubuntu.com" in text]
