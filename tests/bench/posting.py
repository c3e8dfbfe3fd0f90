"""A message as it is posted to an installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from channels.protocol import Channel, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One message as its provider posts it."""

    external_id: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


MakeMessage = Callable[[int], Posted]
"""Makes the message with a number; numbers below zero are for what comes before."""


def posted(channel: Channel[Any], delivery: Delivery) -> Posted:
    """Return a delivery as it is posted; what the channel makes of it tells by what it is known."""
    (contact,) = channel.parse(delivery)
    query = urlencode({name: values[0] for name, values in delivery.query.items()})
    path = f"/channels/{channel.name}"
    path += f"/{delivery.path}" if delivery.path else ""
    return Posted(
        external_id=contact.external_id,
        path=f"{path}?{query}" if query else path,
        headers=delivery.headers,
        body=delivery.body,
    )
