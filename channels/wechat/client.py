"""WeChat's API over HTTPS: one account's calls, each with the access token, each with a deadline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from channels.attachments.rules import ENDINGS
from channels.marks.service import Marks
from channels.protocol import ReplyFile
from channels.wechat.answers import Answer, InDoubt, check, code_of, object_of, read
from channels.wechat.codes import LATER, OURS_TO_MEND, TOKEN_REFUSED, CodeRefused
from channels.wechat.settings import AccountSettings
from channels.wechat.tokens import AccessToken, AccessTokens
from infra.kit.clock import Clock
from infra.kit.errors import Refused, TryLater

log = structlog.get_logger()

_UPLOAD = "/cgi-bin/media/upload"
_LARGEST_ANSWER = 1024 * 1024
_CONNECT_SECONDS = 5.0
_UPLOAD_SECONDS = 30.0
"""Longer than other calls: a video goes out over the city's line."""
_KEPT_OPEN_SECONDS = 4.0
"""Shorter than any server's: a connection that it closes under our hands leaves a message in doubt."""


class WeChatApi:
    """Calls WeChat for one account.

    Args:
        settings: The account.
        marks: Where the access token is kept for all processes.
        clock: Tells when it ends.
    """

    def __init__(self, settings: AccountSettings, marks: Marks, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens = AccessTokens(settings.appid, marks, clock, self._token)
        self._open: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Answer:
        """Call an interface that takes JSON.

        Args:
            path: E.g. `/cgi-bin/message/custom/send`.
            body: What it takes.
            repeatable: Calling it twice does no harm.

        Raises:
            TryLater: WeChat has not done it, for certain; it may later.
            TimeoutError: Nobody can tell whether WeChat has done it.
            CodeRefused: It will not.
        """
        return await self._called(path, {}, body, repeatable=repeatable)

    async def get(self, path: str, **parameters: str) -> Answer:
        """Call an interface that only tells something.

        Raises:
            TryLater: It does not now.
            CodeRefused: It will not.
        """
        return await self._called(path, parameters, None, repeatable=True)

    async def ask(self, path: str, **parameters: str) -> Answer:
        """Call an interface that takes AppID and AppSecret instead of an access token, e.g. `/sns/jscode2session`.

        Raises:
            TryLater: It does not answer now.
            CodeRefused: It will not.
        """
        own = {
            "appid": self._settings.appid,
            "secret": self._settings.secret.get_secret_value(),
        }
        return self._judged(path, await self._json("GET", path, own | parameters, repeatable=True))

    async def media(self, media_id: str) -> bytes:
        """Return the bytes of a temporary file (获取临时素材).

        Raises:
            TryLater: WeChat does not give it now.
            Refused: It never will: the file is gone after three days, or is too large for us.
        """
        token = await self._tokens.current()
        found = await self._file(token, media_id)
        if isinstance(found, Mapping) and code_of(found) in TOKEN_REFUSED:
            found = await self._file(await self._tokens.renewed(token), media_id)
        if isinstance(found, bytes):
            return found
        url = self._judged("/cgi-bin/media/get", found).get("video_url")
        if not url:
            raise TryLater("WeChat gives no file", "微信没有返回文件")
        return await self._video(str(url))

    async def upload(self, kind: str, file: ReplyFile) -> str:
        """Keep a file at WeChat for three days (新增临时素材), and return its MediaId.

        Nobody is told anything by it: it may be done again.

        Args:
            kind: `image`, `voice`, `video` or `thumb`.
            file: What is kept.

        Raises:
            TryLater: WeChat has not kept it, or nobody can tell.
            CodeRefused: It never will: of a wrong type, or too large.
        """
        token = await self._tokens.current()
        answer = await self._uploaded(token, kind, file)
        if code_of(answer) in TOKEN_REFUSED:
            answer = await self._uploaded(await self._tokens.renewed(token), kind, file)
        media_id = self._judged(_UPLOAD, answer).get("media_id") or answer.get("thumb_media_id")
        if not media_id:
            raise TryLater("WeChat names no MediaId of a file", "微信没有返回 media_id")
        return str(media_id)

    async def close(self) -> None:
        """Let go of connections."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _called(
        self,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, Any] | None,
        *,
        repeatable: bool,
    ) -> Answer:
        token = await self._tokens.current()
        method = "GET" if body is None else "POST"
        given = {**parameters, "access_token": token}
        answer = await self._json(method, path, given, body, repeatable=repeatable)
        if code_of(answer) in TOKEN_REFUSED:
            given["access_token"] = await self._tokens.renewed(token)
            answer = await self._json(method, path, given, body, repeatable=repeatable)
        return self._judged(path, answer)

    def _judged(self, path: str, answer: Answer) -> Answer:
        code = code_of(answer)
        if code == 0:
            return answer
        if code in OURS_TO_MEND:
            log.error("wechat_account_refused", path=path, code=code)
        if code in LATER or code in TOKEN_REFUSED:
            raise TryLater(
                f"WeChat has no time for {path} (errcode {code})",
                f"微信接口 {path} 暂不可用（返回码 {code}）",
                retry_after=LATER.get(code, 30.0),
            )
        raise CodeRefused(code, path)

    async def _token(self, force: bool) -> AccessToken:
        path = "/cgi-bin/stable_token"
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.appid,
            "secret": self._settings.secret.get_secret_value(),
            "force_refresh": force,
        }
        asked_at = self._clock.now()
        answer = self._judged(path, await self._json("POST", path, {}, body, repeatable=True))
        try:
            seconds, value = int(answer["expires_in"]), str(answer["access_token"])
        except (KeyError, TypeError, ValueError):
            raise TryLater("WeChat gives no access token", "微信没有返回 access_token") from None
        return AccessToken(value=value, until=asked_at + timedelta(seconds=seconds))

    async def _uploaded(self, token: str, kind: str, file: ReplyFile) -> Answer:
        form = aiohttp.FormData()
        # What the file is called stays with us: WeChat shows it to nobody, and goes by its ending.
        name = f"file{ENDINGS[file.type][0]}"
        form.add_field("media", file.content, filename=name, content_type=file.type)
        parameters = {"access_token": token, "type": kind}
        _, content = await self._whole(
            "POST", _UPLOAD, parameters, form, _LARGEST_ANSWER, seconds=_UPLOAD_SECONDS
        )
        return object_of(_UPLOAD, content)

    async def _file(self, token: str, media_id: str) -> bytes | Answer:
        path, parameters = "/cgi-bin/media/get", {"access_token": token, "media_id": media_id}
        kind, content = await self._whole("GET", path, parameters, None, self._largest())
        if kind in ("application/json", "text/plain"):  # a refusal, or where a video lies
            return object_of(path, content)
        return content

    async def _video(self, url: str) -> bytes:
        # The address is WeChat's word for where the file lies; nothing of ours goes along.
        if urlsplit(url).scheme not in ("http", "https"):
            raise Refused("WeChat names no address of the video", "微信未返回有效的视频地址")
        _, content = await self._whole("GET", url, {}, None, self._largest())
        return content

    def _largest(self) -> int:
        return self._settings.media_megabytes * 1024 * 1024

    async def _json(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool,
    ) -> Answer:
        # As it is, not escaped: some interfaces show the citizen \u5df2 where 已 was meant.
        sent = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        try:
            _, content = await self._whole(method, path, parameters, sent, _LARGEST_ANSWER)
            return object_of(path, content)
        except InDoubt as doubt:
            if repeatable:
                raise TryLater(str(doubt), "微信接口没有应答") from None
            raise TimeoutError(str(doubt)) from None

    async def _whole(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | aiohttp.FormData | None,
        largest: int,
        *,
        seconds: float | None = None,
    ) -> tuple[str, bytes]:
        url = path if "://" in path else self._settings.api_url + path
        headers = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
        try:
            async with self._session().request(
                method,
                url,
                params=parameters,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=self._patience(seconds),
            ) as response:
                check(path, response.status)
                return response.content_type, await read(response, largest)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater(
                f"WeChat cannot be reached: {type(error).__name__}", "无法连接微信服务器"
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise InDoubt(f"WeChat did not answer {path}: {type(error).__name__}") from None

    def _patience(self, seconds: float | None = None) -> aiohttp.ClientTimeout:
        total = self._settings.timeout_seconds
        return aiohttp.ClientTimeout(
            total=max(total, seconds or 0.0), sock_connect=min(_CONNECT_SECONDS, total)
        )

    def _session(self) -> aiohttp.ClientSession:
        if self._open is None:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEPT_OPEN_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._open
