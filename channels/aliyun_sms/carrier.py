"""Short messages through Alibaba Cloud: by approved templates, and looked for by our own key.

https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms and …-querysenddetails
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp
import structlog

from channels.aliyun_sms.rules import Meaning, common, meaning, signature
from channels.aliyun_sms.settings import AliyunSmsSettings
from channels.protocol import CannotReply, Finding, Sent
from channels.sms.protocol import MessageRejected
from channels.sms.rules import MessageKind, ShortMessage
from infra.kit.clock import Clock
from infra.kit.errors import Misconfigured, TryLater

log = structlog.get_logger()

_CHINA = timezone(timedelta(hours=8))
_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 20.0
_ACCOUNT_RETRY_SECONDS = 60.0
_LIMIT_RETRY_SECONDS = 60.0


class AliyunRefused(TryLater):
    """Alibaba Cloud refuses account, signature or template: an operator must mend it, then it goes on."""

    slug = "aliyun-account-refused"
    title_zh = "阿里云拒绝了账号、短信签名或模板，请管理员检查 [aliyun_sms] 与 sms.signature"
    title_en = "Alibaba Cloud refuses account, signature or template: look at [aliyun_sms] and sms.signature"


class AliyunCarrier:
    """Carries short messages; implements `SmsProvider` and `Settling`.

    Args:
        settings: The account and its templates.
        signature_name: The approved signature (短信签名).
        clock: Stamps requests.

    Raises:
        Misconfigured: There is no account.
    """

    name: ClassVar[str] = "aliyun-sms"

    def __init__(self, settings: AliyunSmsSettings, signature_name: str, clock: Clock) -> None:
        if not settings.access_key_id or not settings.access_key_secret.get_secret_value():
            raise Misconfigured(
                "aliyun_sms.access_key_id and aliyun_sms.access_key_secret are needed",
                "缺少 aliyun_sms.access_key_id 或 aliyun_sms.access_key_secret，请填写 RAM 用户的 AccessKey",
            )
        self._settings = settings
        self._signature_name = signature_name
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: ShortMessage) -> Sent:
        """Hand a message over; see `SmsProvider.send`."""
        template = self._settings.templates.get(message.kind)
        if template is None:
            raise CannotReply(
                f"there is no template for messages of the kind {message.kind}: set aliyun_sms.templates",
                f"没有 {message.kind} 类短信的模板，请在 aliyun_sms.templates 中设置",
            )
        answer = await self._ask(
            "SendSms",
            {
                "PhoneNumbers": _to(message),
                "SignName": self._signature_name,
                "TemplateCode": template,
                "TemplateParam": json.dumps(dict(message.parameters), ensure_ascii=False),
                "OutId": message.key,
            },
        )
        self._require_taken(answer)
        return Sent(provider_id=str(answer.get("BizId", "")))

    async def settle(self, message: ShortMessage, since: datetime) -> Sequence[Sent]:
        """Return what the service sent to the number under our key; see `Settling.settle`."""
        answer = await self._ask(
            "QuerySendDetails",
            {
                "PhoneNumber": _to(message),
                "SendDate": since.astimezone(_CHINA).strftime("%Y%m%d"),
                "PageSize": "50",
                "CurrentPage": "1",
            },
        )
        if answer.get("Code") != "OK":
            raise TryLater("Alibaba Cloud does not say", "阿里云暂未返回发送记录")
        found = answer.get("SmsSendDetailDTOs", {}).get("SmsSendDetailDTO", [])
        # The details do not name the BizId; the report brings it, and our key with it.
        ours = any(detail.get("OutId") == message.key for detail in found)
        return (Sent(provider_id=f"out:{message.key}"[:80]),) if ours else ()

    async def check(self) -> Sequence[Finding]:
        """Return which templates are missing, and whether the account is taken."""
        findings = [
            Finding(
                setting="aliyun_sms.templates",
                message_zh=f"没有 {kind} 类短信的模板，此类短信不会发出",
                message_en=f"there is no template for messages of the kind {kind}, they are not sent",
                fatal=kind is MessageKind.code,
            )
            for kind in (MessageKind.code, MessageKind.rating, MessageKind.answer)
            if kind not in self._settings.templates
        ]
        try:
            answer = await self._ask("QuerySmsSign", {"SignName": self._signature_name})
        except (TryLater, TimeoutError) as error:
            return (*findings, _unreachable(error))
        code = str(answer.get("Code", ""))
        if meaning(code) is not Meaning.taken:
            findings.append(
                Finding(
                    setting="aliyun_sms.access_key_id",
                    message_zh=f"阿里云返回 {code}：请检查 AccessKey 及短信签名 {self._signature_name}",
                    message_en=f"Alibaba Cloud answers {code}: look at the AccessKey and the signature",
                )
            )
        return findings

    async def close(self) -> None:
        """Return once no connection is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _require_taken(self, answer: Mapping[str, Any]) -> None:
        code = str(answer.get("Code", ""))
        match meaning(code):
            case Meaning.taken:
                return
            case Meaning.later:
                raise TryLater(f"code {code}", f"错误码 {code}", retry_after=_LIMIT_RETRY_SECONDS)
            case Meaning.in_doubt:
                raise TimeoutError(code)
            case Meaning.account:
                log.error("aliyun_account_refused", code=code)
                raise AliyunRefused(
                    f"code {code}", f"错误码 {code}", retry_after=_ACCOUNT_RETRY_SECONDS
                )
            case Meaning.rejected:
                raise MessageRejected(code)

    async def _ask(self, action: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        settings = self._settings
        at = self._clock.now().astimezone(UTC)
        form = common(settings.access_key_id, action, at, uuid4().hex) | dict(parameters)
        secret = settings.access_key_secret.get_secret_value()
        form["Signature"] = signature("POST", form, secret)
        try:
            async with self._open().post(
                settings.api_url, data=form, allow_redirects=False
            ) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater("Alibaba Cloud cannot be reached", "无法连接阿里云") from error
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise TimeoutError("Alibaba Cloud did not answer") from error
        if not isinstance(answer, dict) or "Code" not in answer:
            raise TimeoutError("not an answer of Alibaba Cloud")
        return answer

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
            )
        return self._session


def _to(message: ShortMessage) -> str:
    phone = message.phone
    if not (phone.is_mobile or phone.is_foreign):
        raise CannotReply(
            "a landline shows no short message", "固定电话无法接收短信，请改用其他方式联系市民"
        )
    return phone.digits.removeprefix("00")


def _unreachable(error: Exception) -> Finding:
    return Finding(
        setting="aliyun_sms.api_url",
        message_zh=f"无法向阿里云查询（{error}）：请检查网络与 aliyun_sms.api_url",
        message_en=f"Alibaba Cloud cannot be asked ({error}): look at the network and aliyun_sms.api_url",
    )
