"""What WeChat's return codes (全局返回码) mean for us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from infra.kit.errors import Refused

TOKEN_REFUSED: Final = frozenset({40001, 40014, 41001, 42001})
"""The access token is wrong, missing or has ended: a new one helps."""

LATER: Mapping[int, float] = MappingProxyType(
    {
        -1: 5.0,  # 系统繁忙
        45009: 3600.0,  # 接口调用超过限制: of a day
        45011: 60.0,  # API 调用太频繁: of a minute
        45035: 60.0,
        45110: 60.0,
    }
)
"""Codes of what may succeed later, with the seconds until then."""

OURS_TO_MEND: Mapping[int, tuple[str, str, str]] = MappingProxyType(
    {
        40013: ("appid", "AppID 无效，请核对 appid", "WeChat does not know this AppID"),
        40125: ("secret", "AppSecret 无效，请重置后填写 secret", "the AppSecret is wrong"),
        40164: (
            "secret",
            "本机出口 IP 不在公众平台“API IP 白名单”中，请在“开发密钥”处添加",
            "our address is not in WeChat's list of allowed addresses (API IP白名单): add it there",
        ),
        40243: (
            "secret",
            "AppSecret 已被冻结，请在公众平台解冻",
            "the AppSecret is frozen: thaw it",
        ),
        48001: (
            "appid",
            "该账号没有此接口的权限（订阅号或未认证账号没有客服消息接口）",
            "the account may not use this interface: only verified accounts may",
        ),
        50002: (
            "appid",
            "账号的接口权限受限，请登录公众平台查看",
            "the account is restricted: look at WeChat's site",
        ),
        61024: (
            "appid",
            "账号已授权第三方平台，须由其调用接口",
            "the account is run by a third-party platform",
        ),
    }
)
"""Codes of what an operator must mend: the setting, and what to do in Chinese and in English."""

WINDOW_CLOSED: Final = frozenset({45015, 45047})
"""Free words are not taken now: 48 hours are over, or five messages have been sent since the citizen's last."""

NOT_THIS_CITIZEN: Mapping[int, str] = MappingProxyType(
    {
        40003: "没有这个 openid",
        43004: "市民没有关注公众号",
        43019: "市民在黑名单中",
        43101: "市民没有订阅此类通知",
        48002: "市民拒收公众号消息",
        50005: "市民已取消关注",
    }
)
"""Codes of what this citizen does not let us do."""


class CodeRefused(Refused):
    """WeChat has refused, and would again.

    Args:
        code: Its `errcode`.
        path: The interface that was called.
    """

    slug = "wechat-refused"
    title_zh = "微信接口拒绝了请求"
    title_en = "WeChat has refused the request"

    def __init__(self, code: int, path: str) -> None:
        mend = OURS_TO_MEND.get(code)
        zh = mend[1] if mend else NOT_THIS_CITIZEN.get(code, "请查微信“全局返回码”")
        en = mend[2] if mend else "see WeChat's list of return codes (全局返回码)"
        super().__init__(
            f"WeChat answers {code} to {path}: {en}", f"微信接口 {path} 返回 {code}：{zh}"
        )
        self.code = code
