"""Message boards (人民网领导留言板 and others): posts that the city is sent are contacts.

Mostly they come as files, which `crm_bridge.boards` brings in; a board, or a program that reads one, may also post them
to `/channels/message-board`, signed. Answers go back as a file: nothing is written to a board by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from channels.contacts.rules import Contact, Received
from channels.message_board.posts import Batch, batch_of
from channels.message_board.rules import CHANNEL, contact_of, layout_of, require_board
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
from channels.web_form.rules import SIGNATURE_HEADER, require_signature
from infra.kit.errors import FieldError, Invalid, NotAuthenticated

MOST_POSTED = 500
_SHORTEST_KEY = 16


class MessageBoardSettings(ChannelSettings):
    """Message boards: imported from files, or posted by a program."""

    key: SecretStr = Field(
        default=SecretStr(""),
        description="The secret with which a program signs what it posts to /channels/message-board, "
        "at least 16 characters; empty: posts come in as files only.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Columns by field, where a board's own names say too little, e.g. text = 诉求描述. "
        "Fields: text, id, title, name, author, phone, address, type, posted_at.",
    )


class MessageBoardChannel:
    """Makes contacts of posts.

    Args:
        settings: The secret, and what columns are called.
        zone: The city's time, for moments without an offset.
    """

    name: ClassVar[str] = CHANNEL
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = MessageBoardSettings
    largest_body: ClassVar[int] = 4 * 1024 * 1024

    def __init__(self, settings: MessageBoardSettings, zone: ZoneInfo) -> None:
        self._settings = settings
        self._zone = zone

    def verify(self, raw: Delivery) -> None:
        """Return if it was signed with our secret a moment ago.

        Raises:
            NotAuthenticated: It was not, or no secret is set.
        """
        key = self._settings.key.get_secret_value()
        try:
            require_signature(raw.headers.get(SIGNATURE_HEADER, ""), raw.body, key, raw.received_at)
        except NotAuthenticated:
            raise NotAuthenticated(
                "sign the body with message_board.key and the present time (Lianxin-Signature: t=…,v1=…)",
                "请用 message_board.key 和当前时间对内容签名（Lianxin-Signature: t=…,v1=…）",
            ) from None

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contacts of the posts: all of them, or none when one is wrong.

        Raises:
            Invalid: It cannot be understood; every post that is wrong is named.
        """
        batch = batch_of(raw.body, most=MOST_POSTED)
        board = require_board(batch.board)
        return self._contacts(batch, board, raw) if batch.posts else ()

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return the numbers of the tickets in the order of the posts, as JSON."""
        body = json.dumps({"numbers": [one.ticket_number for one in received]}).encode()
        return Acknowledgement(status=200, content_type="application/json", body=body)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: answers are exported and published by a person.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply(
            "a message board is answered by exporting the answers and publishing them there",
            "留言板须导出答复后在原平台发布，不能直接回复",
        )

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend: a secret that can be guessed, a column for a field that is none."""
        found = []
        key = self._settings.key.get_secret_value()
        if key and len(key) < _SHORTEST_KEY:
            found.append(
                Finding(
                    setting="message_board.key",
                    message_zh=f"密钥过短，容易被猜到：请改为至少 {_SHORTEST_KEY} 个字符的随机字符串",
                    message_en=f"the secret can be guessed: make it at least {_SHORTEST_KEY} random characters",
                )
            )
        try:
            layout_of(["text", *self._settings.columns.values()], self._settings.columns)
        except Invalid as error:
            found.append(
                Finding(
                    setting="message_board.columns",
                    message_zh=error.fields[0].message_zh,
                    message_en=error.fields[0].message_en,
                )
            )
        return found

    def _contacts(self, batch: Batch, board: str, raw: Delivery) -> Sequence[Contact]:
        here = {
            name: column
            for name, column in self._settings.columns.items()
            if column in batch.header
        }
        layout = layout_of(batch.header, {**here, **batch.mapping})
        contacts: list[Contact] = []
        problems: list[FieldError] = []
        for place, post in enumerate(batch.posts):
            contact, wrong = contact_of(
                post, layout, board=board, zone=self._zone, at=raw.received_at
            )
            problems += [
                FieldError(
                    pointer=f"/items/{place}/{one.column}",
                    message_zh=one.message_zh,
                    message_en=one.message_en,
                )
                for one in wrong
            ]
            if contact is not None:
                contacts.append(contact)
        if problems:
            raise Invalid(
                "correct the posts that are named, nothing was taken in",
                "请修改标出的留言，未受理任何留言",
                fields=problems[:50],
            )
        return contacts
