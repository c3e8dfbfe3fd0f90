"""All settings, typed: from `lianxin.toml`, over them the environment (`LIANXIN_SECTION__KEY`).

A key that nobody knows stops the start and is named: a typing slip must not silently leave a default in force.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from channels.aliyun_sms.settings import AliyunSmsSettings
from channels.attachments.settings import S3Settings
from channels.counter import CounterSettings
from channels.front.settings import FrontSettings
from channels.mailbox.settings import MailboxSettings
from channels.message_board.channel import MessageBoardSettings
from channels.one_touch import OneTouchSettings
from channels.open311.channel import Open311Settings
from channels.police_110.settings import Police110Settings
from channels.sms.settings import SmsSettings
from channels.twilio.settings import TwilioSettings
from channels.voice import VoiceSettings
from channels.web_form.channel import WebFormSettings
from channels.wechat.settings import WeChatMiniSettings, WeChatSettings
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizens.settings import CitizenSettings
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.settings import CaseworkSettings
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.suggestions.settings import SuggestionSettings
from crm_bridge.supervision.settings import SupervisionSettings
from crm_bridge.upstream.settings import UpstreamSection
from crm_bridge.webhooks.settings import WebhookSettings
from infra.kit.errors import Misconfigured
from infra.kit.problems import field_errors
from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.settings import PhoneNetworkSettings

ENVIRONMENT_PREFIX = "LIANXIN_"
CONFIG_VARIABLE = "LIANXIN_CONFIG"
DEFAULT_FILE = Path("lianxin.toml")


class Section(BaseModel):
    """One table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name} is not a time zone 不是有效的时区") from None
    return name


class CitySettings(Section):
    """The city whose hotline this is."""

    name_zh: str = Field(
        default="临江市", description="Name of the city in Chinese, shown on the pages."
    )
    name_en: str = Field(default="Linjiang", description="Name of the city in English.")
    timezone: Annotated[str, AfterValidator(_is_time_zone)] = Field(
        default="Asia/Shanghai",
        description="Time zone of the city: of its days and hours, everywhere.",
    )


class ServerSettings(Section):
    """The one HTTP port for pages, API and sockets."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port to listen on.")
    public_url: str = Field(
        default="",
        description="Address under which browsers reach the pages, e.g. https://12345.example.gov.cn; "
        "empty: the request's own host. With https, cookies are marked Secure.",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(),
        description="Addresses or networks of the reverse proxies before us, e.g. 127.0.0.1 or 10.0.0.0/24. "
        "Their X-Forwarded-For says who asks; without it everybody behind one shares its limit of wrong logins.",
    )
    stop_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long a graceful stop may take."
    )


class DatabaseSettings(Section):
    """Where the truth lies."""

    url: str = Field(
        default="sqlite:///var/lianxin.db",
        description="sqlite:///path/to/file.db, or postgresql://user:password@host/name.",
    )
    pool_size: int = Field(default=10, ge=1, le=200, description="Connections kept to PostgreSQL.")


class RedisSettings(Section):
    """Needed only when several processes share the work."""

    url: str = Field(
        default="", description="redis://host:6379/0; empty: everything in one process."
    )


class SecuritySettings(Section):
    """Keys."""

    data_key_file: Path = Field(
        default=Path("var/data.key"),
        description="The key that opens telephone numbers in the database; made at the first start. "
        "Keep a copy apart from the database's backups.",
    )


class LogSettings(Section):
    """What is written about the running of the system."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least grave level that is written."
    )
    readable: bool = Field(
        default=False, description="Short coloured lines for a person, instead of JSON."
    )


class TelephonySettings(Section):
    """How this process and the PBX belong together."""

    enabled: bool = Field(default=True, description="Without it everything but voice runs.")
    pbx: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = Field(
        default="pbx-1", description="Name of this PBX; a call is known by it and its linkedid."
    )
    start_asterisk: bool = Field(
        default=True,
        description="Start and supervise Asterisk from here. Off: it runs as a service of its own, "
        "from the folder that `lianxin asterisk render` wrote, and outlives a restart of this process.",
    )


class ConsoleSettings(Section):
    """People at screens."""

    wrap_up_seconds: int = Field(
        default=30, ge=0, le=1800, description="Time for writing up after a call."
    )
    away_seconds: int = Field(
        default=30, ge=5, description="An agent whose page is gone for this long leaves the queue."
    )
    session_idle_minutes: int = Field(
        default=30, ge=1, description="A login without any sign of life ends after this time."
    )
    session_hours: int = Field(default=12, ge=1, description="A login ends after this time anyway.")
    wrong_logins_per_number: int = Field(
        default=8, ge=1, description="How many wrong logins with one staff number are borne."
    )
    wrong_logins_per_address: int = Field(
        default=60,
        ge=1,
        description="How many wrong logins from one address are borne; a whole centre may share one.",
    )
    wrong_logins_minutes: int = Field(
        default=15, ge=1, description="For how long a wrong login counts."
    )
    feed_days: int = Field(
        default=7, ge=1, description="How long what an agent was shown can be shown again."
    )


class RetentionSettings(Section):
    """How long is kept what tickets, calls, recordings and the audit log, which stay, do not need."""

    drafts_days: int = Field(
        default=3, ge=1, description="Forms that were typed and never sent; they name citizens."
    )
    idempotency_keys_days: int = Field(
        default=2, ge=1, description="For how long a request that is sent again is known again."
    )
    presence_log_days: int = Field(
        default=400, ge=1, description="When agents were online, paused or on a call."
    )
    deadline_marks_days: int = Field(
        default=400, ge=100, description="Which warnings and papers were due when, and were given."
    )
    ended_logins_days: int = Field(default=30, ge=1, description="Logins that have ended.")


class Settings(BaseSettings):
    """Every setting there is."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        toml_file=None,
    )

    city: CitySettings = CitySettings()
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    security: SecuritySettings = SecuritySettings()
    logs: LogSettings = LogSettings()
    telephony: TelephonySettings = TelephonySettings()
    s3: S3Settings = S3Settings()
    front: FrontSettings = FrontSettings()
    replies: ReplySettings = ReplySettings()
    voice: VoiceSettings = VoiceSettings()
    police_110: Police110Settings = Police110Settings()
    one_touch: OneTouchSettings = OneTouchSettings()
    casework: CaseworkSettings = CaseworkSettings()
    conversations: ConversationSettings = ConversationSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    suggestions: SuggestionSettings = SuggestionSettings()
    similar: SimilarSettings = SimilarSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    callbacks: CallbackSettings = CallbackSettings()
    citizens: CitizenSettings = CitizenSettings()
    console: ConsoleSettings = ConsoleSettings()
    webhooks: WebhookSettings = WebhookSettings()
    open311: Open311Settings = Open311Settings()
    web_form: WebFormSettings = WebFormSettings()
    sms: SmsSettings = SmsSettings()
    twilio: TwilioSettings = TwilioSettings()
    aliyun_sms: AliyunSmsSettings = AliyunSmsSettings()
    wechat: WeChatSettings = WeChatSettings()
    wechat_mini: WeChatMiniSettings = WeChatMiniSettings()
    citizen: CitizenPageSettings = CitizenPageSettings()
    counter: CounterSettings = CounterSettings()
    mayor_mailbox: MailboxSettings = MailboxSettings()
    message_board: MessageBoardSettings = MessageBoardSettings()
    upstream: UpstreamSection = UpstreamSection()
    retention: RetentionSettings = RetentionSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    phone_network: PhoneNetworkSettings = PhoneNetworkSettings()

    @model_validator(mode="after")
    def _one_time_zone(self) -> Self:
        if "timezone" not in self.asterisk.model_fields_set:
            followed = self.asterisk.model_copy(update={"timezone": self.city.timezone})
            object.__setattr__(self, "asterisk", followed)  # settings are frozen for all others
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the strongest first: arguments, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """Return the settings of this installation.

    Args:
        path: The settings file; without it `LIANXIN_CONFIG`, else `lianxin.toml` in the working folder, else none.
        overrides: Sections given by the caller, stronger than file and environment.

    Raises:
        Misconfigured: A file is missing or unreadable, a key is unknown or a value is wrong; each is named.
    """
    named = path or (Path(os.environ[CONFIG_VARIABLE]) if CONFIG_VARIABLE in os.environ else None)
    file = named or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if file is not None and not file.is_file():
        raise Misconfigured(f"there is no settings file {file}", f"找不到配置文件 {file}")
    _refuse_unknown_variables()

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return Located(**overrides)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file} is not TOML: {error}", f"{file} 不是有效的 TOML") from error
    except pydantic.ValidationError as error:
        raise _explain(error) from error


def _refuse_unknown_variables() -> None:
    # The environment source looks only for sections that it knows; a slip in the section's name would pass it by.
    for variable in os.environ:
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != CONFIG_VARIABLE:
            section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
            if section not in Settings.model_fields or not key:
                raise Misconfigured(
                    f"there is no setting {section}.{key or '?'} (environment variable {variable})",
                    f"没有名为 {section}.{key or '?'} 的配置项（环境变量 {variable}）",
                )


def _explain(error: pydantic.ValidationError) -> Misconfigured:
    english, chinese = [], []
    for detail, field in zip(error.errors(), field_errors(error.errors()), strict=True):
        name = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            english.append(f"there is no setting {name}")
            chinese.append(f"没有名为 {name} 的配置项")
        elif detail["type"] == "value_error":
            english.append(f"setting {name}: {detail['ctx']['error']}")
            chinese.append(f"配置项 {name}：{detail['ctx']['error']}")
        else:
            english.append(f"setting {name}: {field.message_en} ({detail['msg']})")
            chinese.append(f"配置项 {name}：{field.message_zh}")
    return Misconfigured("; ".join(english), "；".join(chinese))
