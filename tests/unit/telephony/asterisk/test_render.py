from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony.asterisk.install import Installation
from telephony.asterisk.prompts import PROMPTS
from telephony.asterisk.render import HOTLINE_MODULES, SPEECH_MODULES, render
from telephony.asterisk.settings import AsteriskSettings
from telephony.dialer.rules import VALID_KEYS, Result
from telephony.phone_network.render import SOUNDS
from telephony.phone_network.render import render as render_network
from telephony.phone_network.settings import PhoneNetworkSettings


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "codec_opus_open_source.so").touch()
    return Installation(command=("asterisk",), version=(22, 10), modules=modules)


@pytest.fixture
def settings(tmp_path: Path) -> AsteriskSettings:
    return AsteriskSettings(
        home=tmp_path / "h",
        sip_port=15060,
        http_port=18088,
        ami_port=15038,
        trunk_port=25060,
        hotline_number="96111",
        ami_secret=SecretStr("s3cret"),
    )


def read(settings: AsteriskSettings, name: str) -> str:
    return (settings.home / "etc" / name).read_text(encoding="utf-8")


def test_settings_arrive_in_the_files(
    settings: AsteriskSettings, installation: Installation
) -> None:
    conf = render(settings, installation)

    assert conf == settings.home / "etc" / "asterisk.conf"
    assert f"astrundir => {settings.home}/run" in read(settings, "asterisk.conf")
    assert "bind = 127.0.0.1:15060" in read(settings, "pjsip.conf")
    assert "contact = sip:127.0.0.2:25060" in read(settings, "pjsip.conf")
    assert "bindport = 18088" in read(settings, "http.conf")
    assert "port = 15038" in read(settings, "manager.conf")
    assert "secret = s3cret" in read(settings, "manager.conf")
    assert "exten => 96111,1," in read(settings, "extensions.conf")


def test_the_files_are_for_the_owner_only(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)

    modes = {path.name: path.stat().st_mode & 0o077 for path in (settings.home / "etc").iterdir()}
    assert modes == dict.fromkeys(modes, 0)


def test_rendering_again_takes_away_the_files_of_an_older_version(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)
    old = settings.home / "etc" / "sip.conf"
    old.write_text("[general]\n")

    render(settings, installation)

    assert not old.exists()


def test_a_secret_is_made_once_and_kept(tmp_path: Path, installation: Installation) -> None:
    settings = AsteriskSettings(home=tmp_path / "h")
    render(settings, installation)
    first = read(settings, "manager.conf")

    render(settings, installation)

    assert read(settings, "manager.conf") == first
    secret = settings.home / "ami.secret"
    assert len(secret.read_text()) == 48
    assert secret.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ((22, 10), "eventfilter(action(exclude),name(VarSet)) ="),
        ((20, 6), "eventfilter = !Event: VarSet"),
    ],
)
def test_event_filters_are_written_as_the_version_reads_them(
    settings: AsteriskSettings, installation: Installation, version: tuple[int, int], line: str
) -> None:
    other = Installation(
        command=installation.command, version=version, modules=installation.modules
    )
    render(settings, other)

    assert line in read(settings, "manager.conf").splitlines()


def test_the_opus_codec_that_is_there_is_loaded(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)

    loaded = re.findall(r"^load = (\w+)\.so$", read(settings, "modules.conf"), re.MULTILINE)
    assert [name for name in loaded if "opus" in name] == [
        "res_format_attr_opus",
        "codec_opus_open_source",
    ]
    assert len(loaded) == len(set(loaded)) == len(SPEECH_MODULES) + len(HOTLINE_MODULES) + 1


def test_every_prompt_that_is_played_is_in_the_table_and_the_other_way_round(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)

    dialplan = read(settings, "extensions.conf")
    played = set(re.findall(r"\$\{PROMPTS\}/([a-z-]+)", dialplan))
    played |= {
        re.sub(r".*/", "", path)
        for path in re.findall(r"periodic-announce = (\S+)", read(settings, "queues.conf"))
    }
    played = (played - {"tone", "survey-"}) | {f"survey-{question}" for question in VALID_KEYS}
    assert played == {prompt.name for prompt in PROMPTS}


def test_the_dialplan_knows_the_dialers_questions_keys_and_results(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)

    dialplan = read(settings, "extensions.conf")
    for line in ("KEYS_contacted = 12", "KEYS_solved = 123", "KEYS_satisfied = 12345"):
        assert line in dialplan.splitlines()
    told = set(re.findall(r"LX_RESULT=(\w+)", dialplan))
    # Nobody is rung for a rating in writing.
    assert told == {result.value for result in Result} - {Result.in_writing}


def test_every_context_that_is_gone_to_exists(
    settings: AsteriskSettings, installation: Installation
) -> None:
    render(settings, installation)

    dialplan = read(settings, "extensions.conf")
    contexts = set(re.findall(r"^\[([a-z-]+)\]", dialplan, re.MULTILINE))
    called = set(re.findall(r"(?:Goto|Gosub|[GU])\(([a-z-]+)[,^)]", dialplan))
    called |= set(re.findall(r"hangup_handler_push\)=([a-z-]+),", dialplan))
    labels = set(re.findall(r"n\((\w+)\)", dialplan))
    assert called - labels <= contexts


def test_the_network_has_all_nine_kinds_of_citizen_and_their_voices(
    tmp_path: Path, installation: Installation
) -> None:
    settings = PhoneNetworkSettings(home=tmp_path / "n")
    render_network(settings, installation)

    dialplan = (settings.home / "etc" / "extensions.conf").read_text(encoding="utf-8")
    kinds = re.findall(r"^exten => _138000(\d)XXXX,1", dialplan, re.MULTILINE)
    assert kinds == [str(kind) for kind in range(1, 10)]
    sounds = set(re.findall(r"\$\{SOUNDS\}/([a-z-]+)", dialplan)) - {"tone"}
    assert sounds == {sound.name for sound in SOUNDS}
    assert all((settings.home / "sounds" / f"{name}.wav").exists() for name in sounds)
