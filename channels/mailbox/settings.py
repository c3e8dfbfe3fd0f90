"""What an installation can set for the mayor's mailbox."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, SecretStr

from channels.protocol import ChannelSettings


class Security(StrEnum):
    """How the connection to a mail server is kept secret."""

    tls = "tls"
    """From the first byte."""
    starttls = "starttls"
    """After a plain greeting, or not at all."""
    none = "none"
    """Not: for a server on the same machine."""


class MailboxSettings(ChannelSettings):
    """The mayor's mailbox (市长信箱): fetched over IMAP, answered over SMTP."""

    address: str = Field(
        default="",
        description="The mailbox's address, e.g. mayor@example.gov.cn; answers come from it.",
    )
    display_name: str = Field(default="市长信箱", description="Name beside that address.")
    other_addresses: tuple[str, ...] = Field(
        default=(),
        description="Further addresses of our own; what comes from them is not taken in.",
    )
    imap_host: str = Field(
        default="",
        description="Server of incoming mail; empty: no mail is fetched, web letters still come.",
    )
    imap_port: int = Field(default=993, ge=1, le=65535, description="Its port.")
    imap_security: Security = Field(
        default=Security.tls, description="tls, starttls, or none (on the same machine only)."
    )
    imap_user: str = Field(default="", description="User name there; empty: the address.")
    imap_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password there; many providers want an authorisation code (授权码) instead.",
    )
    folder: str = Field(default="INBOX", description="Folder that is read.")
    idle: bool = Field(
        default=True, description="Let the server tell of new mail (IMAP IDLE) where it can."
    )
    poll_seconds: float = Field(
        default=60.0, ge=1, le=1700, description="How often the folder is looked at in any case."
    )
    first_days: int = Field(
        default=3,
        ge=0,
        le=365,
        description="Of a mailbox that was never read before, the mails of so many days are taken in too.",
    )
    largest_mb: int = Field(
        default=30, ge=1, le=200, description="Of a larger mail only so many MB are fetched."
    )
    mark_seen: bool = Field(
        default=True, description="Mark mails on the server as read once they are taken in."
    )
    most_per_sender_and_hour: int = Field(
        default=10,
        ge=1,
        description="Who writes more often is not told automatically that it has come: two programs might answer "
        "each other.",
    )
    authserv_id: str = Field(
        default="",
        description="What your own mail server calls itself in Authentication-Results; a sender whose DMARC failed "
        "there is not believed.",
    )
    smtp_host: str = Field(
        default="", description="Server of outgoing mail; empty: mails cannot be answered by mail."
    )
    smtp_port: int = Field(default=465, ge=1, le=65535, description="Its port.")
    smtp_security: Security = Field(
        default=Security.tls, description="tls, starttls, or none (on the same machine only)."
    )
    smtp_user: str = Field(
        default="", description="User name there; empty: none is given, unless there is a password."
    )
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password there.")
    ca_file: str = Field(
        default="",
        description="File of certificates that are trusted beside the system's, e.g. of the city's own authority.",
    )
    deadline_seconds: float = Field(
        default=20.0,
        gt=0,
        le=300,
        description="How long a mail server may take to answer a command.",
    )

    @property
    def fetches(self) -> bool:
        """Whether there is a mailbox to be read."""
        return self.enabled and bool(self.imap_host)

    @property
    def sends(self) -> bool:
        """Whether answers can go out."""
        return bool(self.smtp_host and self.address)

    @property
    def domain(self) -> str:
        """Of the mailbox's address."""
        return self.address.rpartition("@")[2].lower() or "localhost"

    @property
    def own(self) -> frozenset[str]:
        """Addresses that are ours, in lower case."""
        return frozenset(
            one.strip().lower() for one in (self.address, *self.other_addresses) if one
        )

    @property
    def largest(self) -> int:
        """The most bytes of a mail that are fetched."""
        return self.largest_mb * 1024 * 1024
