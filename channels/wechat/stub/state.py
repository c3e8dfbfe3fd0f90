"""What the stub WeChat knows: accounts, tokens, windows of free words, files, login codes, and what it was sent."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from infra.kit.clock import Clock

TOKEN_SECONDS = 7200
RENEWED_BEFORE = timedelta(minutes=5)
FORCED_AGAIN = timedelta(seconds=30)
WINDOW = timedelta(hours=48)
MOST_IN_WINDOW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StubAccount:
    """An account at WeChat, with what was entered at 服务器配置.

    Attributes:
        callback: Our address for its messages, e.g. `http://127.0.0.1:8080/channels/wechat`.
        encrypted: Whether 安全模式 was chosen.
        as_json: Whether messages are pushed as JSON.
        mini: Whether it is a mini program, whose files are pictures only.
    """

    appid: str
    secret: str
    token: str
    encoding_aes_key: str
    original_id: str = "gh_97417a04a28d"
    callback: str = ""
    encrypted: bool = True
    as_json: bool = False
    mini: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Something that the stub was sent and has taken, as the citizen would see it.

    Attributes:
        way: `custom`, `template`, `subscribe` or `bizsend`.
        openid: Whom it is for.
        text: The words, or those of a template's fields.
        body: All that was sent.
        kind: Its `msgtype`, for free words and files.
        content: The file that it shows; empty without one.
    """

    way: str
    openid: str
    text: str
    body: Mapping[str, Any]
    msgid: str = ""
    kind: str = ""
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one call.

    Attributes:
        code: The `errcode` that is answered; 0 for none.
        status: The HTTP status that is answered.
        taken: Whether it is done all the same, as when only the answer is lost.
        silent: The connection is closed without an answer.
        seconds: How long it takes before anything is answered.
    """

    code: int = 0
    status: int = 200
    taken: bool = False
    silent: bool = False
    seconds: float = 0.0


@dataclass
class _Token:
    value: str
    until: datetime
    forced_at: datetime | None = None


@dataclass
class _Window:
    since: datetime
    sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who stands behind a login code."""

    openid: str
    unionid: str = ""
    phone: str = ""


@dataclass
class State:
    """All of it; tests read and set it."""

    clock: Clock
    accounts: dict[str, StubAccount]
    taken: list[Taken] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    menus: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    refusing: dict[str, int] = field(default_factory=dict)
    """By openid the code with which everything for this citizen is refused."""
    unionids: dict[str, str] = field(default_factory=dict)
    """By openid, of those who follow an account that is bound to an open platform."""
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    codes: dict[str, Person] = field(default_factory=dict)
    used_codes: set[str] = field(default_factory=set)
    subscriptions: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By openid and template how many subscribed messages the citizen has agreed to."""
    _tokens: dict[str, _Token] = field(default_factory=dict)
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _client_ids: set[tuple[str, str]] = field(default_factory=set)

    def stable_token(self, appid: str, *, force: bool) -> _Token | None:
        """Return the account's token as getStableAccessToken does; None when it is forced too often."""
        now = self.clock.now()
        known = self._tokens.get(appid)
        forced_at = known.forced_at if known else None
        if force and forced_at is not None and now - forced_at < FORCED_AGAIN:
            return None
        if force or known is None or known.until - RENEWED_BEFORE <= now:
            known = _Token(
                value=secrets.token_urlsafe(96),
                until=now + timedelta(seconds=TOKEN_SECONDS),
                forced_at=now if force else forced_at,
            )
            self._tokens[appid] = known
        return known

    def judge_token(self, given: str) -> tuple[str | None, int]:
        """Return whose token this is; or None and the code that says what is wrong with it."""
        for appid, token in self._tokens.items():
            if token.value == given:
                return (appid, 0) if token.until > self.clock.now() else (None, 42001)
        return None, 40001 if given else 41001

    def revoke(self, appid: str) -> None:
        """Let a token end before its time, as when somebody else asks for one."""
        self._tokens.pop(appid, None)

    def heard(self, appid: str, openid: str) -> None:
        """Open the window in which a citizen who has just written may be sent free words."""
        self._windows[appid, openid] = _Window(since=self.clock.now())

    def may_say(self, appid: str, openid: str) -> int:
        """Return 0 if a citizen may be sent free words, else the code of why not."""
        window = self._windows.get((appid, openid))
        if window is None or self.clock.now() - window.since > WINDOW:
            return 45015
        return 45047 if window.sent >= MOST_IN_WINDOW else 0

    def said(self, appid: str, openid: str) -> None:
        """Count one message of free words."""
        self._windows[appid, openid].sent += 1

    def is_repeated(self, openid: str, client_msg_id: str) -> bool:
        """Return whether a template message with this id came before."""
        if not client_msg_id:
            return False
        known = (openid, client_msg_id) in self._client_ids
        self._client_ids.add((openid, client_msg_id))
        return known
