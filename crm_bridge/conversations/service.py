"""Use cases of conversations; each is one transaction."""

from __future__ import annotations

from channels.contacts.rules import Contact
from crm_bridge.conversations.hearing import Heard, Hearing
from infra.kit.group_commit import Writing


class Conversations:
    """What citizens and agents say to each other.

    Args:
        hearing: Takes in what citizens write.
    """

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing

    def heard(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> Heard:
        """Write a citizen's message into its conversation; see `Hearing.heard`."""
        return self._hearing.heard(writing, contact_id, contact, citizen_id)
