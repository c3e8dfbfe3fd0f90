"""Asterisk's files, rendered from templates and settings into a folder of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jinja2

from telephony.asterisk.credentials import ami_secret
from telephony.asterisk.install import Installation
from telephony.asterisk.settings import AsteriskSettings, PbxSettings
from telephony.dialer.rules import VALID_KEYS

FOLDERS = ("etc", "lib/keys", "run", "spool", "log")
"""What lies in the home of an Asterisk: its files, its state, its console socket, its spool and its log."""

SPEECH_MODULES = (
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_rtp_asterisk",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_pubsub",
    "res_pjsip_authenticator_digest",
    "res_pjsip_sdp_rtp",
    "res_pjsip_caller_id",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_rfc3326",
    "res_pjsip_dlg_options",
    "chan_pjsip",
    "bridge_simple",
    "bridge_native_rtp",
    "bridge_softmix",
    "codec_alaw",
    "codec_ulaw",
    "codec_resample",
    "format_wav",
    "pbx_config",
    "app_dial",
    "app_exec",
    "app_playback",
    "app_senddtmf",
    "app_stack",
    "app_userevent",
    "app_waitforsilence",
    "func_callerid",
    "func_channel",
    "func_db",
    "func_global",
    "func_hangupcause",
    "func_logic",
    "func_strings",
)
"""Both Asterisks speak SIP on a trunk and play sounds; order does not matter, Asterisk sorts by dependency."""

HOTLINE_MODULES = (
    "res_crypto",
    "res_srtp",
    "res_http_websocket",
    "res_pjsip_transport_websocket",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_registrar",
    "res_pjsip_nat",
    "res_pjsip_dtmf_info",
    "res_pjsip_refer",
    "res_format_attr_opus",
    "res_musiconhold",
    "app_queue",
    "app_amd",
    "app_bridgeaddchan",
    "app_db",
    "app_mixmonitor",
    "app_read",
    "app_record",
    "func_lock",
)

OPUS_CODECS = ("codec_opus", "codec_opus_open_source")
"""Digium's binary, and Debian's; whichever is there lets browsers speak Opus to a trunk that speaks G.711."""

UNWANTED_EVENTS = (
    "RTCPSent",
    "RTCPReceived",
    "VarSet",
    "Newexten",
    "TestEvent",
    "ChallengeSent",
    "ChallengeResponseFailed",
    "SuccessfulAuth",
    "MixMonitorStart",
    "MixMonitorStop",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "DialState",
    "NewConnectedLine",
)
"""Nobody listens to these, and there are many: they are dropped where they arise."""


def render(settings: AsteriskSettings, installation: Installation) -> Path:
    """Renders the hotline's whole configuration.

    Args:
        settings: The `asterisk` section.
        installation: The Asterisk that will read it.

    Returns:
        The path of `asterisk.conf`, to be given to Asterisk with `-C`.
    """
    questions = {question.value: "".join(map(str, keys)) for question, keys in VALID_KEYS.items()}
    opus = [name for name in OPUS_CODECS if installation.has_module(name)]
    return write(
        settings,
        installation,
        name="lianxin",
        templates=("telephony.asterisk", "hotline"),
        modules=[*SPEECH_MODULES, *HOTLINE_MODULES, *opus[:1]],
        more={"questions": questions, "prompts": settings.prompts},
    )


def write(
    settings: PbxSettings,
    installation: Installation,
    *,
    name: str,
    templates: tuple[str, str],
    modules: Sequence[str],
    more: Mapping[str, object],
) -> Path:
    """Renders the files that every Asterisk of ours has, and those of one package's template folder.

    Args:
        settings: Its fields are the variables of the templates.
        installation: The Asterisk that will read the files.
        name: Its system name, which is also the prefix of its unique ids.
        templates: The package and the folder below its `templates` that hold the files of this Asterisk.
        modules: The modules to load, without `.so`.
        more: Further variables.

    Returns:
        The path of `asterisk.conf`.
    """
    for folder in FOLDERS:
        (settings.home / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    variables = {
        **{field: getattr(settings, field) for field in type(settings).model_fields},
        "ami_secret": ami_secret(settings),
        "name": name,
        "modules": modules,
        "modules_dir": installation.modules,
        "share_dir": installation.share,
        "version": installation.version,
        "unwanted_events": UNWANTED_EVENTS,
        **more,
    }
    package, folder = templates
    rendered = {
        **_files("telephony.asterisk", "pbx", variables),
        **_files(package, folder, variables),
    }
    _write_all(settings.home / "etc", rendered)
    return settings.home / "etc" / "asterisk.conf"


def _files(package: str, folder: str, variables: Mapping[str, object]) -> dict[str, str]:
    """Every template of one folder, rendered, by file name."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - not HTML; the settings refuse every character that means something here
    )
    return {
        template.removeprefix(f"{folder}/"): environment.get_template(template).render(variables)
        for template in environment.list_templates()
        if template.startswith(f"{folder}/")
    }


def _write_all(folder: Path, rendered: Mapping[str, str]) -> None:
    """Writes the files and takes away those of an earlier version; they hold a password: owner only."""
    for stale in _stale(folder, rendered):
        stale.unlink()
    for name, text in rendered.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def _stale(folder: Path, rendered: Iterable[str]) -> list[Path]:
    keep = set(rendered)
    return [path for path in folder.glob("*.conf") if path.name not in keep]
