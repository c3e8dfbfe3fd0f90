"""What an installation can set for citizens' identities."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crm_bridge.citizens.rules import AREA_CODE


class CitizenSettings(BaseModel):
    """When two known citizens are suggested to be one person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    area_code: str = Field(
        default="",
        description="The city's area code with its 0, e.g. 0571: a landline with and without it is then known as the "
        "same. Empty: they are two numbers.",
    )
    look_seconds: float = Field(
        default=5, gt=0, description="How often new contacts are looked through for such citizens."
    )

    @field_validator("area_code")
    @classmethod
    def _is_an_area_code(cls, value: str) -> str:
        if value and not AREA_CODE.fullmatch(value):
            raise ValueError(f"{value!r} is no area code such as 010 or 0571 不是有效的区号")
        return value
