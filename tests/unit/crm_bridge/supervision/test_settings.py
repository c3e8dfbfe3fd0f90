import pytest
from pydantic import ValidationError

from crm_bridge.supervision.rules import Rung
from crm_bridge.supervision.settings import SupervisionSettings


def test_every_rung_has_prefix_and_limit() -> None:
    settings = SupervisionSettings()
    assert [settings.prefix(rung) for rung in Rung] == ["热线提", "热线督", "热线调", "热线挂"]
    assert [settings.reply_days(rung) for rung in Rung] == [1, 3, 5, 10]


def test_the_issuer_is_the_citys_hotline_unless_it_is_named() -> None:
    assert SupervisionSettings().issuer_in("临江市") == "临江市12345政务服务便民热线中心"
    assert SupervisionSettings(issuer="临江市大数据中心").issuer_in("临江市") == "临江市大数据中心"


@pytest.mark.parametrize("prefix", ["", "热 线", "热线〔", "热线2", "热线提"])
def test_a_prefix_that_numbers_could_not_be_told_apart_by_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError):
        SupervisionSettings(listed_prefix=prefix)


def test_an_empty_path_names_nothing() -> None:
    assert SupervisionSettings.model_validate({"font": "", "templates": ""}).font is None
