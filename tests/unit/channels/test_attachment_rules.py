import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.attachments.rules import ENDINGS, NAME_LENGTH, check, clean_name, named, type_of
from infra.kit.errors import Invalid, TooLarge

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
PDF = b"%PDF-1.7\n%"


def office(*parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part in parts:
            archive.writestr(part, "<xml/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
        (PNG, "image/png"),
        (b"GIF89a" + b"\0" * 20, "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (PDF, "application/pdf"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", None),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", None),
        (b"\0\0\0\x18ftypavif\0\0\0\0", None),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", None),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (office("word/document.xml"), next(k for k in ENDINGS if "wordprocessing" in k)),
        (office("xl/workbook.xml"), next(k for k in ENDINGS if "spreadsheet" in k)),
        (office("word/document.xml", "word/vbaProject.bin"), None),
        (office("run.exe"), None),
        (b"PK\x03\x04 not a zip at all", None),
        (b"<html><script>alert(1)</script>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"MZ\x90\0", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_type_is_told_from_the_bytes(content: bytes, kind: str | None) -> None:
    assert type_of(content) == kind


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("照片.png", PNG + b"\0" * 1000, TooLarge),
        ("照片.png", b"", Invalid),
        ("照片.jpg", PNG, Invalid),
        ("照片", PNG, Invalid),
        ("页面.html", b"<html>", Invalid),
        ("照片.png.exe", PNG, Invalid),
    ],
)
def test_file_that_is_not_taken_is_refused_in_both_languages(
    name: str, content: bytes, error: type[Invalid] | type[TooLarge]
) -> None:
    with pytest.raises(error) as caught:
        check(name, content, limit=1000)
    assert caught.value.detail_zh
    assert caught.value.detail_en


@pytest.mark.parametrize(
    ("name", "kind", "called"),
    [
        ("", "audio/amr", "audio.amr"),
        ("", "image/jpeg", "image.jpg"),
        ("现场.jpeg", "image/jpeg", "现场.jpeg"),
        ("现场.png", "image/jpeg", "现场.jpg"),
        ("现场", "video/mp4", "现场.mp4"),
        ("../a/b", "image/png", "_a_b.png"),
    ],
)
def test_file_without_a_fitting_name_is_called_by_its_type(
    name: str, kind: str, called: str
) -> None:
    assert named(name, kind) == called


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("现场照片.png", "现场照片.png"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ('say "hi".pdf', "say _hi_.pdf"),
        ("x" * 300 + ".pdf", "x" * (NAME_LENGTH - 4) + ".pdf"),
        (".pdf", "pdf"),
        ("", "file"),
    ],
)
def test_name_is_one_that_every_system_can_keep(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@given(st.text(max_size=400))
def test_no_name_leaves_its_folder_or_breaks_a_header(name: str) -> None:
    clean = clean_name(name)
    assert 0 < len(clean) <= NAME_LENGTH
    assert not set(clean) & set('\\/:*?"<>|\r\n\0')


@given(st.binary(max_size=200))
def test_no_bytes_make_it_stumble(content: bytes) -> None:
    assert type_of(content) in {None, *ENDINGS}
    assert type_of(b"PK\x03\x04" + content) in {None, *ENDINGS}
