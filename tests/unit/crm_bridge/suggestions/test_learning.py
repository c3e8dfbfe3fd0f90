import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.learning import Example, Lessons, learn
from crm_bridge.suggestions.model import Model
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.segmenter import Segmenter
from crm_bridge.units.rules import Unit, UnitKind
from tests.unit.crm_bridge.suggestions.conftest import TRAINED_AT

MATTERS = (
    Matter(
        code="1",
        name_zh="暖气不热",
        name_en="Cold",
        category="3004",
        unit="GRGS",
        keywords=("暖气", "不热"),
    ),
    Matter(
        code="2",
        name_zh="占道经营",
        name_en="Vending",
        category="2001",
        unit="CGJ",
        keywords=("摆摊", "占道"),
    ),
    Matter(
        code="3",
        name_zh="桥西：广场舞",
        name_en="Dancing",
        category="2005",
        unit="QXJD",
        keywords=("广场舞",),
    ),
    Matter(
        code="4",
        name_zh="桥东：广场舞",
        name_en="Dancing",
        category="2005",
        unit="QDJD",
        keywords=("广场舞",),
    ),
)
UNITS = tuple(
    Unit(
        code=code,
        name_zh=code,
        name_en=code,
        kind=UnitKind.subdistrict if area else UnitKind.bureau,
        area=area,
    )
    for code, area in (
        ("GRGS", ""),
        ("CGJ", ""),
        ("ZJJ", ""),
        ("QXJD", "桥西街道"),
        ("QDJD", "桥东街道"),
    )
)
LESSONS = Lessons(areas={"QXJD", "QDJD"}, matters=MATTERS, examples=())


def confirmed(count: int, text: str, unit: str, category: str = "3004") -> list[Example]:
    return [
        Example(question=Question(title=f"第{n}件", text=text, category=category), unit=unit)
        for n in range(count)
    ]


def suggested(model: Model, text: str, category: str = "") -> list[str]:
    found = Adviser(UNITS, MATTERS, model).suggest(Question(text=text, category=category))
    return [one.unit for one in found]


def test_catalogue_alone_is_enough_to_begin(scratch: Path) -> None:
    model = learn(LESSONS, TRAINED_AT, scratch)
    assert suggested(model, "家里暖气不热")[0] == "GRGS"
    assert suggested(model, "路口摆摊")[0] == "CGJ"


def test_one_unit_alone_can_be_learned(scratch: Path) -> None:
    model = learn(replace(LESSONS, matters=MATTERS[:2]), TRAINED_AT, scratch)
    assert set(model.learned.classes) == {"GRGS", "CGJ"}


def test_confirmed_history_outweighs_the_catalogue_as_it_grows(scratch: Path) -> None:
    """What a city does differently from what is written becomes what is suggested."""
    text = "家里暖气不热，分户改造遗留"
    before = learn(LESSONS, TRAINED_AT, scratch)
    assert suggested(before, text, "3004")[0] == "GRGS"
    taught = [
        *confirmed(300, text, "ZJJ"),
        *confirmed(300, "整栋楼冰凉没有供暖", "GRGS"),
        *confirmed(300, "摆摊占道", "CGJ", "2001"),
    ]
    after = learn(replace(LESSONS, examples=taught), TRAINED_AT, scratch)
    assert suggested(after, text, "3004")[0] == "ZJJ"
    assert suggested(after, "整栋楼冰凉", "3004")[0] == "GRGS"


def test_words_of_few_citizens_stay_out_of_the_model(scratch: Path) -> None:
    private = "欧阳翠花住锦绣阁"
    taught = [*confirmed(4, private, "ZJJ"), *confirmed(5, "外墙保温脱落", "ZJJ")]
    model = learn(replace(LESSONS, examples=taught, least=5), TRAINED_AT, scratch)
    terms = "|".join(model.vocabulary.terms)
    assert "外墙" in terms
    assert not any(word in terms for word in ("欧阳", "翠花", "锦绣"))
    shown = learn(replace(LESSONS, examples=taught, least=4), TRAINED_AT, scratch)
    assert "翠花" in "|".join(shown.vocabulary.terms)


def test_telephone_numbers_are_in_no_file(scratch: Path) -> None:
    taught = confirmed(50, "请回电13800015121，暖气不热", "GRGS")
    model = learn(replace(LESSONS, examples=taught), TRAINED_AT, scratch)
    path = scratch / "model.npz"
    model.save(path)
    assert not any(sign.isdigit() for term in model.vocabulary.terms for sign in term)


def test_places_of_confirmed_dispatches_are_learned(scratch: Path) -> None:
    taught = [
        Example(
            question=Question(text="广场舞太吵", address=f"槐荫路{n}号", category="2005"),
            unit="QDJD",
        )
        for n in range(6)
    ]
    model = learn(replace(LESSONS, examples=taught), TRAINED_AT, scratch)
    assert model.learned.places == {"槐荫路": {"QDJD": 6}}
    adviser = Adviser(UNITS, MATTERS, model)
    found = adviser.suggest(Question(text="广场舞", address="槐荫路"))
    assert found[0].unit == "QDJD"
    rare = learn(replace(LESSONS, examples=taught[:4]), TRAINED_AT, scratch)
    assert rare.learned.places == {}


def test_same_lessons_make_the_same_model(scratch: Path) -> None:
    lessons = replace(LESSONS, examples=confirmed(30, "暖气不热", "GRGS"))
    assert (
        learn(lessons, TRAINED_AT, scratch).version == learn(lessons, TRAINED_AT, scratch).version
    )


def test_segmenter_keeps_to_its_own_folder_and_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    shared = Path(tempfile.gettempdir()) / "jieba.cache"
    before = shared.stat().st_mtime_ns if shared.exists() else None
    with caplog.at_level(logging.DEBUG):
        words = Segmenter(["弃管小区"], tmp_path).cut("我们是弃管小区没人管")
    assert "弃管小区" in words
    assert (shared.stat().st_mtime_ns if shared.exists() else None) == before
    assert [path.suffix for path in tmp_path.iterdir()] == [".cache"]
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_a_server_does_not_load_what_only_learning_needs() -> None:
    code = (
        "import sys, crm_bridge.suggestions.service, crm_bridge.similar.pending, infra.run.cli\n"
        "print([name for name in ('jieba', 'sklearn', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=50,
    )
    assert done.stdout.strip() == "[]"
