"""Who uses the mini program, as WeChat says (小程序登录, 手机号快速验证)."""

from __future__ import annotations

from typing import NoReturn

from channels.contacts.rules import Address, AddressKind
from channels.wechat.client import WeChatApi
from channels.wechat.codes import CodeRefused
from infra.kit.errors import FieldError, Forbidden, Invalid, TryLater
from telephony.numbers import PhoneNumber

_BAD_CODES = frozenset({40029, 40163, 41008})
"""The code is none, was used before, or is missing."""
_HIGH_RISK = 40226
_CHINA = "86"


class MiniLogin:
    """Asks WeChat for one mini program.

    Args:
        api: Calls WeChat for it.
        appid: Its AppID, within which openids name people.
    """

    def __init__(self, api: WeChatApi, appid: str) -> None:
        self._api = api
        self._appid = appid

    async def identify(self, code: str) -> tuple[Address, Address | None]:
        """Return openid and unionid of who has got this code of `wx.login` (code2Session).

        WeChat's session key is in the answer too; nothing here needs it, so it is left there.

        Raises:
            Invalid: The code is used up, too old, or none.
            Forbidden: WeChat holds this person for high-risk.
            TryLater: WeChat does not answer now.
        """
        try:
            answer = await self._api.ask(
                "/sns/jscode2session", js_code=code, grant_type="authorization_code"
            )
        except CodeRefused as refused:
            _explain(refused)
        openid, unionid = str(answer.get("openid", "")), str(answer.get("unionid", ""))
        if not openid:
            raise TryLater("WeChat names no openid", "微信没有返回 openid")
        return (
            Address(kind=AddressKind.openid, value=openid, scope=self._appid),
            Address(kind=AddressKind.unionid, value=unionid) if unionid else None,
        )

    async def phone(self, code: str) -> PhoneNumber:
        """Return the number of whom WeChat has given this code for it (getuserphonenumber).

        Raises:
            Invalid: The code is used up, too old, or none.
            TryLater: WeChat does not answer now.
        """
        try:
            answer = await self._api.post("/wxa/business/getuserphonenumber", {"code": code})
        except CodeRefused as refused:
            _explain(refused)
        except TimeoutError:
            # The code may be spent: the citizen presses the button once more, and gets another.
            raise TryLater("WeChat did not answer", "微信没有应答，请重试") from None
        told = answer.get("phone_info")
        told = told if isinstance(told, dict) else {}
        country, number = str(told.get("countryCode", "")), str(told.get("purePhoneNumber", ""))
        if not number:
            raise TryLater("WeChat names no number", "微信没有返回手机号")
        return PhoneNumber.parse(number if country in ("", _CHINA) else f"+{country}{number}")


def _explain(refused: CodeRefused) -> NoReturn:
    if refused.code in _BAD_CODES:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/code",
                    message_zh="登录凭证已失效，请重试",
                    message_en="The code is used up, get another",
                )
            ]
        ) from refused
    if refused.code == _HIGH_RISK:
        raise Forbidden(
            "WeChat holds this account for high-risk, call 12345 instead",
            "微信判定该账号存在风险，请直接拨打 12345",
        ) from refused
    raise TryLater(refused.detail_en, refused.detail_zh, retry_after=60) from refused
