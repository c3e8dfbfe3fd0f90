"""Hands one mail to an SMTP server (RFC 5321), and tells what is certain from what is not."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from channels.mailbox.imap import LoginRefused, MailServerAway, trusting
from channels.mailbox.settings import MailboxSettings, Security
from channels.protocol import CannotReply

_FOR_GOOD = range(500, 600)
_BEFORE_SECONDS = 10.0
"""Less than whoever waits for a reply waits: what was not sent must not leave him in doubt."""
_FAREWELL_SECONDS = 2.0
_LATER = 300.0
_REFUSED_WAITS = 300.0


class Smtp:
    """Sends mails, over a connection of its own each: few are sent, and none waits for another.

    Args:
        settings: Where the server is, and who we are.
        data_seconds: How long the server may take to say whether it has taken a mail.
    """

    def __init__(self, settings: MailboxSettings, *, data_seconds: float = 60.0) -> None:
        self._settings = settings
        self._data_seconds = data_seconds

    async def send(self, mail: bytes, to: str) -> None:
        """Hand a mail over; when this returns the server is answerable for it.

        Raises:
            CannotReply: The server will never take it, e.g. there is no such address.
            TryLater: The server has not taken it, for certain; it may later.
            TimeoutError: The mail was on its way when the connection broke: nobody can tell.
        """
        client = self._client()
        try:
            await self._prepare(client, to)
            await self._hand_over(client, mail)
            with suppress(SMTPException, OSError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await client.quit()
        finally:
            client.close()

    async def check(self) -> None:
        """Return if the server lets us in; nothing is sent.

        Raises:
            LoginRefused: It does not.
            MailServerAway: It does not answer as it should.
        """
        client = self._client()
        try:
            await self._prepare(client)
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        security = settings.smtp_security
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=security is Security.tls,
            start_tls=security is Security.starttls,
            tls_context=None if security is Security.none else trusting(settings),
            timeout=settings.deadline_seconds,
        )

    async def _prepare(self, client: aiosmtplib.SMTP, to: str = "") -> None:
        """Come so far that only the mail is missing; whatever goes wrong here, nothing was sent."""
        password = self._settings.smtp_password.get_secret_value()
        user = self._settings.smtp_user or (self._settings.address if password else "")
        try:
            async with asyncio.timeout(min(self._settings.deadline_seconds, _BEFORE_SECONDS)):
                await client.connect()
                if user:
                    await client.login(user, password)
                if to:
                    await client.mail(self._settings.address)
                    await client.rcpt(to)
                else:
                    await client.noop()
        except SMTPAuthenticationError:
            raise LoginRefused(retry_after=_REFUSED_WAITS) from None
        except SMTPRecipientRefused as error:
            raise _refused(error) from None
        except (SMTPException, OSError) as error:
            raise self._away(error) from None

    async def _hand_over(self, client: aiosmtplib.SMTP, mail: bytes) -> None:
        try:
            async with asyncio.timeout(self._data_seconds):
                await client.data(mail, timeout=self._data_seconds)
        except SMTPDataError as error:
            raise _refused(error) from None
        except (SMTPException, OSError) as error:
            # Its last line may have arrived, and the answer been lost.
            raise TimeoutError(type(error).__name__) from None

    def _away(self, error: Exception) -> MailServerAway:
        # That our own address is refused, or a mail without a login, is for the city to mend: nothing is given up.
        code = f" {error.code}" if isinstance(error, SMTPResponseException) else ""
        where = self._settings.smtp_host
        return MailServerAway(
            f"{where}: {type(error).__name__}{code}", f"{where}：{type(error).__name__}{code}"
        )


def _refused(error: SMTPResponseException) -> CannotReply | MailServerAway:
    if error.code in _FOR_GOOD:
        return CannotReply(
            f"the mail server refuses this mail ({error.code}): the address may be wrong",
            f"邮件服务器拒收（{error.code}）：收件地址可能有误，请改用其他方式联系市民",
        )
    return MailServerAway(
        f"the mail server asks to wait ({error.code})",
        f"邮件服务器要求稍后再试（{error.code}）",
        retry_after=_LATER,
    )
