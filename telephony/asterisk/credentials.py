"""The password of an Asterisk's manager interface."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from telephony.asterisk.settings import PbxSettings


def ami_secret(settings: PbxSettings) -> str:
    """The configured password, or one made on the first call and kept in `<home>/ami.secret`.

    Asterisk and whoever talks to it on the same machine thus agree without anybody having to invent a password, and
    there is no default password that everybody knows.
    """
    configured = settings.ami_secret.get_secret_value()
    if configured:
        return configured
    path = settings.home / "ami.secret"
    if not path.exists():
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
    return path.read_text(encoding="ascii")


def _make(path: Path) -> None:
    """Writes it whole or not at all; whoever links first wins, so that two starting at once agree."""
    with NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:  # mode 0600
        file.write(secrets.token_hex(24))
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
