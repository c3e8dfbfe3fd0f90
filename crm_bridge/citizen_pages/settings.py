"""What a city can set for its citizen pages."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CitizenPageSettings(BaseModel):
    """The citizen pages under /citizen/: report, progress, rating."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Whether citizens may use the pages.")
    letters: bool = Field(
        default=True, description="Whether letters to the mayor can be written on the pages."
    )
    work_bits: int = Field(
        default=16,
        ge=1,
        le=24,
        description="How hard the proof of work is that keeps robots from filling the pages: so many bits; each "
        "one more doubles the work. 16 take a cheap telephone about a second.",
    )
    work_bits_most: int = Field(
        default=21,
        ge=1,
        le=26,
        description="How hard it gets at most for an address from which very much comes.",
    )
    free_per_hour: int = Field(
        default=20,
        ge=1,
        description="How much one address may ask for in an hour before the work grows harder; many telephones "
        "of one carrier share an address.",
    )
    requests_per_minute: int = Field(
        default=240, ge=1, description="How many requests a minute one address may make."
    )
    reports_per_address: int = Field(
        default=120, ge=1, description="How many reports an hour are taken from one address."
    )
    reports_per_phone: int = Field(
        default=10, ge=1, description="How many reports a day are taken from one telephone number."
    )
    lookups_per_address: int = Field(
        default=240, ge=1, description="How often an hour one address may ask for progress."
    )
    misses_per_address: int = Field(
        default=20,
        ge=1,
        description="How many wrong numbers an hour one address may try before it has to wait.",
    )
    lookups_per_phone: int = Field(
        default=60, ge=1, description="How often a day may be asked with one telephone number."
    )
    codes_per_address: int = Field(
        default=20,
        ge=1,
        description="How many codes by short message an hour one address may ask for.",
    )
    files: int = Field(default=9, ge=0, le=9, description="How many files a report may have.")
    part_kilobytes: int = Field(
        default=256,
        ge=16,
        le=768,
        description="In pieces of which size a file is sent; a lost network costs one of them.",
    )
    upload_megabytes_per_address: int = Field(
        default=600, ge=1, description="How much one address may send in an hour."
    )
    upload_hours: int = Field(
        default=24, ge=1, le=168, description="How long a file that was begun can be gone on with."
    )
    link_days: int = Field(
        default=60, ge=1, description="How long a link to a matter, e.g. to rate it, opens it."
    )
