"""What stands in the files, read back from their bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn
from docx.shared import Mm
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.supervision.documents.fonts import NOT_EMBEDDED, Face, Fonts
from crm_bridge.supervision.documents.pdf import pdf
from crm_bridge.supervision.documents.word import word
from crm_bridge.supervision.letter import Letter
from crm_bridge.supervision.rules import Rung
from infra.kit.errors import Misconfigured
from tests.documents import pages_of, text_of
from tests.unit.crm_bridge.supervision.papers import MATTER, WORDING, letter, notice

ODD = "甲\U00020bb7乙😀丙<b>&amp;</b>]]>\"'`${x}\\"


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    return Fonts()


@pytest.fixture
def unfonted(monkeypatch: pytest.MonkeyPatch) -> Fonts:
    """The fonts of a machine that has none for Chinese."""
    monkeypatch.setattr("crm_bridge.supervision.documents.fonts._FOLDERS", ())
    return Fonts()


@pytest.mark.parametrize("rung", Rung)
def test_word_says_what_the_letter_says(rung: Rung) -> None:
    made = letter(rung)
    said = text_of(word(made))
    for part in (made.number, made.issuer + made.head, *made.body, *made.copies, "印发"):
        if part != "印发" or made.head:
            assert part in said
    assert "2026年3月17日" in said


@pytest.mark.parametrize("rung", Rung)
def test_word_keeps_the_measures_of_the_standard(rung: Rung) -> None:
    document = docx.Document(io.BytesIO(word(letter(rung))))
    section = document.sections[0]
    measured = [
        section.page_width,
        section.page_height,
        section.top_margin,
        section.left_margin,
        section.right_margin,
        section.bottom_margin,
    ]
    for found, millimetres in zip(measured, [210, 297, 37, 28, 26, 35], strict=True):
        assert found is not None
        assert abs(found - Mm(millimetres)) < Mm(0.1)
    body = [p for p in document.paragraphs if p.text.startswith("经核查")]
    assert body[0].paragraph_format.line_spacing == 28 * 12700
    assert body[0].paragraph_format.first_line_indent == 32 * 12700
    assert body[0].runs[0].font.size == 16 * 12700
    assert document.settings.odd_and_even_pages_header_footer


def fonts_by_text(content: bytes) -> Iterator[tuple[str, str | None, float]]:
    for paragraph in docx.Document(io.BytesIO(content)).paragraphs:
        for run in paragraph.runs:
            fonts = run._r.get_or_add_rPr().find(qn("w:rFonts"))
            if fonts is None:  # the drawing of the seal
                continue
            size = run.font.size
            yield run.text, fonts.get(qn("w:eastAsia")), size.pt if size else 0.0


def test_word_names_the_fonts_of_the_standard_and_others_in_their_place() -> None:
    content = word(letter(Rung.order))
    found = {text: (font, size) for text, font, size in fonts_by_text(content)}
    assert found["一、督办事项"] == ("黑体", 16)
    assert found["特此通知。"] == ("仿宋_GB2312", 16)
    assert found["诉求的督办通知"] == ("方正小标宋简体", 22)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = archive.read("word/fontTable.xml").decode()
    assert '<w:font w:name="仿宋_GB2312"><w:altName w:val="仿宋"/>' in table


_ORDER = {
    "pPr": "pStyle keepNext keepLines widowControl pBdr tabs autoSpaceDE autoSpaceDN spacing ind jc",
    "rPr": "rStyle rFonts color spacing sz",
    "tblPr": "tblpPr tblW tblBorders tblLayout tblCellMar",
}


@pytest.mark.parametrize("rung", Rung)
def test_word_keeps_the_order_that_the_schema_wants(rung: Rung) -> None:
    document = docx.Document(io.BytesIO(word(letter(rung))))
    roots = [document.element, *(s.footer._element for s in document.sections)]
    seen = 0
    for name, order in _ORDER.items():
        places = [qn(f"w:{one}") for one in order.split()]
        for root in roots:
            for properties in root.iter(qn(f"w:{name}")):
                found = [places.index(child.tag) for child in properties]
                assert found == sorted(found)
                seen += 1
    assert seen > 50


@pytest.mark.parametrize("rung", Rung)
def test_pdf_says_what_the_letter_says(rung: Rung, unfonted: Fonts) -> None:
    made = letter(rung)
    said = "".join(pages_of(pdf(made, unfonted)))
    for part in (made.number, made.issuer + made.head, "特此", "2026年3月17日", "抄送"):
        assert part in said
    assert "工单编号：20260302-000001" in said


@pytest.mark.parametrize("rung", Rung)
def test_the_same_letter_gives_the_same_bytes(rung: Rung, fonts: Fonts) -> None:
    made = Letter.of(letter(rung).stored())
    assert pdf(made, fonts) == pdf(letter(rung), fonts)
    assert word(made) == word(letter(rung))


def test_without_a_font_the_pdf_names_a_song_that_the_reader_supplies(
    unfonted: Fonts,
) -> None:
    assert not unfonted.embeds
    content = pdf(letter(Rung.order), unfonted)
    assert NOT_EMBEDDED.encode() in content
    assert b"FontFile" not in content
    assert "工单编号：20260302-000001" in "".join(pages_of(content))


@pytest.mark.parametrize("name", ["nothing.ttf", "text.ttf"])
def test_a_font_file_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.ttf").write_text("no font")
    with pytest.raises(Misconfigured, match=r"supervision\.font: .*ttf") as refused:
        Fonts(tmp_path / name)
    assert "supervision.font" in refused.value.detail_zh


def test_a_sign_that_no_font_has_is_set_as_the_printers_mark(unfonted: Fonts) -> None:
    assert "".join(run for run, _ in unfonted.runs("甲😀乙", Face.body)) == "甲〓乙"


def test_a_draft_says_that_it_is_one(unfonted: Fonts) -> None:
    draft = WORDING.compose(MATTER, notice(Rung.order))
    assert "草稿，尚未编号" in text_of(word(draft))
    assert "草稿，尚未编号" in "".join(pages_of(pdf(draft, unfonted)))


def test_pages_are_numbered_but_for_the_first_of_a_letter(unfonted: Fonts) -> None:
    pages = pages_of(pdf(letter(Rung.order), unfonted))
    assert [f"—{n}—" in page for n, page in enumerate(pages, 1)] == [True] * len(pages)
    first, second = pages_of(pdf(letter(Rung.reminder), unfonted))[:2]
    assert "—1—" not in first
    assert "—2—" in second


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 40])
def test_the_signature_never_stands_alone_on_a_page(count: int, unfonted: Fonts) -> None:
    demands = tuple(f"第{n}项要求请立即落实到位。" for n in range(count))
    made = WORDING.compose(MATTER, notice(Rung.order, demands=demands))
    pages = pages_of(pdf(made, unfonted))
    signed = next(page for page in pages if "（印章）" in page)
    before = signed.partition("（印章）")[0]
    assert "特此通知。" in before
    assert all(pages)


def test_odd_signs_neither_break_a_document_nor_become_markup(unfonted: Fonts) -> None:
    made = replace(letter(Rung.order), body=(ODD, "一" * 3000))
    assert ODD in text_of(word(made))
    said = "".join(pages_of(pdf(made, unfonted)))
    assert "<b>&amp;</b>]]>" in said
    assert said.count("一") == 3000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=80), max_size=8))
def test_any_text_can_be_drawn(paragraphs: list[str]) -> None:
    made = replace(letter(Rung.listed), body=tuple(paragraphs))
    assert pdf(made, Fonts()).startswith(b"%PDF")
    docx.Document(io.BytesIO(word(made)))
