"""Who may see the files that came with a contact: whoever may see what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from infra.kit.identity import Principal

KIND: Final = "contact"
"""The kind of subject that such files belong to."""

SeesContact = Callable[[Principal, int], Awaitable[bool]]
"""Returns whether somebody may see something that became of a contact, e.g. one of its tickets or its conversation."""


class ContactFiles:
    """Knows who may see the files of contacts.

    Args:
        ways: Each says whether it shows somebody a contact; one is enough.
    """

    def __init__(self, *ways: SeesContact) -> None:
        self._ways = ways

    async def may_see(self, principal: Principal, subject: str) -> bool:
        """Return whether this person may see the files of a contact, named as `contact:7`."""
        contact_id = int(subject.partition(":")[2])
        for way in self._ways:
            if await way(principal, contact_id):
                return True
        return False
