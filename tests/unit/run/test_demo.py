from __future__ import annotations

from pathlib import Path

import pytest

from infra.kit.errors import Misconfigured
from infra.run.check import check
from infra.run.demo import demo
from infra.run.settings import (
    DatabaseSettings,
    RedisSettings,
    ServerSettings,
    TelephonySettings,
    load,
)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "hotline.example"])  # refused
async def test_the_demo_listens_on_the_loopback_only(host: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        await demo(load(server=ServerSettings(host=host)), citizens=False)
    assert "server.host" in refused.value.detail_en
    assert "server.host" in refused.value.detail_zh


async def test_check_does_not_show_the_password_of_redis(tmp_path: Path) -> None:
    settings = load(
        database=DatabaseSettings(url=f"sqlite:///{tmp_path}/lianxin.db"),
        redis=RedisSettings(url="redis://u:sesame@127.0.0.1:1/0"),
        telephony=TelephonySettings(enabled=False),
    )
    report = (await check(settings))["redis"]
    assert "127.0.0.1:1" in report.detail_en
    assert "sesame" not in report.detail_en + report.detail_zh
