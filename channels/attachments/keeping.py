"""Keeps the bytes of a file: looked at, drawn anew if it is a picture, and put into the store."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.attachments.pictures import redrawn
from channels.attachments.posters import poster_of
from channels.attachments.rules import PICTURES, VIDEOS, check, clean_name, named, type_of
from channels.attachments.store import ContentStore

_DRAWN_AT_ONCE = 2
"""Pictures; each may take 150 MB while it is drawn anew."""


class Keeper:
    """Keeps files.

    Args:
        store: Where the bytes lie.
        limit: The most bytes of a file.
        ffmpeg: Draws the posters of videos; without, the one on the PATH.
    """

    def __init__(self, store: ContentStore, limit: int, *, ffmpeg: str | None = None) -> None:
        self.store = store
        self.limit = limit
        self._ffmpeg = ffmpeg
        self._drawing = asyncio.Semaphore(_DRAWN_AT_ONCE)

    async def keep(self, name: str, content: bytes, *, any_name: bool = False) -> dict[str, Any]:
        """Keep a file and return what its row says of it: `sha256`, `name`, `size`, `type` and `poster`.

        Args:
            name: What the sender calls it.
            content: Its bytes.
            any_name: Give it an ending of its type instead of asking for one.

        Raises:
            TooLarge: It has more bytes than are taken.
            Invalid: It is empty, broken, or of a type that is not taken.
            TryLater: There is no room for it.
        """
        kind = type_of(content)
        name = named(name, kind) if any_name and kind is not None else clean_name(name)
        kind = check(name, content, limit=self.limit)
        poster = None
        if kind in PICTURES:
            async with self._drawing:
                content = await asyncio.to_thread(redrawn, kind, content)
        elif kind in VIDEOS:
            async with self._drawing:
                poster = await poster_of(content, ffmpeg=self._ffmpeg)
        return {
            "sha256": await self.store.put(content),
            "name": name,
            "size": len(content),
            "type": kind,
            "poster": await self.store.put(poster) if poster else None,
        }
