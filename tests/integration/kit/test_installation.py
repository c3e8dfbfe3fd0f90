from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest

from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.installation import open_own_vault
from infra.kit.vault import KEY_BYTES, open_vault


async def test_the_first_start_makes_the_key_and_later_ones_take_it(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "data.key"
    sealed = (await open_own_vault(database, path)).encrypt("x")
    assert (await open_own_vault(database, path)).decrypt(sealed) == "x"


async def test_a_missing_key_is_not_replaced_and_its_setting_is_named(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "data.key"
    await open_own_vault(database, path)
    path.unlink()
    with pytest.raises(Misconfigured) as refused:
        await open_own_vault(database, path)
    assert f"security.data_key_file {path}" in refused.value.detail_en
    assert f"security.data_key_file {path}" in refused.value.detail_zh
    assert not path.exists()


async def test_another_key_is_refused_and_its_setting_is_named(
    database: Database, tmp_path: Path
) -> None:
    await open_own_vault(database, tmp_path / "data.key")
    other = tmp_path / "other.key"
    open_vault(other)
    with pytest.raises(Misconfigured) as refused:
        await open_own_vault(database, other)
    assert f"security.data_key_file {other}" in refused.value.detail_en
    assert "密钥与数据库不匹配" in refused.value.detail_zh


async def test_two_first_starts_at_once_take_one_key(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    one, other = await asyncio.gather(*(open_own_vault(database, path) for _ in range(2)))
    assert one.digest("x") == other.digest("x")


def test_a_key_file_is_never_there_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.key"

    def fail(_descriptor: int) -> None:
        assert not path.exists()
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError):  # noqa: PT011  # it has no message
            open_vault(path)
    assert list(tmp_path.iterdir()) == []
    open_vault(path)
    assert len(base64.b64decode(path.read_bytes())) == KEY_BYTES
    assert list(tmp_path.iterdir()) == [path]
