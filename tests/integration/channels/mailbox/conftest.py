from collections.abc import Iterator

import pytest

from tests.mail_servers import DovecotServer, Sink, own_dovecot, start_sink


@pytest.fixture(scope="session")
def dovecot_of_session() -> Iterator[DovecotServer]:
    with own_dovecot() as server:
        yield server


@pytest.fixture
def dovecot(dovecot_of_session: DovecotServer) -> DovecotServer:
    """A Dovecot that runs; each test takes a mailbox of its own."""
    if dovecot_of_session.process is None:
        dovecot_of_session.start()
    return dovecot_of_session


@pytest.fixture
def sink() -> Iterator[Sink]:
    with start_sink() as running:
        yield running
