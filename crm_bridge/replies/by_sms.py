"""Short messages as a way for replies, and what becomes of them."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.protocol import CannotReply, DeliveryNews, DeliveryState, Reply, Sent
from channels.sms.book import GIVEN_UP
from channels.sms.protocol import ShortMessages
from channels.sms.rules import MessageKind, MessageNews, MessageState, ShortMessage, fitted
from crm_bridge.replies.rerouting import SMS
from crm_bridge.replies.service import Replies

_NEWS = {
    MessageState.sent: DeliveryState.sent,
    MessageState.delivered: DeliveryState.delivered,
    MessageState.failed: DeliveryState.failed,
}


class BySms:
    """Carries replies by short message.

    Args:
        messages: Sends them, each once.
        replies: Is told what became of them.
    """

    def __init__(self, messages: ShortMessages, replies: Replies) -> None:
        self._messages = messages
        self._replies = replies

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Send a reply to the citizen's telephone.

        Raises:
            CannotReply: There is no number, or it can get none.
            TryLater: The provider has not taken it, for certain.
            TimeoutError: Nobody can tell whether the provider has taken it.
        """
        if contact.phone is None:
            raise CannotReply("no number is known", "没有可用的手机号码")
        return await self._messages.send(
            ShortMessage(
                key=reply.key,
                phone=contact.phone,
                kind=MessageKind(reply.kind.value),
                text=fitted(reply.text),
                parameters={"number": reply.ticket_number, "link": reply.link},
            )
        )

    async def heard(self, session: AsyncSession, news: MessageNews) -> None:
        """Take note of what became of a short message; of others' messages nothing is known here."""
        if news.error_code == GIVEN_UP:
            return  # a person has decided, about the reply itself
        state = _NEWS.get(news.state)
        if state is not None:
            told = DeliveryNews(
                provider_id=news.provider_id, state=state, key=news.key, error_code=news.error_code
            )
            await self._replies.hear(session, SMS, told)
