import asyncio
import fcntl
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.suggestions.model import load
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.service import Suggestions
from crm_bridge.suggestions.settings import SuggestionSettings
from crm_bridge.suggestions.trainer import Trainer, TrainingFailed
from infra.kit.database import Database
from tests.integration.crm_bridge.books import Books

# The process that learns goes last: on a machine that others keep busy it may take minutes.
pytestmark = pytest.mark.timeout(400)

QUESTION = Question(title="暖气不热", text="家里冷", category="3004")


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """Learning is the same above both kinds; what it reads is tested on both."""
    return sqlite_database


async def test_training_makes_a_model_that_answers_from_then_on(
    books: Books, suggestions: Suggestions, model_settings: SuggestionSettings
) -> None:
    for _ in range(6):
        await books.give(await books.write("孔明灯", "有人放孔明灯", category="9005"), "WLJ")
    assert (await suggestions.suggest(QUESTION)).version is None
    trained = await suggestions.train()
    assert trained is not None
    assert (trained.confirmed, trained.shipped) == (6, 388)
    advice = await suggestions.suggest(QUESTION)
    assert (advice.version, advice.trained_at) == (trained.version, books.clock.now())
    assert advice.suggestions[0].unit == "GRGS"
    learned = await suggestions.suggest(Question(text="晚上有人放孔明灯"))
    assert learned.suggestions[0].unit == "WLJ"
    # What another process has trained is taken up as well.
    again = Suggestions(
        books.database,
        books.clock,
        Catalogue(books.database, books.clock),
        model_settings,
        timedelta(),
    )
    await again.refresh()
    assert (await again.suggest(QUESTION)).version == trained.version


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04rubbish"])
async def test_unreadable_model_is_as_none(
    suggestions: Suggestions, model_settings: SuggestionSettings, content: bytes
) -> None:
    model_settings.model_file.parent.mkdir()
    model_settings.model_file.write_bytes(content)
    await suggestions.refresh()
    advice = await suggestions.suggest(QUESTION)
    assert advice.version is None
    assert advice.suggestions[0].unit == "GRGS"
    assert await suggestions.is_old()


async def test_model_is_made_anew_when_old_or_behind_the_catalogue(
    books: Books, suggestions: Suggestions, catalogue: Catalogue
) -> None:
    await suggestions.train()
    assert not await suggestions.is_old()
    books.clock.advance(3600)
    assert not await suggestions.is_old()
    snapshot = await catalogue.current()
    changed = replace(snapshot.matters[0], keywords=("新词",))
    await catalogue.put(None, changed, based_on=snapshot.version.number)
    assert await suggestions.is_old()
    await suggestions.train()
    assert not await suggestions.is_old()
    books.clock.advance(24 * 3600)
    assert await suggestions.is_old()


async def test_two_processes_do_not_train_at_once(
    books: Books, catalogue: Catalogue, model_settings: SuggestionSettings
) -> None:
    model_settings.model_file.parent.mkdir()
    with model_settings.model_file.with_suffix(".lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        trainer = Trainer(books.database, books.clock, catalogue, model_settings)
        assert await trainer.train() is None
    assert not model_settings.model_file.exists()


async def test_training_that_fails_leaves_the_model_that_there_was(
    books: Books,
    suggestions: Suggestions,
    model_settings: SuggestionSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = await suggestions.train()
    assert trained is not None
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TrainingFailed):
        await suggestions.train()
    assert load(model_settings.model_file).version == trained.version
    assert (await suggestions.suggest(QUESTION)).version == trained.version


async def test_training_that_takes_too_long_is_ended(
    books: Books, catalogue: Catalogue, model_settings: SuggestionSettings
) -> None:
    hasty = model_settings.model_copy(update={"train_minutes_at_most": 0.001})
    trainer = Trainer(books.database, books.clock, catalogue, hasty)
    with pytest.raises(TrainingFailed):
        await trainer.train()
    assert not model_settings.model_file.exists()
    # The next one is not kept waiting by it.
    assert await Trainer(books.database, books.clock, catalogue, model_settings).train()


async def test_process_that_learns_knows_no_key_and_no_setting(
    books: Books,
    catalogue: Catalogue,
    model_settings: SuggestionSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIANXIN_DATABASE__URL", "postgresql://user:password@host/name")
    seen: dict[str, object] = {}
    start = asyncio.create_subprocess_exec

    async def spy(*command: str, **options: object) -> object:
        seen["command"], seen["env"] = command, options["env"]
        return await start(
            "/bin/false", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    with pytest.raises(TrainingFailed):
        await Trainer(books.database, books.clock, catalogue, model_settings).train()
    assert not any("LIANXIN" in name for name in seen["env"])  # type: ignore[attr-defined]
    assert "password" not in f"{seen}"


async def test_loop_goes_on_while_it_trains(suggestions: Suggestions, books: Books) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await suggestions.train()
    beating.cancel()
    # On a busy machine a beat may be late, but none waits for the whole training.
    assert beats > (loop.time() - begun) / 0.2
