"""Writes a letter as Word document, by the measures of GB/T 9704-2012. The same letter always gives the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, time

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH as Align
from docx.enum.text import WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.section import Section
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from crm_bridge.supervision.documents import layout
from crm_bridge.supervision.documents.layout import LEADING, SIZE_2, SIZE_3, SIZE_4
from crm_bridge.supervision.documents.markup import (
    BODY,
    HEADING,
    RED,
    SUBHEADING,
    TITLE,
    close_up,
    field,
    foot_table,
    indent_by_signs,
    name_fonts,
    name_substitutes,
    rule_below,
    same_bytes,
    seal,
    set_grid,
    write,
)
from crm_bridge.supervision.letter import (
    Letter,
    Weight,
    addressed,
    chinese_date,
    copied,
    weight_of,
)

_FONTS = {Weight.heading: HEADING, Weight.subheading: SUBHEADING, Weight.text: BODY}


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
        name_substitutes(self._word)
        return same_bytes(self._word)

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
        set_grid(section, LEADING)
        self._word.settings.odd_and_even_pages_header_footer = True
        self._numbers(section)
        normal = self._word.styles["Normal"]
        normal.font.size = Pt(SIZE_3)
        name_fonts(normal.element.get_or_add_rPr(), BODY)

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
            write(paragraph, "— ", "宋体", SIZE_4)
            field(paragraph, "PAGE", SIZE_4)
            write(paragraph, " —", "宋体", SIZE_4)
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
        write(head, text, TITLE, size, colour=RED)
        if self._is_letter:
            self._letter_rule(head, "thickThinSmallGap")
            self._two_ends(letter.pressing, HEADING, self._number(), BODY)
        else:
            self._blank(2)
            number = self._line(self._number(), BODY)
            number.alignment = Align.CENTER
            rule_below(number, "single", 12, 8)
        self._blank(2)

    def _title(self) -> None:
        def measure(part: str) -> float:
            return sum(SIZE_2 if ord(sign) > 0xFF else SIZE_2 / 2 for sign in part)

        title = self._line("", TITLE)
        title.alignment = Align.CENTER
        title.paragraph_format.line_spacing = Pt(LEADING * 1.15)
        lines = layout.balanced(self._letter.title, layout.WIDTH, measure)
        for place, line in enumerate(lines):
            run = write(title, line, TITLE, SIZE_2)
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
                seal(line)
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
            end._p.addprevious(foot_table(rows, ruled=not self._is_letter))

    # Lines

    def _number(self) -> str:
        return self._letter.number or "（草稿，尚未编号）"

    def _line(self, text: str, font: str) -> Paragraph:
        paragraph = self._word.add_paragraph()
        form = paragraph.paragraph_format
        form.space_before = form.space_after = Pt(0)
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(LEADING)
        paragraph.alignment = Align.JUSTIFY
        close_up(paragraph)
        if text:
            write(paragraph, text, font, SIZE_3)
        return paragraph

    def _indented(self, text: str, font: str) -> Paragraph:
        paragraph = self._line(text, font)
        paragraph.paragraph_format.first_line_indent = Pt(2 * SIZE_3)
        indent_by_signs(paragraph, 2)
        return paragraph

    def _blank(self, lines: int, *, keep: bool = False) -> None:
        for _ in range(lines):
            self._line("", BODY).paragraph_format.keep_with_next = keep

    def _small(self, text: str) -> Paragraph:
        paragraph = self._line("", BODY)
        paragraph.paragraph_format.line_spacing = Pt(20)
        paragraph.paragraph_format.keep_with_next = True
        write(paragraph, text, BODY, SIZE_4)
        return paragraph

    def _two_ends(self, left: str, left_font: str, right: str, right_font: str) -> None:
        paragraph = self._line("", BODY)
        paragraph.alignment = Align.LEFT
        paragraph.paragraph_format.space_before = Pt(SIZE_3 * 7 / 8)
        paragraph.paragraph_format.tab_stops.add_tab_stop(Pt(layout.WIDTH), WD_TAB_ALIGNMENT.RIGHT)
        write(paragraph, left, left_font, SIZE_3)
        write(paragraph, f"\t{right}", right_font, SIZE_3)

    def _letter_rule(self, paragraph: Paragraph, kind: str) -> None:
        paragraph.paragraph_format.left_indent = Mm(-7)
        paragraph.paragraph_format.right_indent = Mm(-7)
        rule_below(paragraph, kind, 24, 10)


def _ems(text: str) -> float:
    return sum(1.0 if ord(sign) > 0xFF else 0.5 for sign in text)
