"""What others see of short messages, and what a provider of them is.

A provider is one file: it hands one message over and says what came of that. Everything that must be remembered (what
was sent already, what is tried again, what nobody knows) is the business of `channels/sms/service.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import CannotReply, Finding, Sent
from channels.sms.rules import MessageNews, ShortMessage


class ShortMessages(Protocol):
    """Sends short messages, each once, however often it is handed over under its key."""

    async def send(self, message: ShortMessage) -> Sent:
        """Hand a message to the provider now; whoever calls tries again, or not.

        Returns:
            What the provider knows it by; for a key that was sent before, what it was known by then.

        Raises:
            TryLater: The provider has not taken it, for certain; it may later.
            TimeoutError: Nobody can tell whether the provider has taken it. It is not sent again by itself; when its
                fate comes to light the listeners are told.
            CannotReply: The number can get none, has got too many today, or the provider refuses the message.
        """
        ...

    async def queue(self, session: AsyncSession, message: ShortMessage) -> None:
        """Write a message down in the caller's transaction; it is sent after the commit, and tried until it is.

        A key that was handed over before changes nothing. Listeners are told what becomes of it.
        """
        ...


Listener = Callable[[AsyncSession, MessageNews], Awaitable[None]]
"""Told what has become of a message, in the transaction that writes it down; told of others' messages too."""


class MessageRejected(CannotReply):
    """The provider refuses a message, and always will.

    Args:
        code: The provider's own word for why, e.g. `21211`; it is shown to operators.
    """

    slug = "message-rejected"
    title_zh = "短信服务商拒绝发送该短信，请核对号码，或改用其他方式联系市民"
    title_en = (
        "The provider refuses this message: look at the number, or reach the citizen in another way"
    )

    def __init__(self, code: str) -> None:
        super().__init__(f"the provider refuses it: {code}", f"短信服务商拒绝发送：{code}")
        self.code = code


class SmsProvider(Protocol):
    """One way to the citizens' telephones.

    Attributes:
        name: As in the settings, e.g. `twilio`.
    """

    name: ClassVar[str]

    async def send(self, message: ShortMessage) -> Sent:
        """Hand a message over; the caller sets the deadline.

        Raises:
            TryLater: It was not taken, for certain; it may be later.
            TimeoutError: Nobody can tell whether it was taken.
            CannotReply: It was refused, and always will be; as `MessageRejected` where the provider gives a code.
        """
        ...

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend, asking the provider where that costs nothing; empty when all is well."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A provider whose books tell what became of a message whose fate is unknown."""

    async def settle(self, message: ShortMessage, since: datetime) -> Sequence[Sent]:
        """Return what in the provider's books may be this message, the likeliest first; empty when it never got it.

        Args:
            message: As it was handed over.
            since: When it was first handed over.

        Raises:
            TryLater: The provider does not say now.
        """
        ...
