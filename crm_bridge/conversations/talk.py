"""A conversation while somebody writes in it, and how what is said is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from crm_bridge.conversations.guide import Guide
from crm_bridge.conversations.rules import ConversationState, Utterance
from infra.kit.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation as it stands; nobody else changes it before the transaction ends.

    Attributes:
        id: Its row.
        digest: Of its thread.
        channel: Over which it is held.
        state: Where it stands; None before it has begun.
        agent: 工号 of who is asked or has it.
        skill: What its agent must be able to do.
        seq: Number of its last message.
        contact_id: The citizen's last message.
        citizen_id: The citizen behind it; None when unknown.
        guide: What the guide has been told; None when it was not asked.
    """

    id: int
    digest: str
    channel: str
    state: ConversationState | None
    agent: str | None = None
    skill: str = ""
    seq: int = 0
    contact_id: int
    citizen_id: int | None = None
    guide: Guide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that was written down."""

    talk: Talk
    message_id: int


def thread_digest(vault: Vault, channel: str, thread: str) -> str:
    """Return the digest that the conversations of a channel's thread are found by."""
    return vault.digest(f"thread\n{channel}\n{thread}")


def seal(vault: Vault, said: Utterance) -> bytes:
    """Return what was said as it is stored."""
    body: dict[str, Any] = {"text": said.text, "address": said.address}
    if said.latitude is not None:
        body |= {"latitude": said.latitude, "longitude": said.longitude}
    return vault.encrypt(json.dumps(body, ensure_ascii=False))


def unseal(vault: Vault, sealed: bytes, files: int) -> Utterance:
    """Return what was said, from what is stored."""
    return Utterance(**json.loads(vault.decrypt(sealed)), files=files)
