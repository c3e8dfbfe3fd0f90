"""Citizens who pick up their telephone and call somebody."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from telephony.phone_network.link import connect
from telephony.phone_network.settings import PhoneNetworkSettings

RING_SECONDS = 75.0
"""A call is answered or given up within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a citizen's call ended.

    Attributes:
        call_id: Its id in the network's record.
        answered: Whether anybody answered, were it only the queue.
        cause: Q.850 cause, 16 being an ordinary hang-up.
    """

    call_id: str
    answered: bool
    cause: int


async def call(
    settings: PhoneNetworkSettings,
    caller: str,
    called: str,
    *,
    stay_seconds: int = 20,
    press: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Ending:
    """A citizen calls, talks while he is on the line, and hangs up.

    Args:
        settings: The network to call through; it must be running.
        caller: The citizen's number.
        called: The number he dials.
        stay_seconds: How long he stays on the line after it was answered, waiting in a queue included.
        press: Keys that he presses a second after the answer; `w` is a pause of half a second.
        say: Told when it is answered.

    Returns:
        How it ended, once it has.

    Raises:
        TryLater: The network does not run, or went away.
        Invalid: A number or key holds control characters.
    """
    call_id = secrets.token_hex(8)
    variables = {
        "ID": call_id,
        "FROM": caller,
        "TO": called,
        "STAY": str(stay_seconds),
        "PRESS": press,
    }
    async with connect(settings) as link:
        await link.act(
            "Originate",
            {
                "Channel": "Local/place@citizens/n",
                "Application": "Wait",
                "Data": "1",
                "Async": "true",
                "Variable": [f"{name}={value}" for name, value in variables.items()],
            },
        )
        answered = False
        seconds = RING_SECONDS
        while True:
            event = await link.event("UserEvent", seconds=seconds, UserEvent="Citizen", Id=call_id)
            if event["What"] == "answered":
                say("接通 / answered")
                answered, seconds = True, stay_seconds + 10.0
            elif event["What"] in {"ended", "unanswered"}:
                return Ending(
                    call_id=call_id, answered=answered, cause=int(event.get("Cause") or 0)
                )
