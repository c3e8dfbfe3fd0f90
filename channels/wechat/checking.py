"""What an operator should mend about an account of WeChat."""

from __future__ import annotations

from collections.abc import Sequence

from channels.protocol import Finding, ReplyKind
from channels.wechat.client import WeChatApi
from channels.wechat.codes import OURS_TO_MEND, CodeRefused
from channels.wechat.envelope import Envelope
from channels.wechat.settings import AccountSettings, Encryption
from infra.kit.errors import Misconfigured, TryLater

_ASKED = "/cgi-bin/get_api_domain_ip"
"""An interface that costs nothing and needs an access token, so that it tells whether AppID and AppSecret are right."""


async def findings(section: str, settings: AccountSettings, api: WeChatApi) -> Sequence[Finding]:
    """Return what should be mended, asking WeChat for an access token.

    Args:
        section: Name of the settings' table, e.g. `wechat`.
        settings: The account.
        api: Calls WeChat.
    """
    found = _written(section, settings)
    if not any(one.setting in (f"{section}.appid", f"{section}.secret") for one in found):
        found += await _asked(section, api)
    found += _templates(section, settings)
    return found


def _written(section: str, settings: AccountSettings) -> list[Finding]:
    found = [
        Finding(
            setting=f"{section}.{name}",
            message_zh=f"未填写，请从公众平台复制“{zh}”",
            message_en=f"empty: copy {zh} from WeChat's site",
        )
        for name, zh, value in (
            ("appid", "开发者ID(AppID)", settings.appid),
            ("secret", "开发者密码(AppSecret)", settings.secret.get_secret_value()),
            ("token", "服务器配置 → 令牌(Token)", settings.token.get_secret_value()),
        )
        if not value
    ]
    if settings.encryption is Encryption.plain:
        found.append(
            Finding(
                setting=f"{section}.encryption",
                message_zh="明文模式下任何人截获一次地址即可伪造消息，请改用安全模式",
                message_en="in plain mode whoever sees one address can forge messages: choose 安全模式",
                fatal=False,
            )
        )
        return found
    try:
        Envelope(settings.encoding_aes_key.get_secret_value(), settings.appid)
    except Misconfigured as error:
        found.append(
            Finding(
                setting=f"{section}.encoding_aes_key",
                message_zh=error.detail_zh,
                message_en=error.detail_en,
            )
        )
    return found


async def _asked(section: str, api: WeChatApi) -> list[Finding]:
    try:
        await api.get(_ASKED)
    except CodeRefused as refused:
        name = OURS_TO_MEND.get(refused.code, ("appid", "", ""))[0]
        return [
            Finding(
                setting=f"{section}.{name}",
                message_zh=refused.detail_zh,
                message_en=refused.detail_en,
            )
        ]
    except TryLater as error:
        return [
            Finding(
                setting=f"{section}.api_url",
                message_zh=f"{error.detail_zh}，请检查网络与防火墙",
                message_en=f"{error.detail_en}: look at network and firewall",
            )
        ]
    return []


def _templates(section: str, settings: AccountSettings) -> list[Finding]:
    return [
        Finding(
            setting=f"{section}.templates.{kind.value}",
            message_zh="未配置模板：市民最近一条消息 48 小时后，此类答复无法再通过微信送达",
            message_en="no template: 48 hours after the citizen's last message it cannot be told over WeChat",
            fatal=False,
        )
        for kind in (ReplyKind.answer, ReplyKind.rating)
        if kind not in settings.templates
    ]
