"""The commented example of `lianxin.toml`, written from the settings themselves so that it cannot be wrong."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from infra.run.settings import Settings

_HEAD = """\
# Lianxin's settings. Every line is the default: take the leading `#` away from what you change.
# The environment is stronger than this file: LIANXIN_SERVER__PORT=9090 sets `port` in [server].
# An unknown key stops the start and is named.
#
# 每一行都是默认值，需要修改时去掉行首的“#”。环境变量优先于本文件，例如 LIANXIN_SERVER__PORT=9090。
# 出现未知的配置项时系统不会启动，并会指出是哪一项。
"""


def render() -> str:
    """Return the example as TOML in which every key stands commented out with its default."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)  # noqa: S101  # every setting is a section
        assert issubclass(section, BaseModel)  # noqa: S101  # every setting is a section
        parts.append(f"\n[{name}]\n")
        parts += [_line(key, found) for key, found in section.model_fields.items()]
    return "".join(parts)


def _line(key: str, field: FieldInfo) -> str:
    comment = textwrap.fill(
        field.description or "", 110, initial_indent="# ", subsequent_indent="# "
    )
    default = field.get_default(call_default_factory=True, validated_data={})
    return f"{comment}\n#{key} = {_toml(default)}\n"


def _toml(value: Any) -> str:
    if isinstance(value, SecretStr):
        return json.dumps(value.get_secret_value())
    if isinstance(value, (Path, str)):
        return json.dumps(_portable(str(value)), ensure_ascii=False)
    if value is None:
        return '""'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, (BaseModel, dict)):
        members = value.items() if isinstance(value, dict) else value
        pairs = (f"{key} = {_toml(item)}" for key, item in members)
        return f"{{ {', '.join(pairs)} }}"
    return json.dumps(value, default=str, ensure_ascii=False)


def _portable(text: str) -> str:
    """Return a default path as it reads on any machine: relative to the working folder or to the home."""
    for base, name in ((f"{Path.cwd()}/", ""), (f"{Path.home()}/", "~/")):
        if text.startswith(base):
            return name + text.removeprefix(base)
    return text
