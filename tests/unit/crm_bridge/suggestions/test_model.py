import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_bridge.suggestions.features import Vocabulary
from crm_bridge.suggestions.model import Learned, Model, ModelUnreadable, load
from crm_bridge.suggestions.rules import Question
from tests.unit.crm_bridge.suggestions.conftest import TRAINED_AT

LEARNED = Learned(
    trained_at=TRAINED_AT,
    catalogue=3,
    confirmed=7,
    shipped=2,
    classes=("CGJ", "GRGS"),
    categories=("2001", "3004"),
    words=2,
    temperature=0.8,
    by_category={"3004": {"GRGS": 7}},
    places={"中山西路": {"QXJD": 3}},
)
WEIGHTS = np.array([[-1.0, 2.0], [1.5, -1.0], [0.25, -0.5], [0.5, -0.5], [-0.5, 0.75]])


def small(learned: Learned = LEARNED) -> Model:
    vocabulary = Vocabulary(("暖气", "摆摊", "不热"))
    return Model(learned, vocabulary, np.ones(3), WEIGHTS, np.array([-0.5, 0.5]))


def test_question_is_scored_by_its_terms_and_category() -> None:
    logits = small().logits(Question(text="暖气", category="3004"))
    assert logits == {"CGJ": pytest.approx(-1.75), "GRGS": pytest.approx(2.875)}


def test_nothing_known_gives_no_score() -> None:
    assert small().logits(Question(text="hello 12345", category="?")) == {}


def test_telling_words_are_words_that_speak_for_the_unit() -> None:
    question = Question(title="摆摊不热", text="暖气")
    assert [word for word, _ in small().telling(question, "GRGS")] == ["暖气"]
    assert [word for word, _ in small().telling(question, "CGJ")] == ["摆摊"]
    assert small().telling(question, "UNKNOWN") == ()


def test_saved_model_answers_the_same_when_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.npz"
    model = small()
    model.save(path)
    read = load(path)
    question = Question(text="暖气不热", category="3004")
    assert read.logits(question) == model.logits(question)
    assert (read.version, read.learned.trained_at) == (model.version, TRAINED_AT)
    assert read.learned.places == LEARNED.places
    assert [one.name for one in path.parent.iterdir()] == ["model.npz"]


def test_another_model_has_another_version() -> None:
    later = replace(LEARNED, trained_at=TRAINED_AT.replace(hour=4))
    assert small().version != small(later).version
    assert small().version == small().version


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (Path("/nonexistent/would-raise"),)


def test_file_with_a_pickle_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, names=np.array([Bomb()], dtype=object))
    with pytest.raises(ModelUnreadable):
        load(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelUnreadable):
        load(path)


def test_other_formats_and_shapes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    small().save(path)
    with np.load(path) as arrays:
        parts = dict(arrays)
    for change in (
        {"names": np.frombuffer(b"{}", dtype=np.uint8)},
        {"names": np.frombuffer(b"[1]", dtype=np.uint8)},
        {"names": np.frombuffer(b"\xff", dtype=np.uint8)},
        {"weights": parts["weights"][:2]},
        {"rarity": parts["rarity"][:1]},
        {"bias": parts["bias"][:1]},
        {"names": _with(parts["names"], format=99)},
        {"names": _with(parts["names"], terms=[1, 2, 3])},
        {"names": _with(parts["names"], trained_at="yesterday")},
        {"names": _with(parts["names"], unheard_of=1)},
    ):
        np.savez(path, **(parts | change))
        with pytest.raises(ModelUnreadable):
            load(path)


def _with(names: np.ndarray, **change: object) -> np.ndarray:
    return np.frombuffer(json.dumps(json.loads(names.tobytes()) | change).encode(), dtype=np.uint8)


def test_file_that_would_unpack_to_more_than_any_model_is_not_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("names.npy", "w") as part,
    ):
        for _ in range(130):
            part.write(bytes(1024 * 1024))
    path = tmp_path / "model.npz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ModelUnreadable):
        load(path)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.data())
def test_broken_file_is_refused_or_read_whole(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "model.npz"
    small().save(path)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read = load(path)
    except ModelUnreadable:
        return
    assert read.learned.classes
