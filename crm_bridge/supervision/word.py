"""Writes a letter as Word document, by the measures of GB/T 9704-2012. The same letter always gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH as Align
from docx.enum.text import WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.section import Section
from docx.shared import Length, Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from crm_bridge.supervision import layout
from crm_bridge.supervision.layout import LEADING, SIZE_2, SIZE_3, SIZE_4
from crm_bridge.supervision.letter import (
    Letter,
    Weight,
    addressed,
    chinese_date,
    copied,
    weight_of,
)

BODY, TITLE, HEADING, SUBHEADING = "仿宋_GB2312", "方正小标宋简体", "黑体", "楷体_GB2312"
_INSTEAD = {
    BODY: "仿宋",
    TITLE: "华文中宋",
    HEADING: "SimHei",
    SUBHEADING: "楷体",
}
"""What Word takes when the machine lacks a font (`w:altName`)."""

_FONTS = {Weight.heading: HEADING, Weight.subheading: SUBHEADING, Weight.text: BODY}
_RED = "D81212"
_MM = 36_000
"""A millimetre in the unit of drawings (EMU)."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def word(letter: Letter) -> bytes:
    """Return the document as .docx; a letter without a number is a draft and says so."""
    return _Writing(letter).document()


class _Writing:
    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        self._is_letter = not letter.head
        self._word: WordDocument = Document()

    def document(self) -> bytes:
        self._properties()
        self._page()
        self._head()
        self._title()
        self._body()
        self._signature()
        self._imprint()
        self._fonts()
        return _same_bytes(self._word)

    def _properties(self) -> None:
        letter, core = self._letter, self._word.core_properties
        core.title = "".join(letter.title)
        core.author = core.last_modified_by = letter.issuer
        core.subject = f"{letter.number} SHA-256 {letter.digest()}"
        core.comments = ""
        core.created = core.modified = datetime.combine(letter.dated, time(), UTC)
        core.language = "zh-CN"

    def _page(self) -> None:
        section = self._word.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin, section.left_margin = Mm(37), Mm(28)
        section.right_margin, section.bottom_margin = Mm(26), Mm(35)
        section.footer_distance = Mm(20)
        grid = parse_xml(
            f'<w:docGrid {nsdecls("w")} w:type="lines" w:linePitch="{_twips(LEADING)}"/>'
        )
        for old in section._sectPr.findall(qn("w:docGrid")):
            section._sectPr.remove(old)
        section._sectPr.append(grid)
        self._word.settings.odd_and_even_pages_header_footer = True
        self._numbers(section)
        normal = self._word.styles["Normal"]
        normal.font.size = Pt(SIZE_3)
        _name_fonts(normal.element.get_or_add_rPr(), BODY)

    def _numbers(self, section: Section) -> None:
        for footer, align, side in (
            (section.footer, Align.RIGHT, "right"),
            (section.even_page_footer, Align.LEFT, "left"),
        ):
            footer.is_linked_to_previous = False
            paragraph = footer.paragraphs[0]
            paragraph.alignment = align
            paragraph.paragraph_format.space_after = Pt(3 * layout.MM)
            indent = paragraph.paragraph_format
            setattr(indent, f"{side}_indent", Pt(SIZE_4))
            _write(paragraph, "— ", "宋体", SIZE_4)
            _field(paragraph, "PAGE", SIZE_4)
            _write(paragraph, " —", "宋体", SIZE_4)
        if self._is_letter:
            # The first page of a letter bears no number, but the second red rule.
            section.different_first_page_header_footer = True
            first = section.first_page_footer
            first.is_linked_to_previous = False
            self._letter_rule(first.paragraphs[0], "thinThickSmallGap")

    def _head(self) -> None:
        letter = self._letter
        if letter.pressing and not self._is_letter:
            self._line(letter.pressing, HEADING)
        text = letter.issuer + letter.head
        width = layout.LETTER_RULE_WIDTH if self._is_letter else layout.WIDTH
        # Where 小标宋 is missing, what stands in for it has wider digits.
        ems = sum(1.0 if ord(sign) > 0xFF else 0.65 for sign in text)
        size = round(min(layout.LARGEST_HEAD, max(layout.SMALLEST_HEAD, 0.96 * width / ems)))
        head = self._line("", TITLE)
        head.alignment = Align.CENTER
        form = head.paragraph_format
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(size * 1.3)
        above = layout.HEAD_FROM_TYPE_AREA - (LEADING if letter.pressing else 0.0)
        form.space_before = Pt(0 if self._is_letter else above)
        if self._is_letter:
            # A letter's head stands higher than the type area.
            self._word.sections[0].header_distance = Mm(30)
            form.left_indent = form.right_indent = Mm(-7)
            form.space_after = Pt(0)
        _write(head, text, TITLE, size, colour=_RED)
        if self._is_letter:
            self._letter_rule(head, "thickThinSmallGap")
            self._two_ends(letter.pressing, HEADING, self._number(), BODY)
        else:
            self._blank(2)
            number = self._line(self._number(), BODY)
            number.alignment = Align.CENTER
            _rule_below(number, "single", 12, 8)
        self._blank(2)

    def _title(self) -> None:
        def measure(part: str) -> float:
            return sum(SIZE_2 if ord(sign) > 0xFF else SIZE_2 / 2 for sign in part)

        title = self._line("", TITLE)
        title.alignment = Align.CENTER
        title.paragraph_format.line_spacing = Pt(LEADING * 1.15)
        lines = layout.balanced(self._letter.title, layout.WIDTH, measure)
        for place, line in enumerate(lines):
            run = _write(title, line, TITLE, SIZE_2)
            if place + 1 < len(lines):
                run.add_break()
        self._blank(1)

    def _body(self) -> None:
        letter = self._letter
        self._line(addressed(letter.addressees), BODY)
        for paragraph in letter.body:
            weight = weight_of(paragraph)
            line = self._indented(paragraph, _FONTS[weight])
            line.paragraph_format.keep_with_next = weight is not Weight.text
        if letter.body:
            # A page must not hold the signature alone.
            self._word.paragraphs[-1].paragraph_format.keep_with_next = True
        if letter.attachments:
            self._blank(1)
            for n, name in enumerate(letter.attachments, start=1):
                mark = "附件：" if n == 1 else "　　　"
                label = f"{mark}{n}．" if len(letter.attachments) > 1 else mark
                self._indented(label + name, BODY)

    def _signature(self) -> None:
        letter = self._letter
        self._blank(2, keep=True)
        date = chinese_date(letter.dated)
        wide, narrow = _ems(letter.issuer), _ems(date)
        right = layout.SIGNS_A_LINE - (2 if wide > narrow else 4)
        centre = right - max(wide, narrow) / 2
        left = Pt((2 * centre - layout.SIGNS_A_LINE) * SIZE_3)
        for text in (letter.issuer, date):
            line = self._line(text, BODY)
            line.alignment = Align.CENTER
            line.paragraph_format.left_indent = left
            line.paragraph_format.keep_with_next = True
            if text == letter.issuer:
                _seal(line)
        self._blank(1, keep=bool(letter.note))
        if letter.note:
            self._indented(f"（{letter.note}）", BODY)

    def _imprint(self) -> None:
        """Put who gets copies and who printed it into a table at the foot of the last page (版记)."""
        letter = self._letter
        rows: list[Paragraph] = []
        if letter.copies:
            copies = self._small(copied(letter.copies))
            copies.paragraph_format.left_indent = Pt(4 * SIZE_4)
            copies.paragraph_format.first_line_indent = Pt(-3 * SIZE_4)
            copies.paragraph_format.right_indent = Pt(SIZE_4)
            rows.append(copies)
        if not self._is_letter:
            on = f"{chinese_date(letter.dated)}印发"
            printed = self._small(f"{letter.issuer}\t{on}")
            printed.alignment = Align.LEFT
            printed.paragraph_format.left_indent = Pt(SIZE_4)
            stops = printed.paragraph_format.tab_stops
            stops.add_tab_stop(Pt(layout.WIDTH - SIZE_4), WD_TAB_ALIGNMENT.RIGHT)
            rows.append(printed)
        if rows:
            # Word wants a paragraph behind a table; this one takes no room.
            end = self._line("", BODY)
            end.paragraph_format.line_spacing = Pt(1)
            end._p.addprevious(_foot_table(rows, ruled=not self._is_letter))

    # Lines

    def _number(self) -> str:
        return self._letter.number or "（草稿，尚未编号）"

    def _line(self, text: str, font: str) -> Paragraph:
        paragraph = self._word.add_paragraph()
        form = paragraph.paragraph_format
        form.space_before = form.space_after = Pt(0)
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(LEADING)
        paragraph.alignment = Align.JUSTIFY
        _close_up(paragraph)
        if text:
            _write(paragraph, text, font, SIZE_3)
        return paragraph

    def _indented(self, text: str, font: str) -> Paragraph:
        paragraph = self._line(text, font)
        paragraph.paragraph_format.first_line_indent = Pt(2 * SIZE_3)
        indent = paragraph._p.get_or_add_pPr().find(qn("w:ind"))
        indent.set(qn("w:firstLineChars"), "200")
        return paragraph

    def _blank(self, lines: int, *, keep: bool = False) -> None:
        for _ in range(lines):
            self._line("", BODY).paragraph_format.keep_with_next = keep

    def _small(self, text: str) -> Paragraph:
        paragraph = self._line("", BODY)
        paragraph.paragraph_format.line_spacing = Pt(20)
        paragraph.paragraph_format.keep_with_next = True
        _write(paragraph, text, BODY, SIZE_4)
        return paragraph

    def _two_ends(self, left: str, left_font: str, right: str, right_font: str) -> None:
        paragraph = self._line("", BODY)
        paragraph.alignment = Align.LEFT
        paragraph.paragraph_format.space_before = Pt(SIZE_3 * 7 / 8)
        paragraph.paragraph_format.tab_stops.add_tab_stop(Pt(layout.WIDTH), WD_TAB_ALIGNMENT.RIGHT)
        _write(paragraph, left, left_font, SIZE_3)
        _write(paragraph, f"\t{right}", right_font, SIZE_3)

    def _letter_rule(self, paragraph: Paragraph, kind: str) -> None:
        paragraph.paragraph_format.left_indent = Mm(-7)
        paragraph.paragraph_format.right_indent = Mm(-7)
        _rule_below(paragraph, kind, 24, 10)

    def _fonts(self) -> None:
        table = "".join(
            f'<w:font w:name="{name}"><w:altName w:val="{instead}"/><w:charset w:val="86"/>'
            '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>'
            for name, instead in _INSTEAD.items()
        )
        for part in self._word.part.package.iter_parts():
            if str(part.partname) == "/word/fontTable.xml":
                head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
                part._blob = f"{head}<w:fonts {nsdecls('w')}>{table}</w:fonts>".encode()


def _ems(text: str) -> float:
    return sum(1.0 if ord(sign) > 0xFF else 0.5 for sign in text)


def _twips(points: float) -> int:
    return round(points * 20)


def _write(
    paragraph: Paragraph, text: str, font: str, size: float, *, colour: str | None = None
) -> Run:
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    if size == SIZE_3:
        nearer = f'<w:spacing {nsdecls("w")} w:val="{_twips(layout.NARROWER)}"/>'
        run._r.rPr.find(qn("w:sz")).addprevious(parse_xml(nearer))
    if colour is not None:
        run.font.color.rgb = RGBColor.from_string(colour)
    _name_fonts(run._r.get_or_add_rPr(), font)
    return run


def _name_fonts(properties: Any, font: str) -> None:
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = parse_xml(f"<w:rFonts {nsdecls('w')}/>")
        properties.insert(0, fonts)
    for attribute in list(fonts.attrib):
        del fonts.attrib[attribute]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), font)
    fonts.set(qn("w:hint"), "eastAsia")


def _field(paragraph: Paragraph, code: str, size: float) -> None:
    for piece in (
        '<w:fldChar {0} w:fldCharType="begin"/>',
        f'<w:instrText {{0}} xml:space="preserve"> {code} </w:instrText>',
        '<w:fldChar {0} w:fldCharType="separate"/>',
        "<w:t {0}>1</w:t>",
        '<w:fldChar {0} w:fldCharType="end"/>',
    ):
        run = _write(paragraph, "", "宋体", size)
        run._r.append(parse_xml(piece.format(nsdecls("w"))))


def _close_up(paragraph: Paragraph) -> None:
    """Keep Word from putting a gap between Chinese and digits: 28 signs would not go on a line."""
    properties = paragraph._p.get_or_add_pPr()
    spacing = properties.find(qn("w:spacing"))
    for name in ("autoSpaceDE", "autoSpaceDN"):
        spacing.addprevious(parse_xml(f'<w:{name} {nsdecls("w")} w:val="0"/>'))


def _rule_below(paragraph: Paragraph, kind: str, eighths: int, distance: int) -> None:
    """Draw a red rule under a paragraph; `distance` in points."""
    border = parse_xml(
        f'<w:pBdr {nsdecls("w")}><w:bottom w:val="{kind}" w:sz="{eighths}" w:space="{distance}"'
        f' w:color="{_RED}"/></w:pBdr>'
    )
    properties = paragraph._p.get_or_add_pPr()
    # The schema wants the properties in its own order.
    earlier = {qn(f"w:{name}") for name in ("pStyle", "keepNext", "keepLines", "widowControl")}
    properties.insert(sum(child.tag in earlier for child in properties), border)


def _foot_table(rows: Sequence[Paragraph], *, ruled: bool) -> Any:
    """Return a table that floats to the foot of the type area, with the paragraphs moved into it."""
    edges = "".join(
        f'<w:{side} w:val="{"single" if ruled else "nil"}" w:sz="{eighths}" w:space="0"/>'
        for side, eighths in (("top", 8), ("bottom", 8), ("insideH", 6))
    )
    width = _twips(layout.WIDTH)
    table = parse_xml(
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        '<w:tblpPr w:leftFromText="0" w:rightFromText="0" w:vertAnchor="margin"'
        ' w:horzAnchor="margin" w:tblpXSpec="left" w:tblpYSpec="bottom"/>'
        f'<w:tblW w:w="{width}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="0" w:type="dxa"/>'
        '<w:right w:w="0" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f'<w:tblGrid><w:gridCol w:w="{width}"/></w:tblGrid></w:tbl>'
    )
    for paragraph in rows:
        row = parse_xml(
            f'<w:tr {nsdecls("w")}><w:trPr><w:cantSplit/></w:trPr><w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
            "</w:tc></w:tr>"
        )
        row[-1].append(paragraph._p)
        table.append(row)
    return table


def _seal(paragraph: Paragraph) -> None:
    """Put a dotted circle of a seal's size over signature and date, behind their text."""
    size, above = 42 * _MM, -14 * _MM
    left = _seal_left(paragraph, size)
    paragraph._p.append(
        parse_xml(
            '<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
            ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
            ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
            ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape">'
            '<w:drawing><wp:anchor distT="0" distB="0" distL="0" distR="0" simplePos="0"'
            ' relativeHeight="1" behindDoc="1" locked="0" layoutInCell="1" allowOverlap="1">'
            '<wp:simplePos x="0" y="0"/>'
            f'<wp:positionH relativeFrom="column"><wp:posOffset>{left}</wp:posOffset></wp:positionH>'
            f'<wp:positionV relativeFrom="paragraph"><wp:posOffset>{above}</wp:posOffset>'
            "</wp:positionV>"
            f'<wp:extent cx="{size}" cy="{size}"/><wp:effectExtent l="0" t="0" r="0" b="0"/>'
            '<wp:wrapNone/><wp:docPr id="1" name="印章位置" descr="印章位置"/>'
            "<wp:cNvGraphicFramePr/><a:graphic>"
            '<a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingShape">'
            '<wps:wsp><wps:cNvSpPr/><wps:spPr><a:xfrm><a:off x="0" y="0"/>'
            f'<a:ext cx="{size}" cy="{size}"/></a:xfrm>'
            '<a:prstGeom prst="ellipse"><a:avLst/></a:prstGeom><a:noFill/>'
            '<a:ln w="7620"><a:solidFill><a:srgbClr val="D81212"/></a:solidFill>'
            '<a:prstDash val="sysDot"/></a:ln></wps:spPr><wps:bodyPr/></wps:wsp>'
            "</a:graphicData></a:graphic></wp:anchor></w:drawing></w:r>"
        )
    )


def _seal_left(paragraph: Paragraph, size: int) -> int:
    left = paragraph.paragraph_format.left_indent or Length(0)
    centre = (left + Pt(layout.WIDTH)) / 2
    return round(centre - size / 2)


def _same_bytes(document: WordDocument) -> bytes:
    """Return the file with the moments taken out that the archive would hold."""
    written, same = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(same, "w") as target:
        for entry in source.infolist():
            kept = zipfile.ZipInfo(entry.filename, date_time=_EPOCH)
            kept.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(kept, source.read(entry))
    return same.getvalue()
