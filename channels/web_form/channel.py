"""The web-form channel: what somebody fills in on a page of the city is a contact.

The city's web site posts to `/channels/web-form`, one JSON object a form, signed with a shared secret. Our own citizen
pages make the same contacts through their API, which sees to abuse by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from channels.contacts.rules import Contact, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Delivery,
    Finding,
    Mode,
    Reply,
    Sent,
)
from channels.web_form.rules import (
    CHANNEL,
    SIGNATURE_HEADER,
    contact_of,
    require_signature,
)
from channels.web_form.site import form_of
from infra.kit.errors import NotAuthenticated

_SHORTEST_KEY = 16


class WebFormSettings(ChannelSettings):
    """Forms that citizens fill in: on our own citizen pages, and on the city's web site."""

    key: str = Field(
        default="",
        repr=False,
        description="The secret with which the city's web site signs what it posts to /channels/web-form, "
        "at least 16 characters; empty: only our own citizen pages are taken from.",
    )


class WebFormChannel:
    """Makes contacts of forms.

    Args:
        settings: The secret shared with the city's web site.
    """

    name: ClassVar[str] = CHANNEL
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = WebFormSettings

    def __init__(self, settings: WebFormSettings | None = None) -> None:
        self._settings = settings or WebFormSettings()

    def verify(self, raw: Delivery) -> None:
        """Return if the form was signed with our secret a moment ago.

        Raises:
            NotAuthenticated: It was not, or no secret is set.
        """
        if not self._settings.key:
            raise NotAuthenticated(
                "set web_form.key to take forms from the city's web site",
                "尚未设置 web_form.key，不接收外部网站的表单",
            )
        header = raw.headers.get(SIGNATURE_HEADER, "")
        require_signature(header, raw.body, self._settings.key, raw.received_at)

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contact of a posted form, and none of an empty post, with which a site tries the address.

        Raises:
            Invalid: It is no form, or fields are missing or wrong.
        """
        if not raw.body:
            return ()
        return (contact_of(form_of(raw.body), raw.received_at),)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return the number for the citizen, as JSON."""
        numbers = [one.ticket_number for one in received]
        body = json.dumps({"number": numbers[0] if numbers else None}).encode()
        return Acknowledgement(status=200, content_type="application/json", body=body)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: the citizen looks on the page, or is told by short message where his number is known.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply(
            "a web form has no way back: use a short message, or let the citizen look at the progress page",
            "网页表单没有回复通道：请用短信告知，或由市民在网页查询进度",
        )

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend: a secret that can be guessed."""
        if not self._settings.key or len(self._settings.key) >= _SHORTEST_KEY:
            return ()
        return (
            Finding(
                setting="web_form.key",
                message_zh=f"密钥过短，容易被猜到：请改为至少 {_SHORTEST_KEY} 个字符的随机字符串",
                message_en=f"the secret can be guessed: make it at least {_SHORTEST_KEY} random characters",
            ),
        )
