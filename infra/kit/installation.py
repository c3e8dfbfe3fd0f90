"""What makes a database one installation: the data key that belongs to it, known by a digest."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from infra.kit.database import Database, Row
from infra.kit.errors import Misconfigured
from infra.kit.vault import Vault, open_vault

_KEY_CHECK = "data_key_check"
_CHECKED_TEXT = "lianxin data key"


class InstallationRow(Row, table=True):
    """One fact about this installation."""

    __tablename__ = "installation"

    key: str = Field(primary_key=True, max_length=40)
    value: str = Field(max_length=200)


async def open_own_vault(database: Database, path: Path) -> Vault:
    """Return the vault of this database; at the very first start its key is made and noted.

    Args:
        database: With all tables.
        path: The setting `security.data_key_file`.

    Raises:
        Misconfigured: The database's key is missing, or `path` holds another one.
    """
    vault = await require_own_key(database, path)
    if vault is not None:
        return vault
    vault = open_vault(path)
    try:
        async with database.transaction() as session:
            session.add(InstallationRow(key=_KEY_CHECK, value=vault.digest(_CHECKED_TEXT)))
    except IntegrityError:  # another process started for the first time at the same moment
        await require_own_key(database, path)
    return vault


async def require_own_key(database: Database, path: Path) -> Vault | None:
    """Return the vault of this database, or None if no key belongs to it yet.

    Raises:
        Misconfigured: The database's key is missing, or `path` holds another one.
    """
    async with database.reading() as session:
        row = await session.get(InstallationRow, _KEY_CHECK)
    return None if row is None else _open_own(path, row.value)


def _open_own(path: Path, check: str) -> Vault:
    where = f"security.data_key_file {path.absolute()}"
    if not path.exists():
        # A new key would open nothing that is stored, and would make every citizen a stranger.
        raise Misconfigured(
            f"this database has a data key, but {where} does not exist: "
            "restore it from its copy, or mend the setting or the working folder",
            f"数据库已有数据密钥，但 {where} 不存在：请从备份恢复该文件，或检查该设置和工作目录",
        )
    vault = open_vault(path)
    if vault.digest(_CHECKED_TEXT) != check:
        raise Misconfigured(
            f"{where} holds another key than this database's: "
            "restore the key that belongs to it, or mend security.data_key_file or database.url",
            f"{where} 中的密钥与数据库不匹配："
            "请恢复原密钥，或检查 security.data_key_file 和 database.url",
        )
    return vault
