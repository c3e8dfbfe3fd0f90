from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.suggestions import api
from crm_bridge.suggestions.outcomes import Outcomes
from crm_bridge.suggestions.pace import Pace
from crm_bridge.suggestions.service import Suggestions
from crm_bridge.suggestions.settings import SuggestionSettings
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, mount
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.books import Books
from tests.integration.crm_bridge.conftest import Client, HeaderSaysWho

WRITING_UP = timedelta(minutes=15)


@pytest.fixture
async def books(database: Database, clock: ManualClock) -> Books:
    return await Books(database=database, clock=clock).open()


@pytest.fixture
def model_settings(tmp_path: Path) -> SuggestionSettings:
    return SuggestionSettings(
        model_file=tmp_path / "var" / "model.npz", train=False, forms_per_minute=5
    )


@pytest.fixture
def catalogue(books: Books) -> Catalogue:
    return Catalogue(books.database, books.clock)


@pytest.fixture
def suggestions(
    books: Books, catalogue: Catalogue, model_settings: SuggestionSettings
) -> Suggestions:
    return Suggestions(books.database, books.clock, catalogue, model_settings, WRITING_UP)


@pytest.fixture
def outcomes(books: Books, suggestions: Suggestions) -> Outcomes:
    return Outcomes(books.database, books.clock, suggestions)


@pytest.fixture
async def desk(suggestions: Suggestions, outcomes: Outcomes, books: Books) -> AsyncIterator[Client]:
    """The API of suggestions, asked by whom the header `X-Agent` names."""
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(app, [api.routes(suggestions, outcomes, Pace(books.clock, 5))])
    async with TestClient(TestServer(app)) as client:
        yield client
