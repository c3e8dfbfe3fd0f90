"""Draws pictures anew: what is kept are their pixels, and nothing else that was in the file.

A photograph tells where and when it was taken and by which telephone; a file may hold a script behind its pixels. What
is drawn anew holds neither. A picture that would unpack to more pixels than a telephone takes is not unpacked.
"""

from __future__ import annotations

import io
from contextlib import suppress

from PIL import Image, ImageCms, ImageOps

from infra.kit.errors import FieldError, Invalid

MOST_PIXELS = 50_000_000
"""Of one picture: 150 MB while it is drawn anew."""

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
_PLAIN_MODES = {
    "JPEG": ("RGB", "L"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "GIF": ("L", "P"),
    "WEBP": ("RGB", "RGBA"),
}
_QUALITY = 88
_POSTER_SIDE = 640
_THUMBNAIL_SIDE = 320


def redrawn(kind: str, content: bytes) -> bytes:
    """Return a picture of the same type with the same pixels, upright, in sRGB; of a moving one the first frame.

    Args:
        kind: Its media type, as the bytes themselves show it.
        content: Its bytes.

    Raises:
        Invalid: It is broken, or has more than `MOST_PIXELS`.
    """
    form = _FORMATS[kind]
    try:
        with Image.open(io.BytesIO(content), formats=[form]) as opened:
            _require_few_pixels(opened)
            return _written(_plain(_upright(opened), form), form)
    except Invalid:
        raise
    except Exception as error:
        # Pillow raises whatever its parsers happen to raise on broken bytes.
        raise _refused(
            "图片已损坏，请重新拍摄或选择", "The picture is broken, choose another"
        ) from error


def _require_few_pixels(opened: Image.Image) -> None:
    if opened.width * opened.height > MOST_PIXELS:
        raise _refused(
            "图片像素过大，请缩小后重新上传", "The picture has too many pixels, make it smaller"
        )


def smaller(content: bytes) -> bytes:
    """Return a small JPEG of a picture, to be shown in lists.

    Raises:
        Invalid: It is broken, or has more than `MOST_PIXELS`.
    """
    drawn = redrawn("image/jpeg", content)
    with Image.open(io.BytesIO(drawn), formats=["JPEG"]) as opened:
        opened.thumbnail((_POSTER_SIDE, _POSTER_SIDE))
        return _written(opened, "JPEG")


def thumbnail(poster: bytes, most: int) -> bytes:
    """Return a JPEG of at most so many bytes, as providers want one beside a video.

    Args:
        poster: A small JPEG of our own making; empty gives a plain grey picture.
        most: Bytes, a few thousand at least.
    """
    if poster:
        with Image.open(io.BytesIO(poster), formats=["JPEG"]) as opened:
            for side in (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE // 2, _THUMBNAIL_SIDE // 4):
                opened.thumbnail((side, side))
                drawn = _written(opened, "JPEG")
                if len(drawn) <= most:
                    return drawn
    grey = Image.new("RGB", (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE * 3 // 4), "dimgrey")
    return _written(grey, "JPEG")


def _upright(opened: Image.Image) -> Image.Image:
    profile = opened.info.get("icc_profile")
    turned = ImageOps.exif_transpose(opened)
    if not profile or turned.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return turned
    # A profile that cannot be read is left out, as most programs would.
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if turned.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            turned, own, ImageCms.createProfile("sRGB"), outputMode=mode
        )
        if converted is not None:
            return converted
    return turned


def _plain(picture: Image.Image, form: str) -> Image.Image:
    modes = _PLAIN_MODES[form]
    if picture.mode in modes:
        return picture
    see_through = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    if see_through and "RGBA" in modes:
        return picture.convert("RGBA")
    return picture.convert("RGB") if "RGB" in modes else picture.convert("P")


def _written(picture: Image.Image, form: str) -> bytes:
    # Only the pixels, and which of them is see-through: nothing else of the file is handed on.
    kept = {name: picture.info[name] for name in ("transparency",) if name in picture.info}
    picture.info.clear()
    picture.info.update(kept)
    out = io.BytesIO()
    if form in ("JPEG", "WEBP"):
        picture.save(out, form, quality=_QUALITY)
    else:
        picture.save(out, form)
    return out.getvalue()


def _refused(zh: str, en: str) -> Invalid:
    return Invalid(en, zh, fields=[FieldError(pointer="/file", message_zh=zh, message_en=en)])
