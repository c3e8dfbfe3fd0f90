"""Settings of the hotline's Asterisk.

Every value that is rendered into an Asterisk file is checked here, at the edge: Asterisk's files have no quoting, so a
`;`, a `,` or a line feed in a value would change the meaning of the line that it lands in. Such values are refused.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_MEANINGFUL = re.compile(r"[\x00-\x1f\x7f;,&|$\[\]{}()\"'`\\<>=^%#!*?]")
"""Control characters, and the characters that mean something in Asterisk's files or dialplan."""

_WORD = re.compile(r"[A-Za-z0-9_.+/-]+")

LONGEST_SOCKET_PATH = 100
"""The kernel's limit for the path of a Unix socket is 108 bytes; Asterisk's console socket lies in `<home>/run`."""


def _plain(value: str) -> str:
    found = _MEANINGFUL.search(value)
    if found:
        raise ValueError(
            f"holds the character {found.group()!r}, which means something in Asterisk's files; "
            f"含有 Asterisk 配置文件不允许的字符 {found.group()!r}，请去掉"
        )
    return value


def _plain_word(value: str) -> str:
    if not _WORD.fullmatch(_plain(value)):
        raise ValueError(
            "may hold letters, digits and _ . + / - only; 只能使用字母、数字和 _ . + / - "
        )
    return value


def _plain_path(value: Path) -> Path:
    _plain(str(value))
    return value.absolute()


def _plain_secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        _plain_word(value.get_secret_value())
    return value


def _address(value: str) -> str:
    return str(ipaddress.IPv4Address(value))


Word = Annotated[str, AfterValidator(_plain_word)]
PlainPath = Annotated[Path, AfterValidator(_plain_path)]
Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_plain_secret)]
Port = Annotated[int, Field(ge=1, le=65535)]


class PbxSettings(BaseModel):
    """What the hotline's Asterisk and the simulated network's Asterisk both need."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: PlainPath = Field(
        description="Folder of our own in which the whole Asterisk lives: its files, state, console socket and log."
    )
    binary: PlainPath | None = Field(
        default=None,
        description="The Asterisk to run; empty: the one on PATH, else the one in `cache`.",
    )
    cache: PlainPath = Field(
        default=Path("~/.cache/lianxin/asterisk").expanduser(),
        description="Where `lianxin asterisk install` unpacks an Asterisk when the machine has none.",
    )
    sip_address: Address = Field(
        description="IPv4 address on which SIP over UDP and RTP are served."
    )
    sip_port: Port = Field(description="UDP port of SIP.")
    ami_host: Address = Field(
        default="127.0.0.1",
        description="IPv4 address of the manager interface (AMI); keep it on the loopback.",
    )
    ami_port: Port = Field(description="TCP port of the manager interface (AMI).")
    ami_user: Word = Field(default="lianxin", description="User name at the manager interface.")
    ami_secret: Secret = Field(
        default=SecretStr(""),
        description="Password at the manager interface; empty: one is made once and kept in `home`.",
    )
    rtp_start: Port = Field(description="First UDP port of the range used for speech (RTP).")
    rtp_end: Port = Field(description="Last UDP port of that range; two ports a call leg.")
    start_seconds: float = Field(
        default=30.0, gt=0, description="How long Asterisk may take to boot, in seconds."
    )
    stop_seconds: float = Field(
        default=4.0, gt=0, description="How long it may take to stop before it is killed."
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.rtp_end - self.rtp_start < 3:
            raise ValueError(
                "rtp_end must be at least 3 above rtp_start; rtp_end 至少应比 rtp_start 大 3"
            )
        if len(os.fsencode(self.home / "run" / "asterisk.ctl")) > LONGEST_SOCKET_PATH:
            raise ValueError(
                f"home is too long a path for a console socket, choose a shorter one; "
                f"home 路径过长（超过 {LONGEST_SOCKET_PATH} 字节），请换一个较短的目录"
            )
        return self


class AsteriskSettings(PbxSettings):
    """The hotline's own Asterisk: trunk, agents, queue, callbacks, recording."""

    home: PlainPath = Field(
        default=Path("var/asterisk"),
        description="Folder of our own in which the whole Asterisk lives: its files, state, console socket and log.",
        validate_default=True,
    )
    sip_address: Address = Field(
        default="127.0.0.1",
        description="IPv4 address on which SIP over UDP and RTP are served.",
    )
    sip_port: Port = Field(default=5060, description="UDP port of SIP.")
    ami_port: Port = Field(default=5038, description="TCP port of the manager interface (AMI).")
    http_port: Port = Field(
        default=8088,
        description="TCP port on the loopback of Asterisk's own SIP WebSocket (path /ws).",
    )
    rtp_start: Port = Field(default=10000, description="First UDP port of the range for speech.")
    rtp_end: Port = Field(default=10999, description="Last UDP port of that range.")
    ping_seconds: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="How often Asterisk is asked whether it is still there; one that is silent for as long is left.",
    )
    login_again_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long to wait after Asterisk has refused our login, which only a person can mend.",
    )
    trunk_address: Address = Field(
        default="127.0.0.2", description="IPv4 address of the carrier's SIP trunk."
    )
    trunk_port: Port = Field(default=5060, description="UDP port of the carrier's SIP trunk.")
    hotline_number: Annotated[str, Field(pattern=r"^\d{3,15}$")] = Field(
        default="12345", description="The number citizens dial, and the caller id of our calls."
    )
    timezone: Word = Field(
        default="Asia/Shanghai",
        description="Time zone of the dates in recordings' folder names; where it is not set, city.timezone.",
    )
    prompts_dir: PlainPath | None = Field(
        default=None,
        description="Folder of the spoken prompts; a recorded file there wins. Empty: `home`/prompts.",
    )
    recordings_dir: PlainPath = Field(
        default=Path("var/recordings"),
        description="Folder of the recordings.",
        validate_default=True,
    )
    agent_ring_seconds: int = Field(
        default=20, ge=5, le=120, description="How long one agent's phone rings before the next."
    )
    queue_wait_seconds: int = Field(
        default=900, ge=30, description="How long a caller may wait before 'all lines are busy'."
    )
    queue_announce_seconds: int = Field(
        default=30, ge=10, description="Pause between two 'please wait' announcements."
    )
    agent_dial_seconds: int = Field(
        default=60, ge=5, le=300, description="How long a number dialled by an agent rings."
    )
    key_wait_seconds: int = Field(
        default=5, ge=1, le=30, description="How long a survey waits for a key after a question."
    )
    survey_repeats: int = Field(
        default=2, ge=0, le=5, description="How often a question is asked again."
    )
    reason_seconds: int = Field(
        default=60, ge=5, le=300, description="Longest spoken reason, in seconds."
    )
    reason_silence_seconds: int = Field(
        default=3, ge=1, le=10, description="Silence that ends a spoken reason."
    )

    @property
    def prompts(self) -> Path:
        """The folder that prompts are played from."""
        return self.prompts_dir or self.home / "prompts"
