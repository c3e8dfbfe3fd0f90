"""What an administrator fills in for a subscription. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A subscription as it is asked for.

    Attributes:
        name: Who is told, for people.
        url: Where.
        types: Of what; `*` is everything.
        hidden: Whether of tickets that hide their citizen too; ids and states only, as of all others.
        active: Whether anything is sent.
    """

    name: str
    url: str
    types: Sequence[str]
    hidden: bool = False
    active: bool = True
