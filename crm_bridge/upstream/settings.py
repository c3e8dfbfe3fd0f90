"""What an installation can set for sharing tickets with other systems."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from crm_bridge.upstream.lianxin import LianxinSettings


class UpstreamSection(BaseModel):
    """Tickets shared with the system of another city or province."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    own_name: str = Field(
        default="lianxin",
        min_length=1,
        max_length=40,
        description="What this installation calls itself; part of the keys of tickets that it passes on. "
        "Never change it while tickets are shared.",
    )
    systems: tuple[LianxinSettings, ...] = Field(
        default=(),
        description="Systems that this one asks and tells by itself, each with kind, name, url and key, e.g. "
        '[{ kind = "lianxin", name = "province", url = "https://12345.example.gov.cn", key = "lx_…" }].',
    )
    share_numbers: bool = Field(
        default=False,
        description="Hand over the citizen's number with a ticket that is passed on, unless it hides its citizen.",
    )
    look_seconds: float = Field(
        default=10.0, gt=0, description="How often the other systems are asked what is new."
    )
