"""The poster of a video: its first picture, drawn by ffmpeg where there is one."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import structlog

from channels.attachments.pictures import smaller
from infra.kit.errors import Invalid

log = structlog.get_logger()

_SECONDS = 15.0
_LARGEST_POSTER = 8 * 1024 * 1024


async def poster_of(content: bytes, *, ffmpeg: str | None = None) -> bytes | None:
    """Return a small JPEG of a video's first picture; None without ffmpeg, or when it can make nothing of it.

    Args:
        content: The video.
        ffmpeg: The program; without, the one on the PATH.
    """
    program = ffmpeg or shutil.which("ffmpeg")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="lianxin-poster-") as folder:
        path = Path(folder, "video")
        await asyncio.to_thread(path.write_bytes, content)
        drawn = await _first_picture(program, path)
    if not drawn or len(drawn) > _LARGEST_POSTER:
        return None
    try:
        return await asyncio.to_thread(smaller, drawn)
    except Invalid:
        return None


async def _first_picture(program: str, path: Path) -> bytes | None:
    process = await asyncio.create_subprocess_exec(
        program,
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"),
        # The stranger's file is only ever read as the one container that it claims to be, and from nowhere else.
        *("-protocol_whitelist", "file", "-f", "mov", "-i", str(path)),
        *("-map", "0:v:0", "-frames:v", "1", "-vf", "scale='min(1280,iw)':-2"),
        *("-map_metadata", "-1", "-f", "mjpeg", "pipe:1"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            drawn, _ = await process.communicate()
    except TimeoutError:
        log.warning("poster_too_slow", seconds=_SECONDS)
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return drawn if process.returncode == 0 else None
