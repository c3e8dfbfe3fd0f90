"""What a ticket's life does not allow. Pure."""

from __future__ import annotations

from infra.kit.errors import Conflict, FieldError, Invalid


class TransitionRefused(Conflict):
    """This event cannot happen to a ticket in this state; the details say why."""

    slug = "transition-refused"
    title_zh = "工单当前状态不允许此操作"
    title_en = "The ticket's state does not allow this"


def unfit(pointer: str, zh: str, en: str) -> Invalid:
    """Return the error of one field that does not fit the ticket as it stands."""
    return Invalid(en, zh, fields=[FieldError(pointer=pointer, message_zh=zh, message_en=en)])
