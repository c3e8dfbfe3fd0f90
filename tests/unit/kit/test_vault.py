from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra.kit.errors import Misconfigured
from infra.kit.vault import Vault, open_vault


def test_what_was_sealed_opens_again_and_never_looks_the_same_twice(vault: Vault) -> None:
    first, second = vault.encrypt("13800001234"), vault.encrypt("13800001234")
    assert first != second
    assert vault.decrypt(first) == vault.decrypt(second) == "13800001234"


def test_another_key_opens_nothing_and_finds_nothing(vault: Vault) -> None:
    other = Vault(bytes(32))
    with pytest.raises(Misconfigured):
        other.decrypt(vault.encrypt("13800001234"))
    assert other.digest("13800001234") != vault.digest("13800001234")


def test_an_altered_record_is_refused(vault: Vault) -> None:
    sealed = bytearray(vault.encrypt("13800001234"))
    sealed[-1] ^= 1
    with pytest.raises(Misconfigured):
        vault.decrypt(bytes(sealed))


def test_the_key_file_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    sealed = open_vault(path).encrypt("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_vault(path).decrypt(sealed) == "x"


def test_a_key_file_with_rubbish_names_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    path.write_text("not base64!")
    with pytest.raises(Misconfigured, match=r"security\.data_key_file"):
        open_vault(path)
