"""What citizens do at the stub WeChat: follow, write, send pictures and places, press buttons, log in."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from channels.wechat.stub.pushing import Pushed, Pusher
from channels.wechat.stub.state import Person, State, StubAccount

_USED, _UNKNOWN = 40163, 40029


class Citizens:
    """Everybody who has WeChat.

    Args:
        state: What WeChat knows.
        pusher: Brings messages to us.
    """

    def __init__(self, state: State, pusher: Pusher) -> None:
        self._state = state
        self._pusher = pusher

    async def write(self, account: StubAccount, openid: str, text: str) -> Pushed:
        """Send words."""
        return await self._send(account, openid, MsgType="text", Content=text)

    async def send_file(
        self, account: StubAccount, openid: str, kind: str, content: bytes, media_type: str
    ) -> Pushed:
        """Send a picture, a voice message or a video; `kind` is WeChat's MsgType."""
        media_id = self.keep(content, media_type)
        return await self._send(account, openid, MsgType=kind, MediaId=media_id)

    async def send_place(
        self, account: StubAccount, openid: str, latitude: float, longitude: float, label: str
    ) -> Pushed:
        """Send a place, in degrees of GCJ-02."""
        return await self._send(
            account,
            openid,
            MsgType="location",
            Location_X=f"{latitude:.6f}",
            Location_Y=f"{longitude:.6f}",
            Scale=16,
            Label=label,
        )

    async def event(self, account: StubAccount, openid: str, event: str, **more: Any) -> Pushed:
        """Let an event happen, e.g. `subscribe`, or `CLICK` with an EventKey."""
        return await self._send(account, openid, MsgType="event", Event=event, **more)

    def keep(self, content: bytes, media_type: str) -> str:
        """Keep a file as WeChat does with those that citizens send; return its MediaId."""
        media_id = secrets.token_urlsafe(48)
        self._state.media[media_id] = (media_type, content)
        return media_id

    def code_for(self, person: Person) -> str:
        """Return a code as `wx.login` and the button for the telephone number give it."""
        code = secrets.token_urlsafe(24)
        self._state.codes[code] = person
        return code

    def session(self, code: str) -> Mapping[str, Any]:
        """Answer code2Session."""
        person, refused = self._used(code)
        if person is None:
            return refused
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        found = {"openid": person.openid, "session_key": key}
        return found | ({"unionid": person.unionid} if person.unionid else {})

    def phone(self, code: str) -> Mapping[str, Any]:
        """Answer getuserphonenumber."""
        person, refused = self._used(code)
        if person is None:
            return refused
        number = {
            "phoneNumber": person.phone,
            "purePhoneNumber": person.phone,
            "countryCode": "86",
        }
        return {"errcode": 0, "errmsg": "ok", "phone_info": number}

    def _used(self, code: str) -> tuple[Person | None, Mapping[str, Any]]:
        person = self._state.codes.pop(code, None)
        if person is not None:
            self._state.used_codes.add(code)
            return person, {}
        known = code in self._state.used_codes
        refused = _USED if known else _UNKNOWN
        return None, {"errcode": refused, "errmsg": "code been used" if known else "invalid code"}

    async def _send(self, account: StubAccount, openid: str, **fields: Any) -> Pushed:
        return await self._pusher.push(account, {"FromUserName": openid, **fields})
