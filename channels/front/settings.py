"""What an installation can set for the providers' webhooks."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FrontSettings(BaseModel):
    """The endpoint `/channels/…` that providers post to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_minute: int = Field(
        default=60_000,
        ge=1,
        description="How many deliveries a minute one address may send; a provider sends all of its own from a few.",
    )
    answer_seconds: float = Field(
        default=4.5,
        gt=0,
        le=60,
        description="A delivery that is not on disk after this time is answered 503, and the provider sends it again. "
        "WeChat waits for 5 seconds.",
    )
    kept_bytes: int = Field(
        default=4_194_304,
        ge=0,
        le=4_194_304,
        description="How much of a delivery is kept that could not be understood; of which less is kept than came, "
        "that cannot be tried again.",
    )
    kept_bytes_together: int = Field(
        default=67_108_864,
        ge=0,
        description="How much of such deliveries of one channel is kept at once; further ones are only counted.",
    )
    kept_most: int = Field(
        default=1_000,
        ge=0,
        description="How many such deliveries of one channel are kept at once; further ones are only counted.",
    )
    kept_days: int = Field(default=30, ge=1, description="How long such a delivery is kept.")
