"""Conversations over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_bridge.conversations.access import ASSIGN, HANDLE, READ
from crm_bridge.conversations.others import Others
from crm_bridge.conversations.reading import Box, ConversationReader
from crm_bridge.conversations.service import Conversations
from crm_bridge.conversations.skills import Skills
from crm_bridge.conversations.tables import SKILL_LENGTH
from crm_bridge.conversations.views import (
    ConversationPage,
    ConversationView,
    MessagePage,
    MessageView,
    OthersList,
    SkillList,
)
from crm_bridge.forms import LARGEST_ID, Id, Text
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

MOST_SAID = 1000
"""Characters of one message; what providers take at once is not much more."""

Seq = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Skill = Annotated[Text, Field(max_length=SKILL_LENGTH)]


class BoxQuery(ApiModel):
    """Which conversations to list."""

    box: Box = Box.mine
    cursor: str | None = Field(default=None, max_length=60)
    limit: int = Field(default=50, ge=1, le=100)


class MessageQuery(ApiModel):
    """Which messages: those before one, those after one, or without either the last."""

    before: Seq | None = None
    after: Seq | None = None


class SayBody(ApiModel):
    """What is said to the citizen, or the file that is sent; `after_seq` is the last message on the screen."""

    text: Text = Field(default="", max_length=MOST_SAID)
    attachment: Id | None = None
    after_seq: Seq

    def require_one_thing(self) -> None:
        """Return if it is either words or a file.

        Raises:
            Invalid: It is neither, or both.
        """
        if (self.text == "") == (self.attachment is None):
            zh, en = "请填写文字，或选择一个文件", "Write something, or choose one file"
            raise Invalid(
                en, zh, fields=[FieldError(pointer="/text", message_zh=zh, message_en=en)]
            )


class AssignBody(ApiModel):
    """To whom a conversation is given."""

    agent: str = Field(min_length=1, max_length=20)


class PassOnBody(ApiModel):
    """What its next agent must be able to do; empty: anybody."""

    skill: Skill = ""


class LookBody(ApiModel):
    """Whether I am writing at this moment."""

    typing: bool = False


class SkillsBody(ApiModel):
    """What an agent is able to do."""

    skills: list[Annotated[Skill, Field(min_length=1)]] = Field(max_length=20)


def routes(
    conversations: Conversations, reader: ConversationReader, others: Others, skills: Skills
) -> Routes:
    """Return the endpoints of conversations."""
    api = Routes(tag="conversations")
    _reading(api, reader, others)
    _acting(api, conversations, reader)
    _skills(api, skills)
    return api


def _reading(api: Routes, reader: ConversationReader, others: Others) -> None:
    @api.get("/api/v1/conversations", permission=READ)
    async def page(principal: Principal, query: BoxQuery) -> ConversationPage:
        """List a box of conversations: mine, those that wait, all that are not closed, or the closed ones."""
        return await reader.page(principal, query.box, cursor=query.cursor, limit=query.limit)

    @api.get("/api/v1/conversations/{conversation_id}", permission=READ)
    async def show(principal: Principal, conversation_id: int) -> ConversationView:
        """Show a conversation with its last messages, its tickets and what the citizen brought before."""
        return await reader.show(principal, conversation_id)

    @api.get("/api/v1/conversations/{conversation_id}/messages", permission=READ)
    async def messages(
        principal: Principal, conversation_id: int, query: MessageQuery
    ) -> MessagePage:
        """List messages in their order, 50 at most."""
        return await reader.messages(
            principal, conversation_id, before=query.before, after=query.after
        )

    @api.put("/api/v1/conversations/{conversation_id}/look", permission=READ)
    async def look(principal: Principal, conversation_id: int, body: LookBody) -> OthersList:
        """Say that I have it on my screen, and learn who else is in touch with the citizen; again every ten seconds."""
        return await others.look(principal, conversation_id, typing=body.typing)

    @api.delete("/api/v1/conversations/{conversation_id}/look", permission=READ)
    async def leave(principal: Principal, conversation_id: int) -> None:
        """Say that I have it on my screen no more."""
        await others.leave(principal, conversation_id)


def _acting(api: Routes, conversations: Conversations, reader: ConversationReader) -> None:
    @api.post("/api/v1/conversations/{conversation_id}/accept", permission=HANDLE)
    async def accept(principal: Principal, conversation_id: int) -> ConversationView:
        """Take a conversation that I was asked about."""
        await conversations.accept(principal, conversation_id)
        return await reader.show(principal, conversation_id)

    @api.post("/api/v1/conversations/{conversation_id}/decline", permission=HANDLE)
    async def decline(principal: Principal, conversation_id: int) -> None:
        """Do not take a conversation that I was asked about; another is asked."""
        await conversations.decline(principal, conversation_id)

    @api.post("/api/v1/conversations/{conversation_id}/take", permission=HANDLE)
    async def take(principal: Principal, conversation_id: int) -> ConversationView:
        """Help myself to a conversation that waits."""
        await conversations.take(principal, conversation_id)
        return await reader.show(principal, conversation_id)

    @api.post("/api/v1/conversations/{conversation_id}/assign", permission=ASSIGN)
    async def assign(principal: Principal, conversation_id: int, body: AssignBody) -> None:
        """Give a conversation to an agent, whoever has it."""
        await conversations.assign(principal, conversation_id, body.agent)

    @api.post("/api/v1/conversations/{conversation_id}/pass-on", permission=HANDLE)
    async def pass_on(principal: Principal, conversation_id: int, body: PassOnBody) -> None:
        """Give my conversation back to the queue, perhaps for another skill."""
        await conversations.pass_on(principal, conversation_id, body.skill)

    @api.post("/api/v1/conversations/{conversation_id}/close", permission=HANDLE)
    async def close(principal: Principal, conversation_id: int) -> None:
        """Close a conversation; what the citizen writes next begins another."""
        await conversations.close(principal, conversation_id)

    @api.post(
        "/api/v1/conversations/{conversation_id}/messages",
        permission=HANDLE,
        status=201,
        idempotent=True,
    )
    async def say(
        principal: Principal,
        conversation_id: int,
        body: SayBody,
        idempotency: IdempotencyKey | None,
    ) -> MessageView:
        """Say something to the citizen, or send a file; refused when a colleague has said something after that."""
        body.require_one_thing()
        seq = await conversations.say(
            principal,
            conversation_id,
            body.text,
            after_seq=body.after_seq,
            key=idempotency,
            attachment=body.attachment,
        )
        return await reader.message(principal, conversation_id, seq)

    @api.put("/api/v1/conversations/{conversation_id}/read", permission=HANDLE)
    async def read(principal: Principal, conversation_id: int) -> None:
        """Say that I have read what the citizen wrote."""
        await conversations.read(principal, conversation_id)


def _skills(api: Routes, skills: Skills) -> None:
    @api.get("/api/v1/agent-skills", permission=ASSIGN)
    async def all_skills() -> SkillList:
        """List what agents are able to do, for conversations that need it."""
        return await skills.list()

    @api.put("/api/v1/agent-skills/{number}", permission=ASSIGN)
    async def set_skills(principal: Principal, number: str, body: SkillsBody) -> None:
        """Set what an agent is able to do."""
        await skills.set(principal, number, body.skills)
