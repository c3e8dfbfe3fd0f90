from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.mail_servers import DovecotServer, Sink, start_dovecot, start_sink


@pytest.fixture(scope="session")
def dovecot_of_session() -> Iterator[DovecotServer]:
    # Not below pytest's own folder, which only its owner may enter: the server's processes run as other users.
    with TemporaryDirectory(prefix="lianxin-dovecot-") as folder:
        Path(folder).chmod(0o755)
        with start_dovecot(Path(folder)) as server:
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
