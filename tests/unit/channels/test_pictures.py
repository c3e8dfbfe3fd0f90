"""Pictures drawn anew: what was in the file beside the pixels is gone, and no file costs more than it may."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from channels.attachments.pictures import MOST_PIXELS, redrawn, smaller
from infra.kit.errors import Invalid
from tests.pictures import png

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
SECRET = b"31.2304 N 121.4737 E <script>alert(1)</script>"


def drawn(form: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 120 if mode in ("L", "P", "1", "I", "I;16") else "teal").save(
        out, form, **more
    )
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def exif(**tags: Any) -> Image.Exif:
    found = Image.Exif()
    found[0x010E] = SECRET.decode()  # ImageDescription
    found[0x0110] = "Telephone 12"  # Model
    found.get_ifd(0x8825)[2] = (31.0, 13.0, 49.0)  # GPSLatitude
    for name, value in tags.items():
        found[int(name.removeprefix("tag_"))] = value
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_stay_and_everything_else_goes(kind: str) -> None:
    form = FORMATS[kind]
    told: dict[str, Any] = {"comment": SECRET} if form in ("JPEG", "GIF") else {}
    if form != "GIF":
        told["exif"] = exif()
    content = drawn(form, **told) + SECRET
    assert SECRET in content
    clean = redrawn(kind, content)
    assert SECRET not in clean
    assert b"Telephone 12" not in clean
    picture = opened(clean)
    assert (picture.format, picture.size) == (form, (40, 30))
    assert not picture.getexif()
    red, green, blue = picture.convert("RGB").getpixel((20, 15))  # type: ignore[misc]  # three bands
    assert abs(red) < 12
    assert abs(green - 128) < 12
    assert abs(blue - 128) < 12


def test_text_of_a_png_goes() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode(), zip=False)
    assert SECRET not in redrawn("image/png", drawn("PNG", pnginfo=info))


def test_photograph_that_was_taken_sideways_stands_upright() -> None:
    sideways = drawn("JPEG", exif=exif(tag_274=6))  # Orientation: rotated by 90°
    assert opened(redrawn("image/jpeg", sideways)).size == (30, 40)


def test_colours_of_another_space_become_plain_and_the_profile_goes() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = drawn("JPEG", icc_profile=profile)
    assert b"ICC_PROFILE" in content
    clean = redrawn("image/jpeg", content)
    assert b"ICC_PROFILE" not in clean
    assert opened(clean).convert("RGB").getpixel((5, 5)) is not None


def test_profile_that_cannot_be_read_costs_nothing() -> None:
    clean = redrawn("image/jpeg", drawn("JPEG", icc_profile=b"nonsense" * 40))
    assert opened(clean).size == (40, 30)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("image/jpeg", "L"),
        ("image/jpeg", "CMYK"),
        ("image/png", "RGBA"),
        ("image/png", "LA"),
        ("image/png", "P"),
        ("image/png", "1"),
        ("image/png", "I;16"),
        ("image/gif", "L"),
        ("image/webp", "RGBA"),
    ],
)
def test_pictures_of_every_mode_are_taken(kind: str, mode: str) -> None:
    assert opened(redrawn(kind, drawn(FORMATS[kind], mode))).size == (40, 30)


def test_what_was_see_through_stays_so() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(redrawn("image/png", out.getvalue())).convert("RGBA").getpixel((1, 1)) == (
        255,
        0,
        0,
        0,
    )


def test_of_a_moving_picture_the_first_frame_is_kept() -> None:
    out = io.BytesIO()
    frames = [Image.new("L", (20, 20), shade) for shade in range(0, 250, 10)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert getattr(opened(redrawn("image/gif", out.getvalue())), "n_frames", 1) == 1


def test_picture_that_was_drawn_anew_stays_as_it_is() -> None:
    assert redrawn("image/png", png()) == png()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 1), (MOST_PIXELS + 1, 1)])
def test_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            redrawn("image/png", bomb(*size))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


@pytest.mark.parametrize("kind", FORMATS)
def test_picture_that_is_cut_short_is_refused(kind: str) -> None:
    content = drawn(FORMATS[kind], size=(300, 300))
    with pytest.raises(Invalid):
        redrawn(kind, content[: len(content) // 2])


def test_picture_is_only_read_as_what_its_bytes_are() -> None:
    with pytest.raises(Invalid):
        redrawn("image/png", drawn("JPEG"))


@given(
    kind=st.sampled_from(sorted(FORMATS)),
    where=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=20),
    tail=st.binary(max_size=40),
)
def test_broken_pictures_are_drawn_or_refused_and_nothing_else(
    kind: str, where: list[tuple[float, int]], tail: bytes
) -> None:
    content = bytearray(drawn(FORMATS[kind]))
    for place, value in where:
        content[int(place * len(content))] = value
    with suppress(Invalid):
        assert redrawn(kind, bytes(content) + tail)


def test_small_picture_for_lists_is_small() -> None:
    assert max(opened(smaller(drawn("JPEG", size=(4000, 3000)))).size) == 640
