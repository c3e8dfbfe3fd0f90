"""Settings of the simulated public telephone network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from telephony.asterisk.settings import Address, PbxSettings, PlainPath, Port


class PhoneNetworkSettings(PbxSettings):
    """The second Asterisk, which plays the carrier and its subscribers in demo and tests."""

    home: PlainPath = Field(
        default=Path("var/phone-network"),
        description="Folder of the network's Asterisk: its files, state, console socket, log and record of calls.",
        validate_default=True,
    )
    sip_address: Address = Field(
        default="127.0.0.2", description="IPv4 address on which the network serves SIP and RTP."
    )
    sip_port: Port = Field(default=5060, description="UDP port of SIP.")
    ami_port: Port = Field(default=5039, description="TCP port of the network's own AMI.")
    rtp_start: Port = Field(default=12000, description="First UDP port of the range for speech.")
    rtp_end: Port = Field(default=12999, description="Last UDP port of that range.")
    hotline_address: Address = Field(
        default="127.0.0.1", description="IPv4 address of the hotline's Asterisk."
    )
    hotline_port: Port = Field(default=5060, description="UDP port of the hotline's SIP.")
    hotline_number: Annotated[str, Field(pattern=r"^\d{3,15}$")] = Field(
        default="12345", description="The number under which citizens reach the hotline."
    )
    question_silence_ms: int = Field(
        default=1000,
        ge=200,
        le=5000,
        description="Silence after which a simulated citizen takes a question to be over and presses.",
    )

    @property
    def record(self) -> Path:
        """JSON lines: every call the network saw, one line for each thing that happened to it."""
        return self.home / "calls.jsonl"
