"""What the stub WeChat refuses of templates and menus, as the documentation has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FIELD = re.compile(r"([a-z_]+?)\d+")
_VALUES: Mapping[str, re.Pattern[str]] = {
    "thing": re.compile(r"[^\n\r\t]{1,20}"),
    "const": re.compile(r"[^\n\r\t]{1,20}"),
    "character_string": re.compile(r"[!-~ ]{1,32}"),
    "number": re.compile(r"[0-9.]{1,32}"),
    "phrase": re.compile(r"[^\n\r\t]{1,5}"),
    "name": re.compile(r"[^\n\r\t]{1,10}"),
    "time": re.compile(r"(\d{4}[-年]\d{1,2}[-月]\d{1,2}日? ?)?(\d{1,2}:\d{2})?(:\d{2})?"),
}
_MOST_TEXT_BYTES = 2048
_MATERIAL: Mapping[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"image/jpeg", "image/png", "image/gif"}), 10 * 1024 * 1024),
    "voice": (frozenset({"audio/amr", "audio/mpeg"}), 2 * 1024 * 1024),
    "video": (frozenset({"video/mp4"}), 10 * 1024 * 1024),
    "thumb": (frozenset({"image/jpeg"}), 64 * 1024),
}
_TYPES = {"click": {"key"}, "view": {"url"}, "miniprogram": {"appid", "pagepath", "url"}}


def data_refused(body: Mapping[str, Any]) -> int:
    """Return the code with which a message by template is refused; 0 if it is taken."""
    if not body.get("touser"):
        return 40003
    if not body.get("template_id"):
        return 40037
    data = body.get("data")
    if not isinstance(data, dict) or not data:
        return 47003
    for name, value in data.items():
        kind = _FIELD.fullmatch(name)
        pattern = _VALUES.get(kind[1]) if kind else None
        text = value.get("value") if isinstance(value, dict) else None
        if not isinstance(text, str) or not text or (pattern and not pattern.fullmatch(text)):
            return 47003
    return 0


def material_refused(kind: str, media_type: str, size: int, *, mini: bool) -> int:
    """Return the code with which temporary material is refused; 0 if it is kept."""
    types, most = _MATERIAL.get(kind, (frozenset(), 0))
    if media_type not in types or (mini and kind != "image"):
        return 40004
    return 45001 if not 0 < size <= most else 0


def message_refused(kind: str, said: Any, kept: Mapping[str, Any]) -> int:
    """Return the code with which a customer-service message is refused for what it is; 0 if it is taken.

    Args:
        kind: Its `msgtype`.
        said: What stands under that name.
        kept: The material that there is, by its MediaId.
    """
    if not isinstance(said, dict) or not said or kind not in {"text", *_MATERIAL} - {"thumb"}:
        return 40008
    if kind == "text":
        text = str(said.get("content", ""))
        return 45002 if len(text.encode()) > _MOST_TEXT_BYTES else 0 if text else 40008
    needed = ("media_id", "thumb_media_id") if kind == "video" else ("media_id",)
    return 0 if all(said.get(name) in kept for name in needed) else 40007


def button_refused(buttons: Any, most: int = 3) -> int:
    """Return the code with which a menu is refused; 0 if it is taken."""
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        return 40016 if most == 3 else 40023
    for button in buttons:
        if not button.get("name"):
            return 40018
        if "sub_button" in button:
            if code := button_refused(button["sub_button"], 5):
                return code
        elif not all(button.get(name) for name in _TYPES.get(button.get("type"), {"type"})):
            return 40017
    return 0
