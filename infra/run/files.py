"""Where the files of an installation lie, wired."""

from __future__ import annotations

from channels.attachments.keeping import Keeper
from channels.attachments.store import ContentStore, FolderStore
from infra.run.settings import Settings

_MEGABYTE = 1024 * 1024


def file_store(settings: Settings) -> ContentStore:
    """Return where files lie: in a bucket if one is set, else in a folder."""
    if settings.s3.bucket:
        from channels.attachments.s3 import S3Store  # its library takes a while to load

        return S3Store(settings.s3)
    return FolderStore(settings.casework.attachments_dir)


def largest_file(settings: Settings) -> int:
    """Return the most bytes of a file."""
    return settings.casework.attachment_megabytes * _MEGABYTE


def keeper(settings: Settings) -> Keeper:
    """Return what keeps the bytes of files."""
    return Keeper(file_store(settings), largest_file(settings))
