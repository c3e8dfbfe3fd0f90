"""Logging in and out over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from agent_console.accounts.people import People
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import LiveSession, Sessions
from agent_console.origin import require_own_origin, sender
from infra.kit.errors import Forbidden
from infra.kit.http import ApiModel, Authenticated, Routes
from infra.kit.identity import Principal

COOKIE = "lianxin_session"

LIVE_SESSION: web.RequestKey[LiveSession] = web.RequestKey("live_session", LiveSession)
_NEW_COOKIE: web.RequestKey[str] = web.RequestKey("new_cookie", str)


class PauseReason(ApiModel):
    """A reason that an agent may give for a pause."""

    code: str
    zh: str
    en: str


PAUSE_REASONS = (
    PauseReason(code="break", zh="小休", en="Break"),
    PauseReason(code="meal", zh="用餐", en="Meal"),
    PauseReason(code="meeting", zh="会议", en="Meeting"),
    PauseReason(code="training", zh="培训", en="Training"),
    PauseReason(code="paperwork", zh="处理工单", en="Paperwork"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the pages should know about this installation.

    Attributes:
        voice: Whether there is a PBX.
        police: Whether matters are exchanged with 110.
        one_touch: Whether citizens call from their page, and devices at their homes.
        secure: Whether the pages are served over https, by us or by a proxy before us.
    """

    hotline: str
    city_zh: str
    city_en: str
    voice: bool
    police: bool = False
    one_touch: bool = False
    secure: bool = False
    pause_reasons: Sequence[PauseReason] = PAUSE_REASONS


class LoginBody(ApiModel):
    """What a person types to come in; a blank at the end of a password is part of it."""

    model_config = ConfigDict(str_strip_whitespace=False)

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class UserView(ApiModel):
    """Who is logged in; `unit` is the code of the unit that the person works for."""

    number: str
    name: str
    role: str
    permissions: list[str]
    unit: str | None
    unit_name: str | None
    unit_name_en: str | None


class Features(ApiModel):
    """What this installation can do."""

    voice: bool
    police: bool
    one_touch: bool


class SessionView(ApiModel):
    """A login, with what the pages need to know at their start."""

    user: UserView
    csrf_token: str
    expires_at: datetime
    pause_reasons: list[PauseReason]
    hotline: str
    city_zh: str
    city_en: str
    features: Features


class PhoneView(ApiModel):
    """The SIP account of a login; `ws_path` is on our own host."""

    uri: str
    username: str
    password: str
    ws_path: str
    display_name: str


class CookieAuthenticator:
    """Knows the sender of a request by the session cookie."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def __call__(self, request: web.Request) -> Authenticated | None:
        """Return the sender, or None if the cookie is missing, unknown or over."""
        token = request.cookies.get(COOKIE)
        live = await self._sessions.find(token) if token else None
        if live is None:
            return None
        request[LIVE_SESSION] = live
        return Authenticated(principal=live.principal, csrf_token=live.csrf_token)


def live_session(request: web.Request) -> LiveSession:
    """Return the login by which this request was authenticated.

    Raises:
        Forbidden: It came with a bearer key, which is no login.
    """
    live: LiveSession | None = request.get(LIVE_SESSION)
    if live is None:
        raise Forbidden("only for people who have logged in, not for keys", "仅限已登录的人员使用")
    return live


def cookie_middleware(profile: Profile) -> Middleware:
    """Return the middleware that puts the cookie of a login or a logout on its response."""

    @web.middleware
    async def put_cookie(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        token = request.get(_NEW_COOKIE)
        if token:
            response.set_cookie(
                COOKIE,
                token,
                httponly=True,
                samesite="Strict",
                secure=profile.secure or request.secure,
            )
        elif token is not None:
            response.del_cookie(COOKIE)
        return response

    return put_cookie


def routes(
    accounts: Accounts,
    sessions: Sessions,
    people: People,
    profile: Profile,
    left: Callable[[str], Awaitable[None]],
) -> Routes:
    """Return the endpoints of logins.

    Args:
        accounts: Checks passwords.
        sessions: The logins.
        people: Knows who works for which unit.
        profile: What the pages are told.
        left: Called with the 工号 of somebody whose last login has ended.
    """
    api = Routes(tag="session")

    @api.post("/api/v1/session", permission=None)
    async def log_in(request: web.Request, body: LoginBody) -> SessionView:
        """Log in; the session cookie comes with the answer."""
        require_own_origin(request)
        login = await accounts.log_in(
            body.number, body.password.get_secret_value(), sender(request)
        )
        request[_NEW_COOKIE] = login.token
        return await _view(login.session, profile, people)

    @api.get("/api/v1/session")
    async def show(request: web.Request) -> SessionView:
        """Show who is logged in."""
        return await _view(live_session(request), profile, people)

    @api.delete("/api/v1/session")
    async def log_out(request: web.Request, principal: Principal) -> None:
        """Log out; the telephone of this login dies with it."""
        request[_NEW_COOKIE] = ""
        await sessions.end(live_session(request))
        if not await sessions.phones(principal.number):
            await left(principal.number)

    @api.get("/api/v1/session/phone")
    async def phone(request: web.Request) -> PhoneView:
        """Show the SIP account of this login."""
        account = await sessions.phone(live_session(request))
        username = f"agent-{account.number}"
        return PhoneView(
            uri=f"sip:{username}@lianxin",
            username=username,
            password=account.secret,
            ws_path="/sip",
            display_name=account.name,
        )

    return api


async def _view(live: LiveSession, profile: Profile, people: People) -> SessionView:
    who = live.principal
    person = await people.get(who.number) if who.unit else None
    return SessionView(
        user=UserView(
            number=who.number,
            name=who.name,
            role=who.role,
            permissions=sorted(who.permissions),
            unit=who.unit,
            unit_name=person.unit_name if person else None,
            unit_name_en=person.unit_name_en if person else None,
        ),
        csrf_token=live.csrf_token,
        expires_at=live.expires_at,
        pause_reasons=list(profile.pause_reasons),
        hotline=profile.hotline,
        city_zh=profile.city_zh,
        city_en=profile.city_en,
        features=Features(voice=profile.voice, police=profile.police, one_touch=profile.one_touch),
    )
