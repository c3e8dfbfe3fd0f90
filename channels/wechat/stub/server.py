"""A stub of WeChat's API on the loopback, for the demo and for tests: it speaks the documented wire format.

It takes and refuses as WeChat does: access tokens end, free words are taken for 48 hours and five messages, templates
have fields of fixed lengths, login codes are good once. What goes wrong besides is set by `fail`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from aiohttp import web

from channels.wechat.stub.citizens import Citizens
from channels.wechat.stub.pushing import Pusher
from channels.wechat.stub.rulings import (
    button_refused,
    data_refused,
    material_refused,
    message_refused,
)
from channels.wechat.stub.state import Fault, State, StubAccount, Taken
from infra.kit.clock import Clock

_LARGEST_UPLOAD = 16 * 1024 * 1024
_OK = {"errcode": 0, "errmsg": "ok"}
_MESSAGES = {40001: "invalid credential", 42001: "access_token expired", 45015: "out of time limit"}

Ruling = Mapping[str, Any]
Act = Callable[[str, Mapping[str, Any]], Ruling]


class StubWeChat:
    """The stub, running inside an `async with` block.

    Args:
        accounts: The accounts that WeChat has.
        clock: WeChat's time.
        port: Where to listen on the loopback; 0 for any free port.
    """

    def __init__(self, accounts: Sequence[StubAccount], clock: Clock, *, port: int = 0) -> None:
        self.state = State(clock=clock, accounts={one.appid: one for one in accounts})
        self.pusher = Pusher(self.state)
        self.citizens = Citizens(self.state, self.pusher)
        self.url = ""
        self._port = port
        self._runner: web.AppRunner | None = None
        self._posted: Mapping[str, tuple[str, Act]] = {
            "/cgi-bin/message/custom/send": ("custom", self._custom),
            "/cgi-bin/message/template/send": ("template", self._template),
            "/cgi-bin/message/subscribe/bizsend": ("bizsend", self._subscribed("bizsend")),
            "/cgi-bin/message/subscribe/send": ("subscribe", self._subscribed("subscribe")),
            "/cgi-bin/menu/create": ("menu", self._menu),
            "/wxa/business/getuserphonenumber": ("phone", self._phone),
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a stop again at the same address, with all that was known."""
        app = web.Application(client_max_size=_LARGEST_UPLOAD)
        app.router.add_post("/cgi-bin/stable_token", self._faulty(self._token))
        app.router.add_post("/cgi-bin/media/upload", self._faulty(self._upload))
        app.router.add_get("/cgi-bin/media/get", self._faulty(self._media))
        app.router.add_get("/cgi-bin/get_api_domain_ip", self._faulty(self._known(self._addresses)))
        app.router.add_get("/cgi-bin/user/info", self._faulty(self._user))
        app.router.add_get("/cgi-bin/menu/delete", self._faulty(self._known(self._no_menu)))
        app.router.add_get("/sns/jscode2session", self._faulty(self._session))
        app.router.add_get("/video/{media_id}", self._faulty(self._video))
        for path, (_, act) in self._posted.items():
            app.router.add_post(path, self._faulty(self._known(act)))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, self._port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{self._port}"

    async def stop(self) -> None:
        """Listen no more, as when WeChat is away."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next calls of an interface go wrong, one after the other."""
        self.state.faults[path].extend(faults)

    def texts(self, openid: str) -> list[str]:
        """Return what a citizen was told, in order."""
        return [one.text for one in self.state.taken if one.openid == openid]

    def _faulty(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.state.calls.append(request.path)
            waiting = self.state.faults[request.path]
            if not waiting:
                return await handler(request)
            fault = waiting.popleft()
            answer = await handler(request) if fault.taken else None
            await asyncio.sleep(fault.seconds)
            if fault.silent:
                assert request.transport is not None  # noqa: S101  # it is being answered
                request.transport.abort()
                return web.Response()
            if fault.code:
                return _json(_refusal(fault.code))
            if fault.status != 200:
                return web.Response(status=fault.status)
            return answer or await handler(request)

        return handle

    def _known(self, act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            appid, code = self.state.judge_token(request.query.get("access_token", ""))
            if appid is None:
                return _json(_refusal(code))
            try:
                body = json.loads(await request.read() or b"{}")
            except ValueError:
                return _json(_refusal(47001))
            return _json(act(appid, body))

        return handle

    async def _token(self, request: web.Request) -> web.Response:
        body = await request.json()
        account = self.state.accounts.get(body.get("appid", ""))
        if account is None or body.get("grant_type") != "client_credential":
            return _json(_refusal(40013 if account is None else 40002))
        if body.get("secret") != account.secret:
            return _json(_refusal(40125))
        token = self.state.stable_token(account.appid, force=bool(body.get("force_refresh")))
        if token is None:
            return _json(_refusal(45011))
        left = token.until - self.state.clock.now()
        return _json({"access_token": token.value, "expires_in": int(left.total_seconds())})

    async def _session(self, request: web.Request) -> web.Response:
        account = self.state.accounts.get(request.query.get("appid", ""))
        if account is None:
            return _json(_refusal(40013))
        if request.query.get("secret") != account.secret:
            return _json(_refusal(40125))
        return _json(self.citizens.session(request.query.get("js_code", "")))

    async def _user(self, request: web.Request) -> web.Response:
        appid, code = self.state.judge_token(request.query.get("access_token", ""))
        openid = request.query.get("openid", "")
        if appid is None or not openid:
            return _json(_refusal(code or 40003))
        unionid = self.state.unionids.get(openid)
        known = {"subscribe": 1, "openid": openid, "unionid": unionid}
        return _json(known if unionid else {"subscribe": 0, "openid": openid})

    async def _media(self, request: web.Request) -> web.Response:
        appid, code = self.state.judge_token(request.query.get("access_token", ""))
        media_id = request.query.get("media_id", "")
        if appid is None or media_id not in self.state.media:
            return _json(_refusal(code or 40007))
        kind, content = self.state.media[media_id]
        if kind.startswith("video/"):
            return _json({"video_url": f"{self.url}/video/{media_id}"})
        return web.Response(
            body=content,
            content_type=kind,
            headers={"Content-Disposition": f'attachment; filename="{media_id}"'},
        )

    async def _video(self, request: web.Request) -> web.Response:
        kind, content = self.state.media[request.match_info["media_id"]]
        return web.Response(body=content, content_type=kind)

    async def _upload(self, request: web.Request) -> web.Response:
        appid, code = self.state.judge_token(request.query.get("access_token", ""))
        if appid is None:
            return _json(_refusal(code))
        kind, file = request.query.get("type", ""), (await request.post()).get("media")
        if not isinstance(file, web.FileField):
            return _json(_refusal(41005))
        content = file.file.read()
        mini = self.state.accounts[appid].mini
        if code := material_refused(kind, file.content_type, len(content), mini=mini):
            return _json(_refusal(code))
        media_id = self.citizens.keep(content, file.content_type)
        return _json({"type": kind, "media_id": media_id, "created_at": 0})

    def _custom(self, appid: str, body: Mapping[str, Any]) -> Ruling:
        openid, kind = str(body.get("touser", "")), str(body.get("msgtype", ""))
        said = body.get(kind, {})
        if code := message_refused(kind, said, self.state.media):
            return _refusal(code)
        code = self.state.refusing.get(openid) or self.state.may_say(appid, openid)
        if code:
            return _refusal(code)
        self.state.said(appid, openid)
        _, content = self.state.media.get(said.get("media_id", ""), ("", b""))
        text = str(said.get("content", ""))
        self.state.taken.append(
            Taken(way="custom", openid=openid, text=text, body=body, kind=kind, content=content)
        )
        return _OK

    def _template(self, _appid: str, body: Mapping[str, Any]) -> Ruling:
        openid = str(body.get("touser", ""))
        if code := self.state.refusing.get(openid) or data_refused(body):
            return _refusal(code)
        msgid = len(self.state.taken) + 200_000_000
        if not self.state.is_repeated(openid, str(body.get("client_msg_id", ""))):
            self._told("template", openid, body, str(msgid))
        return {**_OK, "msgid": msgid}

    def _subscribed(self, way: str) -> Act:
        def act(_appid: str, body: Mapping[str, Any]) -> Ruling:
            openid, template = str(body.get("touser", "")), str(body.get("template_id", ""))
            if code := self.state.refusing.get(openid) or data_refused(body):
                return _refusal(code)
            if self.state.subscriptions[openid, template] < 1:
                return _refusal(43101)
            self.state.subscriptions[openid, template] -= 1
            self._told(way, openid, body, "")
            return _OK

        return act

    def _told(self, way: str, openid: str, body: Mapping[str, Any], msgid: str) -> None:
        text = " ".join(str(one["value"]) for one in body["data"].values())
        self.state.taken.append(Taken(way=way, openid=openid, text=text, body=body, msgid=msgid))

    def _phone(self, _appid: str, body: Mapping[str, Any]) -> Ruling:
        return self.citizens.phone(str(body.get("code", "")))

    def _menu(self, appid: str, body: Mapping[str, Any]) -> Ruling:
        if code := button_refused(body.get("button")):
            return _refusal(code)
        self.state.menus[appid] = body
        return _OK

    def _no_menu(self, appid: str, _body: Mapping[str, Any]) -> Ruling:
        self.state.menus.pop(appid, None)
        return _OK

    def _addresses(self, _appid: str, _body: Mapping[str, Any]) -> Ruling:
        return {"ip_list": ["127.0.0.1"]}


def _json(answer: Ruling) -> web.Response:
    # WeChat says text/plain of some of its JSON.
    return web.Response(
        body=json.dumps(answer, ensure_ascii=False).encode(), content_type="application/json"
    )


def _refusal(code: int) -> dict[str, Any]:
    return {
        "errcode": code,
        "errmsg": f"{_MESSAGES.get(code, 'refused')} rid: 00000000-00000000-00000000",
    }
