from __future__ import annotations

import wave
from pathlib import Path

import pytest

from telephony.asterisk.prompts import PROMPTS, Prompt, make_prompts, voice_missing
from tests.parts import missing

FEW = (Prompt(name="welcome", text="您好"), Prompt(name="transfer", text="请稍候"))


@pytest.fixture
def no_voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_voice")
def test_without_a_voice_prompts_are_tones_and_it_says_so(tmp_path: Path) -> None:
    said: list[str] = []

    made = make_prompts(tmp_path / "p", FEW, say=said.append)

    assert made.toned == ("welcome", "transfer")
    assert made.spoken == ()
    assert len(said) == 1
    assert "espeak-ng" in said[0]
    for name in ("welcome", "transfer", "tone", "hold/hold"):
        with wave.open(str(tmp_path / "p" / f"{name}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            assert file.getnframes() > 0


@pytest.mark.usefixtures("no_voice")
def test_a_recorded_file_wins(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    recorded = tmp_path / "p" / "welcome.wav"
    recorded.write_bytes(b"recorded by a person")

    made = make_prompts(tmp_path / "p", FEW)

    assert (made.kept, made.toned) == (("welcome",), ("transfer",))
    assert recorded.read_bytes() == b"recorded by a person"


@pytest.mark.usefixtures("no_voice")
def test_a_second_run_has_nothing_to_do_and_nothing_to_say(tmp_path: Path) -> None:
    make_prompts(tmp_path / "p", FEW)
    said: list[str] = []

    made = make_prompts(tmp_path / "p", FEW, say=said.append)

    assert made.kept == ("welcome", "transfer")
    assert said == []


def test_with_a_voice_prompts_are_spoken_and_nothing_else_is_left(tmp_path: Path) -> None:
    if voice_missing():
        missing("a voice", "apt install espeak-ng sox")
    made = make_prompts(tmp_path / "p", FEW)

    assert made.spoken == ("welcome", "transfer")
    with wave.open(str(tmp_path / "p" / "welcome.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert 0.2 < file.getnframes() / 8000 < 3
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        "welcome.wav",
        "transfer.wav",
        "tone.wav",
        "hold",
    }


def test_every_prompt_has_a_name_of_its_own_and_a_chinese_text() -> None:
    assert len({prompt.name for prompt in PROMPTS}) == len(PROMPTS)
    assert all(any("一" <= sign <= "鿿" for sign in prompt.text) for prompt in PROMPTS)
