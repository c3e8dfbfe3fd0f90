"""Why nobody can be asked into a call."""

from __future__ import annotations

from infra.kit.errors import Conflict


class NotTalking(Conflict):
    """The call is not one in which this agent talks with the citizen now."""

    slug = "not-talking"
    title_zh = "当前没有与市民的通话，无法发起三方通话"
    title_en = "You are not talking with the citizen, so nobody can be asked in"


class AlreadyThree(Conflict):
    """Somebody has been asked into the call already."""

    slug = "already-three"
    title_zh = "本通电话已发起三方通话，请等待接通或先取消"
    title_en = "Somebody is being asked into this call already"
