"""What stops a start says which setting it is, in both languages, and ends with 1."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.hotline import asterisk_section
from tests.installation import Installation
from tests.integration import pbx


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for Asterisk's console socket."""
    folder = Path(tempfile.mkdtemp(prefix="lx-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def refusal(folder: Path, sections: dict[str, dict[str, Any]]) -> tuple[int | None, str]:
    """The exit code of a start, and what it said."""
    installation = Installation(folder, sections)
    try:
        with pytest.raises(RuntimeError, match="ended at its start"):
            await installation.start(ready=False)
        assert installation.process is not None
        return installation.process.returncode, installation.log()
    finally:
        installation.stop()


def said(output: str) -> list[str]:
    """The lines that are for a person."""
    return [line for line in output.splitlines() if line.startswith("✗")]


async def test_taken_http_port_names_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sections = {"telephony": {"enabled": False}, "server": {"port": port}}
        code, output = await refusal(tmp_path, sections)

    assert code == 1
    chinese, english = said(output)
    assert "server.port" in chinese
    assert "占用" in chinese
    assert "server.port" in english
    assert str(port) in english


@pytest.mark.asterisk
@pytest.mark.parametrize(
    ("key", "kind"),
    [("sip_port", socket.SOCK_DGRAM), ("ami_port", socket.SOCK_STREAM)],
)
async def test_taken_telephone_port_names_its_setting(
    short_folder: Path, key: str, kind: socket.SocketKind
) -> None:
    pbx.installed()
    hotline, _network = pbx.settings_in(short_folder)
    pbx.make_short_prompts(hotline.prompts)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        sections = {"asterisk": asterisk_section(hotline, **{key: port})}
        code, output = await refusal(short_folder, sections)

    assert code == 1
    chinese, english = said(output)
    assert f"asterisk.{key}" in chinese
    assert "占用" in chinese
    assert f"asterisk.{key}" in english
    assert str(port) in english


@pytest.mark.parametrize(
    ("sections", "name"),
    [
        ({"console": {"wrap_up_secnods": 3}}, "console.wrap_up_secnods"),
        ({"sever": {"port": 80}}, "sever"),
    ],
)
async def test_unknown_setting_stops_the_start_and_is_named(
    tmp_path: Path, sections: dict[str, dict[str, Any]], name: str
) -> None:
    code, output = await refusal(tmp_path, sections)

    assert code == 1
    chinese, english = said(output)
    assert f"没有名为 {name} 的配置项" in chinese
    assert f"there is no setting {name}" in english
