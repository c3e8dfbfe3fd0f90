"""What an installation can set for the police-110 platform."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from channels.protocol import ChannelSettings

HEX_64 = r"^([0-9A-Fa-f]{64})?$"
HEX_128 = r"^((04)?[0-9A-Fa-f]{128})?$"
SHORTEST_SECRET = 16


class SignatureMethod(StrEnum):
    """How messages are signed, in the words of the header `X-Signature-Method`."""

    hmac_sha256 = "HMAC-SHA256"
    hmac_sm3 = "HMAC-SM3"
    sm2_sm3 = "SM2-SM3"


class Police110Settings(ChannelSettings):
    """The police-110 platform: matters there and back as data, and as a call of three."""

    enabled: bool = Field(
        default=False, description="Whether matters are exchanged with the 110 platform."
    )
    url: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = Field(
        default="",
        description="Address of the 110 platform to which our messages are posted.",
    )
    own_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")] = Field(
        default="12345", description="What the 110 platform knows us by (X-Platform)."
    )
    platform_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")] = Field(
        default="110",
        description="What the 110 platform signs as (X-Platform), and the platform that tickets are passed on to.",
    )
    method: SignatureMethod = Field(
        default=SignatureMethod.hmac_sha256,
        description="How both sides sign: HMAC-SHA256, HMAC-SM3 or SM2-SM3.",
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="The shared secret of HMAC, at least 16 characters.",
    )
    sm2_private_key: SecretStr = Field(
        default=SecretStr(""),
        description="Our SM2 private key, 64 hexadecimal digits; for SM2-SM3.",
    )
    sm2_public_key: Annotated[str, Field(pattern=HEX_128)] = Field(
        default="",
        description="The 110 platform's SM2 public key, 128 hexadecimal digits (130 with 04); for SM2-SM3.",
    )
    window_seconds: int = Field(
        default=300, ge=10, le=3600, description="How old or early a signed message may be."
    )
    timeout_seconds: float = Field(
        default=8.0, gt=0, le=60, description="How long the 110 platform may take to answer."
    )
    give_up_hours: float = Field(
        default=24.0,
        gt=0,
        le=720,
        description="How long a message is tried before a person is asked to look.",
    )
    number: Annotated[str, Field(pattern=r"^[0-9]{3,15}$")] = Field(
        default="110", description="Number that is rung for a call of three."
    )
    ring_seconds: int = Field(
        default=45, ge=5, le=120, description="How long 110 is rung for a call of three."
    )

    @model_validator(mode="after")
    def _keys_for_the_method(self) -> Self:
        if not self.enabled:
            return self
        if self.method is SignatureMethod.sm2_sm3:
            if len(self.sm2_private_key.get_secret_value()) != 64 or not self.sm2_public_key:
                raise ValueError(
                    "SM2-SM3 needs sm2_private_key (64 hexadecimal digits) and sm2_public_key; "
                    "SM2-SM3 方式须填写 sm2_private_key（64 位十六进制）和 sm2_public_key"
                )
        elif len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"HMAC needs a secret of at least {SHORTEST_SECRET} characters; "
                f"HMAC 方式的 secret 至少 {SHORTEST_SECRET} 个字符"
            )
        return self
