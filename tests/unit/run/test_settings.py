from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from infra.kit.errors import Misconfigured
from infra.run.example import render
from infra.run.settings import load

EXAMPLE = Path(__file__).parents[3] / "lianxin.example.toml"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_file_the_defaults_hold() -> None:
    assert load().server.port == 8080


def test_the_environment_is_stronger_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("lianxin.toml").write_text('[server]\nport = 9000\nhost = "127.0.0.9"\n')
    monkeypatch.setenv("LIANXIN_SERVER__PORT", "9001")
    settings = load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.9", 9001)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[server]\nprot = 1\n", "server.prot"),
        ("[sever]\nport = 1\n", "sever"),
        ("[server]\nport = 'x'\n", "server.port"),
        ("[server]\nport = 70000\n", "server.port"),
        ("[city]\ntimezone = 'Asia/Linjiang'\n", "city.timezone"),
        ("[server]\ntrusted_proxies = ['proxy']\n", "server.trusted_proxies"),
        ("[asterisk]\nami_user = 'a;b'\n", "asterisk.ami_user"),
        ("[asterisk]\nhotline_number = '1\\r\\n2'\n", "asterisk.hotline_number"),
    ],
)
def test_an_unknown_or_wrong_setting_in_the_file_is_named(toml: str, named: str) -> None:
    Path("lianxin.toml").write_text(toml)
    with pytest.raises(Misconfigured) as refused:
        load()
    assert named in refused.value.detail_en
    assert named in refused.value.detail_zh


@pytest.mark.parametrize(
    ("variable", "named"),
    [
        ("LIANXIN_SERVER__PROT", "server.prot"),
        ("LIANXIN_SEVER__PORT", "sever.port"),
        ("LIANXIN_PORT", "port"),
    ],
)
def test_an_unknown_setting_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, named: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(Misconfigured, match=named):
        load()


def test_the_citys_time_zone_is_that_of_recordings_unless_they_have_their_own() -> None:
    Path("lianxin.toml").write_text('[city]\ntimezone = "Asia/Urumqi"\n')
    assert load().asterisk.timezone == "Asia/Urumqi"
    Path("lianxin.toml").write_text(
        '[city]\ntimezone = "Asia/Urumqi"\n[asterisk]\nhome = "/tmp/pbx"\ntimezone = "UTC"\nsip_port = 5070\n'
    )
    settings = load()
    assert (settings.city.timezone, settings.asterisk.timezone) == ("Asia/Urumqi", "UTC")
    assert settings.asterisk.sip_port == 5070


def test_trusted_proxies_are_addresses_or_networks() -> None:
    Path("lianxin.toml").write_text(
        '[server]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/24", "::1"]\n'
    )
    assert [str(network) for network in load().server.trusted_proxies] == [
        "127.0.0.1/32",
        "10.0.0.0/24",
        "::1/128",
    ]


def test_a_named_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.toml"):
        load(tmp_path / "none.toml")


def test_a_file_that_is_no_toml_is_said() -> None:
    Path("lianxin.toml").write_text("[server\n")
    with pytest.raises(Misconfigured, match="not TOML"):
        load()


def test_the_example_file_holds_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(EXAMPLE.parent)
    example = EXAMPLE.read_text()
    assert example == render(), "run `make docs`"
    live = "\n".join(line.removeprefix("#") for line in example.splitlines() if line[:2] != "# ")
    sections = tomllib.loads(live)
    assert set(sections) == set(type(load()).model_fields)
