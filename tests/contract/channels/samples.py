"""What each channel is tried with. A channel that is registered without a sample fails `test_every_channel`.

A channel with a webhook of its own address `/channels/{name}` gives a `PostedSample`, and is tried with all that a
stranger or a provider may send by `test_every_webhook`, too. Each channel's sample stands in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from channels.protocol import Channel, Delivery


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a channel is tried with.

    Attributes:
        channel: The channel, set up as a city would.
        contact: One genuine delivery with at least one contact.
        something_else: One genuine delivery that is no contact.
        unknown: A genuine contact in which something is said that nobody here knows; None where everything is our own.
        unknown_value: What is said there; it must be found in the contact's `extra`.
    """

    channel: Channel[Any]
    contact: Any
    something_else: Any
    unknown: Any = None
    unknown_value: str = ""


@dataclass(frozen=True, kw_only=True)
class PostedSample(Sample):
    """What a webhook is tried with, beside that.

    Attributes:
        forged: The same contact with no signature, a wrong one, or another's.
        garbage: Rightly signed, and not to be understood: each is refused with `Invalid`.
        nested: Returns a rightly signed delivery whose body has about so many bytes, nested as deep as its format
            goes: JSON in JSON, elements in elements, parts in parts.
    """

    contact: Delivery
    something_else: Delivery
    forged: Sequence[Delivery]
    garbage: Sequence[Delivery]
    unknown: Delivery
    unknown_value: str
    nested: Callable[[int], Delivery]
