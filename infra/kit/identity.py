"""Who is asking: the principal that every use case is handed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.kit.errors import Forbidden


class Role(StrEnum):
    """What a person is to the hotline."""

    AGENT = "agent"
    LEAD = "lead"
    DISPATCHER = "dispatcher"
    ANALYST = "analyst"
    UNIT_CLERK = "unit_clerk"
    UNIT_HEAD = "unit_head"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    MACHINE = "machine"
    """Another system that comes with a bearer key; what it may do is what the key names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person who has logged in, and what he may do.

    Attributes:
        user_id: Row of the account.
        number: The staff number (工号), e.g. `1001`.
        name: Shown to colleagues.
        role: What the person is.
        permissions: Slugs such as `ticket.write`.
        unit: Code of the unit (承办单位) that the person works for; None for the hotline and the centre.
    """

    user_id: int
    number: str
    name: str
    role: Role
    permissions: frozenset[str]
    unit: str | None = None

    def may(self, permission: str) -> bool:
        """Return whether the person has this permission."""
        return permission in self.permissions

    def require(self, *permissions: str) -> None:
        """Return if the person has this permission, or one of these.

        Raises:
            Forbidden: He has not.
        """
        if not any(self.may(permission) for permission in permissions):
            raise Forbidden(
                f"needs the permission {' or '.join(permissions)}",
                f"需要权限 {' 或 '.join(permissions)}",
            )

    def __str__(self) -> str:
        return self.number
