"""Callbacks ordered, and AstDB read, without the code that does so in the product."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from telephony.phone_network.link import ManagerLink

Records = dict[str, dict[str, str]]


async def order_callback(
    link: ManagerLink, attempt: str, number: str, *, valid_for: int = 60, ring: int = 3
) -> None:
    variables = {
        "__LX_ATTEMPT": attempt,
        "__LX_NUMBER": number,
        "__LX_QUESTIONS": "contacted-solved-satisfied",
        "__LX_UNTIL": str(int(time.time()) + valid_for),
        "__LX_RING": str(ring),
    }
    answer = await link.act(
        "Originate",
        {
            "Channel": "Local/dial@lianxin-callback/n",
            "Application": "Wait",
            "Data": "1",
            "Async": "true",
            "Timeout": "60000",
            "Variable": [f"{name}={value}" for name, value in variables.items()],
        },
    )
    assert answer["Response"] == "Success"


async def ended(link: ManagerLink, attempt: str, seconds: float = 50) -> Mapping[str, str]:
    return await link.event(
        "UserEvent", seconds=seconds, UserEvent="LianxinAttempt", Attempt=attempt, State="ended"
    )


async def mailbox(link: ManagerLink, family: str = "lianxin") -> Records:
    """Everything below a family: key without the family → fields."""
    answer = await link.act("DBGetTree", {"Family": family})
    records: Records = {}
    if answer["Response"] != "Success":
        return records
    while True:
        event = await link.event(
            "DBGetTreeResponse", "DBGetTreeComplete", seconds=5, ActionID=answer["ActionID"]
        )
        if event["Event"] == "DBGetTreeComplete":
            return records
        key = event["Key"].removeprefix(f"/{family}/")
        records[key] = dict(parse_qsl(event["Val"], keep_blank_values=True))
