"""Everything the hotline says, in one table, and how it gets its voice.

A recorded file always wins: a prompt is made only where the folder holds no file of its name. With espeak-ng and sox it
is spoken; without them it is a short tone, so that every path can still be walked.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import wave
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

RATE = 8000
"""Samples a second of every sound: that of the telephone."""

_SPEAK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One thing that is said.

    Attributes:
        name: File name without `.wav`.
        text: What is said, in Chinese.
    """

    name: str
    text: str


PROMPTS = (
    Prompt(
        name="welcome",
        text="您好，这里是一二三四五政务服务便民热线，为保证服务质量，本次通话将被录音。",
    ),
    Prompt(name="queue-wait", text="话务员正忙，请您稍候，我们会尽快为您接通。"),
    Prompt(name="all-busy", text="非常抱歉，目前话务员全忙，请您稍后再拨，再见。"),
    Prompt(name="transfer", text="正在为您转接人工，请稍候。"),
    Prompt(
        name="survey-greeting",
        text="您好，这里是一二三四五热线回访，想请您评价诉求的办理情况，按零转人工，按星号键重听。",
    ),
    Prompt(
        name="survey-contacted", text="请问承办单位是否与您联系过，已联系请按一，未联系请按二。"
    ),
    Prompt(
        name="survey-solved",
        text="请问您的诉求是否解决，已解决请按一，部分解决请按二，未解决请按三。",
    ),
    Prompt(
        name="survey-satisfied",
        text="请问您对办理结果是否满意，非常满意请按一，满意请按二，基本满意请按三，不满意请按四，非常不满意请按五。",
    ),
    Prompt(name="survey-invalid", text="您的按键有误。"),
    Prompt(
        name="survey-reason",
        text="很抱歉没能让您满意，请在提示音后说出原因，说完请挂机或按井号键。",
    ),
    Prompt(name="survey-thanks", text="感谢您的评价，再见。"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of a prompt folder.

    Attributes:
        spoken: Names of the prompts that were spoken by machine.
        toned: Names of those that are only a tone, for want of a voice.
        kept: Names of those whose file was already there.
    """

    spoken: tuple[str, ...]
    toned: tuple[str, ...]
    kept: tuple[str, ...]


def voice_missing() -> list[str]:
    """The tools that a machine voice needs and that are not on PATH."""
    return [tool for tool in ("espeak-ng", "sox") if shutil.which(tool) is None]


def make_prompts(
    folder: Path,
    prompts: Iterable[Prompt] = PROMPTS,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Made:
    """Makes every prompt that the folder lacks, the beep (`tone.wav`) and the waiting music (`hold/hold.wav`).

    Args:
        folder: Where the 8 kHz 16-bit mono wav files go; made when missing.
        prompts: What is to be said.
        say: Told, in a sentence, what is being done.

    Returns:
        Which were spoken, which are tones, which were kept.
    """
    (folder / "hold").mkdir(parents=True, exist_ok=True)
    missing = voice_missing()
    wanted = list(prompts)
    kept = [prompt for prompt in wanted if (folder / f"{prompt.name}.wav").exists()]
    to_make = [prompt for prompt in wanted if prompt not in kept]
    if to_make and missing:
        say(
            f"没有 {'、'.join(missing)}，{len(to_make)} 条语音用提示音代替；安装后删除这些文件再运行即可 / "
            f"no {' or '.join(missing)}: {len(to_make)} prompts are tones; install, delete the files and run again"
        )
    elif to_make:
        say(f"合成 {len(to_make)} 条语音 / speaking {len(to_make)} prompts → {folder}")
    for prompt in to_make:
        path = folder / f"{prompt.name}.wav"
        if missing:
            write_wav(path, tone(440.0, 0.8))
        else:
            _speak(prompt.text, path)
    for path, samples in ((folder / "tone.wav", _beep), (folder / "hold" / "hold.wav", _music)):
        if not path.exists():
            write_wav(path, samples())
    names = tuple(prompt.name for prompt in to_make)
    return Made(
        spoken=() if missing else names,
        toned=names if missing else (),
        kept=tuple(prompt.name for prompt in kept),
    )


def _speak(text: str, path: Path) -> None:
    """Speaks Mandarin into a file; silence at both ends is cut, so that prompts can be strung together."""
    raw, done = path.with_suffix(".raw.wav"), path.with_suffix(".part.wav")
    espeak = ["espeak-ng", "-v", "cmn", "-s", "260", "-w", str(raw), text]
    trim = ["silence", "1", "0.02", "0.5%", "reverse"]
    sox = [
        "sox",
        str(raw),
        "-r",
        str(RATE),
        "-c",
        "1",
        "-b",
        "16",
        str(done),
        *trim,
        *trim,
        "norm",
        "-3",
    ]
    for command in (espeak, sox):
        subprocess.run(command, check=True, capture_output=True, timeout=_SPEAK_SECONDS)  # noqa: S603 - fixed words
    raw.unlink()
    os.replace(done, path)


def write_wav(path: Path, samples: Sequence[float]) -> None:
    """Writes samples from -1 to 1, whole or not at all."""
    part = path.with_suffix(".part.wav")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array("h", (int(32000 * sample) for sample in samples)).tobytes())
    os.replace(part, path)


def tone(hertz: float, seconds: float) -> list[float]:
    """Samples of one tone."""
    count = int(RATE * seconds)
    return [0.4 * math.sin(2 * math.pi * hertz * index / RATE) for index in range(count)]


def _beep() -> list[float]:
    return tone(950.0, 0.4)


def _music() -> list[float]:
    """Sixteen seconds of plucked pentatonic notes, quiet enough to wait by; nobody's copyright."""
    scale = (261.63, 293.66, 329.63, 392.00, 440.00, 523.25)
    tune = (0, 2, 3, 4, 3, 2, 1, 2, 4, 5, 4, 3, 2, 3, 1, 0)
    samples: list[float] = []
    for note in tune:
        samples.extend(_pluck(scale[note], 1.0))
    return samples


def _pluck(hertz: float, seconds: float) -> Iterator[float]:
    for index in range(int(RATE * seconds)):
        time = index / RATE
        attack = min(1.0, time / 0.01)
        swing = math.sin(2 * math.pi * hertz * time) + 0.3 * math.sin(4 * math.pi * hertz * time)
        yield 0.2 * attack * math.exp(-2.5 * time) * swing
