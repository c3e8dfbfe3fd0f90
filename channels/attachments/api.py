"""Files over HTTP: taken in whole, given out only as downloads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, unquote

from aiohttp import BodyPartReader, MultipartReader, web

from channels.attachments.rules import too_large
from channels.attachments.service import Attachment, Attachments, Sight
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

_CHUNK = 65_536
FILE_NAME_HEADER = "X-File-Name"
"""The name of a file that is sent as the whole body, percent-encoded."""


class AttachmentView(ApiModel):
    """A file that was sent."""

    id: int
    name: str
    size: int
    type: str


def routes(attachments: Attachments, sights: Mapping[str, Sight]) -> Routes:
    """Return the endpoints of files; `sights` tells who may see what they belong to."""
    api = Routes(tag="attachments")

    @api.post("/api/v1/attachments", permission="file.send", status=201)
    async def take(principal: Principal, request: web.Request) -> AttachmentView:
        """Send a file: the field `file` of a form, or the whole body with its name in `X-File-Name`."""
        name, content = await received_file(request, attachments.limit)
        taken = await attachments.take(principal, name, content)
        return AttachmentView(id=taken.id, name=taken.name, size=taken.size, type=taken.type)

    @api.get("/api/v1/attachments/{attachment_id}", permission="ticket.read")
    async def give(principal: Principal, attachment_id: int) -> web.Response:
        """Download a file that belongs to something that I may see."""
        return download(*await attachments.open(principal, attachment_id, sights))

    @api.get("/api/v1/attachments/{attachment_id}/poster", permission="ticket.read")
    async def poster(principal: Principal, attachment_id: int) -> web.Response:
        """Show the first picture of a video that I may see; 404 where there is none."""
        return web.Response(
            body=await attachments.poster(principal, attachment_id, sights),
            content_type="image/jpeg",
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"},
        )

    return api


def download(found: Attachment, content: bytes) -> web.Response:
    """Return the answer that gives a file out.

    Never shown by the browser itself: whatever somebody has sent, it runs nothing on our pages.
    """
    return web.Response(
        body=content,
        content_type=found.type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )


async def received_file(request: web.Request, limit: int) -> tuple[str, bytes]:
    """Return the name and the bytes of the file that a request brings.

    Args:
        request: Its body is the file, named in `X-File-Name`, or a form with the field `file`.
        limit: The most bytes that are read.

    Raises:
        TooLarge: The file has more.
        Invalid: There is none.
    """
    if not request.content_type.startswith("multipart/"):
        name = unquote(request.headers.get(FILE_NAME_HEADER, ""))
        return name, await _whole(aiter(request.content.iter_chunked(_CHUNK)), limit)
    try:
        form: MultipartReader = await request.multipart()
        while (part := await form.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name == "file":
                return part.filename or "", await _whole(_chunks(part), limit)
    except ValueError as error:
        raise _no_file() from error
    raise _no_file()


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(_CHUNK):
        yield chunk


async def _whole(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise too_large(limit)
    return bytes(content)


def _no_file() -> Invalid:
    return Invalid(
        fields=[
            FieldError(
                pointer="/file",
                message_zh="请选择要上传的文件",
                message_en="Choose a file to send",
            )
        ]
    )
