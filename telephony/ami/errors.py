"""What can go wrong between us and Asterisk's manager interface."""

from __future__ import annotations

from infra.kit.errors import Refused, TryLater


class AmiInjection(Refused, ValueError):
    """An action holds something that would end its line and start another; it was not sent."""

    slug = "unsendable"
    title_zh = "内容含有不允许的字符"
    title_en = "The text holds characters that are not allowed"


class LinkDown(TryLater):
    """There is no link to Asterisk; nothing was sent."""

    slug = "telephony-unavailable"
    title_zh = "电话系统暂时无法连接，请稍后重试"
    title_en = "The telephone system cannot be reached, try again shortly"


class AnswerLost(LinkDown):
    """The link was lost before the answer came; whether Asterisk acted is not known."""


class ActionTimeout(AnswerLost):
    """No answer came in time; whether Asterisk acted is not known."""


class ActionRefused(Refused):
    """Asterisk answered an action with an error.

    Attributes:
        message: Asterisk's own words.
    """

    slug = "telephony-refused"
    title_zh = "电话系统拒绝了该操作"
    title_en = "The telephone system refused the operation"

    def __init__(self, action: str, message: str) -> None:
        super().__init__(f"Asterisk refused {action}: {message}")
        self.message = message


class LoginRefused(ActionRefused):
    """Asterisk does not accept our name or secret."""


class ListIncomplete(TryLater):
    """A list arrived with another number of items than Asterisk says it sent."""
