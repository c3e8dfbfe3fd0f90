"""What is wrong with the form of a new person."""

from __future__ import annotations

from collections.abc import Iterator

from agent_console.accounts.rules import PEOPLE_ROLES, UNIT_ROLES
from infra.kit.errors import FieldError
from infra.kit.identity import Role

MIN_PASSWORD = 10


def wrong_user(
    number: str, name: str, password: str, role: Role, unit: str | None
) -> list[FieldError]:
    """Return every field that must be mended; whether the unit is there is not looked at."""
    return [
        *_wrong_identity(number, name),
        *wrong_password(password),
        *_wrong_role(role, unit),
    ]


def wrong_password(password: str) -> list[FieldError]:
    """Return the field error of a password that is too short or too long."""
    if MIN_PASSWORD <= len(password) <= 200:
        return []
    return [
        FieldError(
            pointer="/password",
            message_zh=f"密码应为 {MIN_PASSWORD} 至 200 个字符",
            message_en=f"Must be {MIN_PASSWORD} to 200 characters",
        )
    ]


def _wrong_identity(number: str, name: str) -> Iterator[FieldError]:
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        yield FieldError(
            pointer="/number",
            message_zh="工号应为 1 至 20 位数字",
            message_en="Must be 1 to 20 digits",
        )
    if not 0 < len(name.strip()) <= 40:
        yield FieldError(
            pointer="/name",
            message_zh="姓名应为 1 至 40 个字",
            message_en="Must be 1 to 40 characters",
        )


def _wrong_role(role: Role, unit: str | None) -> Iterator[FieldError]:
    if role not in PEOPLE_ROLES:
        yield FieldError(
            pointer="/role",
            message_zh="该角色仅供系统密钥使用，请选择人员角色",
            message_en="That role is for keys of other systems: choose a person's",
        )
    elif role in UNIT_ROLES and not unit:
        yield FieldError(
            pointer="/unit",
            message_zh="经办人和第一责任人须填写承办单位代码",
            message_en="A unit's clerk or head needs the code of the unit",
        )
    elif role not in UNIT_ROLES and unit:
        yield FieldError(
            pointer="/unit",
            message_zh="只有经办人和第一责任人隶属承办单位，请删除此项",
            message_en="Only a unit's clerk or head has a unit, remove it",
        )
