"""The Open311 channel: a service request that is posted is a contact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from channels.contacts.rules import Contact, Received
from channels.open311.rules import CHANNEL, SCOPE, Note, Report, contact_of
from channels.protocol import Acknowledgement, CannotReply, ChannelSettings, Mode, Reply, Sent
from infra.kit.errors import NotAuthenticated


class Open311Settings(ChannelSettings):
    """Open311 GeoReport v2, for apps and sites on which citizens report."""

    jurisdiction_id: str = Field(
        default="", description="The city's jurisdiction_id; empty: whatever is sent is taken."
    )
    contact: str = Field(
        default="12345", description="Where developers ask for more; shown by service discovery."
    )
    key_service: str = Field(
        default="请向 12345 热线管理员申请密钥 / ask the hotline's administrator for a key",
        description="How to get a key; shown by service discovery.",
    )
    english: bool = Field(
        default=False, description="Show names of services in English instead of Chinese."
    )
    hidden_categories: tuple[str, ...] = Field(
        default=("9099",),
        description="Codes of categories, with all below them, that are no public services.",
    )
    publish_texts: bool = Field(
        default=False,
        description="Show everybody what citizens wrote and were answered. "
        "Off: the name of the service, and the state in words.",
    )
    publish_addresses: bool = Field(
        default=False,
        description="Show everybody the address that was typed; the place on the map is shown anyway.",
    )
    per_minute: int = Field(
        default=240, ge=1, description="How many requests a minute one address may make."
    )


class Open311Channel:
    """Makes contacts of service requests."""

    name: ClassVar[str] = CHANNEL
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = Open311Settings

    def verify(self, raw: Report | Note) -> None:
        """Return if it came with a key that may report.

        Raises:
            NotAuthenticated: It did not.
        """
        if raw.sender is None or not raw.sender.may(SCOPE):
            raise NotAuthenticated(
                "missing or invalid api_key: ask for a key that may report",
                "缺少 api_key 或其无效，请申请可用于上报的密钥",
            )

    def parse(self, raw: Report | Note) -> Sequence[Contact]:
        """Return the contact of a report, and none of a note on one.

        Raises:
            Invalid: Fields are missing or wrong.
        """
        return (contact_of(raw),) if isinstance(raw, Report) else ()

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return the ids of the requests that were made, as JSON."""
        body = [{"service_request_id": one.ticket_number} for one in received]
        return Acknowledgement(
            status=200, content_type="application/json", body=json.dumps(body).encode()
        )

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: whoever reported reads the request's state and its updates.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply(
            "an Open311 client reads the request's updates by itself",
            "Open311 客户端会自行读取工单进展，不能直接回复",
        )
