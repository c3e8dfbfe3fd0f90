"""What shows whose a number is, and what opens a ticket to its citizen; and the links that are sent to citizens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_bridge.citizen_pages.rules import (
    PHONE_LIFE,
    file_of_pass,
    file_pass,
    fits_query_code,
    phone_pass,
    query_code,
    shows_phone,
    ticket_of_pass,
    ticket_pass,
)
from infra.kit.clock import Clock
from infra.kit.errors import FieldError, Forbidden
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

PAGE = "/citizen/"
FILES = "/api/v1/citizen/files/"


class PhoneNotShown(Forbidden):
    """Nobody knows whether the number is the sender's."""

    slug = "phone-not-shown"
    title_zh = "请先用短信验证码验证手机号"
    title_en = "Show first that the number is yours, by the code that is sent to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePass:
    """Shows that a number is its holder's."""

    text: str = field(repr=False)
    expires_at: datetime


class Passes:
    """Makes passes and reads them.

    Args:
        clock: Tells which have expired.
        vault: Seals them.
        ticket_life: How long a pass opens a ticket, or downloads a file.
        public_url: Under which address citizens reach the pages; empty: unknown, and links are bare paths.
    """

    def __init__(
        self, clock: Clock, vault: Vault, ticket_life: timedelta, public_url: str = ""
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._ticket_life = ticket_life
        self._public_url = public_url.rstrip("/")

    def of_phone(self, phone: PhoneNumber) -> PhonePass:
        """Return a pass for a number that was shown to be its holder's just now."""
        expires_at = self._clock.now() + PHONE_LIFE
        return PhonePass(
            text=phone_pass(phone, expires_at, self._vault.seal), expires_at=expires_at
        )

    def require_phone(self, text: str, phone: PhoneNumber) -> None:
        """Return if a pass shows that the number is its holder's.

        Raises:
            PhoneNotShown: It does not, or does not any more.
        """
        if not self.shows_phone(text, phone):
            raise PhoneNotShown(
                fields=[
                    FieldError(
                        pointer="/phone",
                        message_zh="请先获取并填写短信验证码",
                        message_en="Ask for a code and enter it first",
                    )
                ]
            )

    def shows_phone(self, text: str, phone: PhoneNumber) -> bool:
        """Return whether a pass shows that the number is its holder's."""
        return shows_phone(text, phone, self._clock.now(), self._vault.seal)

    def of_ticket(self, ticket_id: int) -> str:
        """Return what opens a ticket to whoever holds it."""
        return ticket_pass(ticket_id, self._clock.now() + self._ticket_life, self._vault.seal)

    def ticket(self, text: str) -> int:
        """Return the row of the ticket that a pass opens.

        Raises:
            PassRefused: It opens none, or does not any more.
        """
        return ticket_of_pass(text, self._clock.now(), self._vault.seal)

    def of_file(self, attachment_id: int) -> str:
        """Return what downloads a file for whoever holds it."""
        return file_pass(attachment_id, self._clock.now() + self._ticket_life, self._vault.seal)

    def file(self, text: str) -> int:
        """Return the row of the file that a pass downloads.

        Raises:
            PassRefused: It is none of ours, or has expired.
        """
        return file_of_pass(text, self._clock.now(), self._vault.seal)

    def file_path(self, attachment_id: int) -> str:
        """Return the path under which a citizen downloads a file of ours."""
        return f"{FILES}{self.of_file(attachment_id)}"

    def file_link(self, attachment_id: int) -> str:
        """Return the address under which a citizen downloads a file of ours."""
        return f"{self._public_url}{self.file_path(attachment_id)}"

    def query_code(self, number: str) -> str:
        """Return the code by which one who stayed anonymous asks for his ticket."""
        return query_code(number, self._vault.seal)

    def fits_query_code(self, text: str, number: str) -> bool:
        """Return whether this is the code of a ticket."""
        return fits_query_code(text, number, self._vault.seal)

    def rating_link(self, ticket_id: int) -> str:
        """Return the address under which a citizen rates his ticket, for short messages and the like."""
        return f"{self._public_url}{PAGE}#/rate/{self.of_ticket(ticket_id)}"

    def progress_link(self, ticket_id: int) -> str:
        """Return the address under which a citizen sees what has become of his ticket."""
        return f"{self._public_url}{PAGE}#/ticket/{self.of_ticket(ticket_id)}"
