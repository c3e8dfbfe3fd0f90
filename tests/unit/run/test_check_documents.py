from pathlib import Path

import pytest

from infra.run.check import check
from infra.run.settings import DatabaseSettings, SecuritySettings, Settings, TelephonySettings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database=DatabaseSettings(url=f"sqlite:///{tmp_path}/test.db"),
        security=SecuritySettings(data_key_file=tmp_path / "data.key"),
        telephony=TelephonySettings(enabled=False),
    )


async def test_the_fonts_of_documents_are_named(settings: Settings) -> None:
    report = (await check(settings))["documents"]
    assert report.ok
    assert ".tt" in report.detail_zh or "STSong-Light" in report.detail_zh


async def test_where_no_font_is_found_it_says_how_to_embed_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_bridge.supervision.documents.fonts._FOLDERS", ())
    report = (await check(settings))["documents"]
    assert report.ok
    assert "supervision.font" in report.detail_zh
    assert "supervision.font" in report.detail_en


async def test_a_template_that_cannot_be_filled_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "order.txt").write_text("标题\n\n${citizen}")
    own = settings.supervision.model_copy(update={"templates": tmp_path})
    report = (await check(settings.model_copy(update={"supervision": own})))["documents"]
    assert not report.ok
    assert "order.txt" in report.detail_zh
    assert "order.txt" in report.detail_en
