"""What an installation sets for WeChat."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field, SecretStr

from channels.protocol import ChannelSettings, ReplyKind

_Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")]


class Part(pydantic.BaseModel):
    """A part of a channel's settings: an unknown key stops the start."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Encryption(StrEnum):
    """消息加解密方式, as it is chosen at WeChat."""

    plain = "plain"
    """明文模式: messages are not signed, only the address is. Not for use with citizens."""
    compatible = "compatible"
    """兼容模式: they come plain and encrypted; the plain ones are not read."""
    safe = "safe"
    """安全模式."""


class Template(Part):
    """How one kind of reply is told when the time for free words is over."""

    id: str = Field(min_length=1, max_length=64, description="The template's id at WeChat.")
    way: Literal["template", "subscribe"] = Field(
        default="subscribe",
        description="template: 模板消息 of a service account; subscribe: 订阅通知 or 订阅消息.",
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="The template's fields, e.g. thing1, and what stands in each, with {number}, {text} and {time}.",
    )


class Button(Part):
    """A button of the account's menu."""

    name: str = Field(min_length=1, max_length=16, description="What stands on it.")
    key: _Key = Field(
        default="",
        description="For a click that says something: the key of its words in `words`.",
    )
    url: str = Field(default="", description="For a button that opens a page.")
    mini_page: str = Field(
        default="",
        description="For a button that opens a page of the mini program, e.g. pages/index/index.",
    )
    buttons: tuple[Button, ...] = Field(
        default=(), max_length=5, description="The buttons below it, for one that only opens them."
    )

    @pydantic.model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(map(bool, (self.key, self.url or self.mini_page, self.buttons))) != 1:
            raise ValueError(
                f"button {self.name}: give one of key, url (with or without mini_page) and buttons "
                f"按钮“{self.name}”只能设置 key、url（可带 mini_page）、buttons 之一"
            )
        return self


_WORDS = {"report": "我要反映", "agent": "人工"}


class AccountSettings(ChannelSettings):
    """An account of WeChat."""

    enabled: bool = Field(
        default=False, description="Whether contacts are taken in over this channel."
    )
    appid: str = Field(default="", description="开发者ID(AppID).")
    secret: SecretStr = Field(default=SecretStr(""), description="开发者密码(AppSecret).")
    token: SecretStr = Field(default=SecretStr(""), description="令牌(Token) of 服务器配置.")
    encoding_aes_key: SecretStr = Field(
        default=SecretStr(""), description="消息加解密密钥(EncodingAESKey) of 服务器配置."
    )
    encryption: Encryption = Field(
        default=Encryption.safe,
        description="消息加解密方式: safe 安全模式, compatible 兼容模式 or plain 明文模式.",
    )
    original_id: str = Field(
        default="", description="原始ID, e.g. gh_97417a04a28d; empty: messages for any are taken."
    )
    signature_minutes: int = Field(
        default=120,
        ge=0,
        description="How far the time of a signature may be from our clock; 0: as far as it likes.",
    )
    templates: dict[ReplyKind, Template] = Field(
        default_factory=dict,
        description="For each kind of reply the template that is used when free words are not taken any more.",
    )
    media_megabytes: int = Field(
        default=20, ge=1, le=100, description="The largest file that is fetched."
    )
    api_url: str = Field(
        default="https://api.weixin.qq.com",
        pattern=r"^https?://[^\s/]+$",
        description="Address of WeChat's API.",
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long WeChat may take to answer."
    )


class WeChatSettings(AccountSettings):
    """The WeChat official account (公众号)."""

    greeting: str = Field(
        default="您好，这里是12345政务服务便民热线。请直接留言，或发送“我要反映”按提示填写，发送“人工”联系话务员。",
        max_length=600,
        description="What a new follower is told; empty: nothing.",
    )
    words: dict[_Key, str] = Field(
        default_factory=lambda: dict(_WORDS),
        description="What a click on a button, or a scanned code, means that the citizen says, by its key.",
    )
    menu: tuple[Button, ...] = Field(
        default=(Button(name="我要反映", key="report"), Button(name="人工服务", key="agent")),
        max_length=3,
        description="The account's menu; `lianxin wechat menu` puts it up.",
    )
    mini_appid: str = Field(
        default="", description="AppID of the mini program that buttons and templates open."
    )

    @pydantic.model_validator(mode="after")
    def _buttons_say_something(self) -> Self:
        for button in (*self.menu, *(below for top in self.menu for below in top.buttons)):
            if button.key and button.key not in self.words:
                raise ValueError(
                    f"wechat.words says nothing for the button {button.name} (key {button.key}) "
                    f"wechat.words 中没有按钮“{button.name}”（{button.key}）对应的话"
                )
        return self


class WeChatMiniSettings(AccountSettings):
    """The WeChat mini program (小程序)."""

    page: str = Field(
        default="pages/ticket/ticket", description="The page that a subscribed message opens."
    )
    state: Literal["formal", "trial", "developer"] = Field(
        default="formal", description="miniprogram_state: which version such a message opens."
    )
    session_days: int = Field(
        default=30, ge=1, le=365, description="How long a citizen stays logged in."
    )
    reports_per_hour: int = Field(
        default=10, ge=1, description="How many reports one citizen may send in an hour."
    )
    files_per_hour: int = Field(
        default=60, ge=1, description="How many files one citizen may send in an hour."
    )
    logins_per_minute: int = Field(
        default=60, ge=1, description="How many logins a minute one address may try."
    )
