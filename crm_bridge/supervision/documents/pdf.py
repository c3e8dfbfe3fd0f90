"""Draws a letter as PDF, by the measures of GB/T 9704-2012. The same letter always gives the same bytes."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.pdfgen.canvas import Canvas

from crm_bridge.supervision.documents import layout
from crm_bridge.supervision.documents.fonts import Face, Fonts
from crm_bridge.supervision.documents.layout import LEADING, LEFT, MM, SIZE_2, SIZE_3, SIZE_4, WIDTH
from crm_bridge.supervision.documents.pen import BLACK, RED, Pen
from crm_bridge.supervision.letter import Letter, Weight, addressed, chinese_date, weight_of

_FACES = {
    Weight.heading: Face.heading,
    Weight.subheading: Face.subheading,
    Weight.text: Face.body,
}
_TOP_OF_TYPE_AREA = layout.PAGE_HEIGHT - layout.TOP
# The library keeps what it has used of a font in the font itself.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands on one line of the type area."""

    text: str = ""
    face: Face = Face.body
    size: float = SIZE_3
    indent: float = 0.0
    spread: float = layout.NARROWER
    seal: bool = False


def pdf(letter: Letter, fonts: Fonts) -> bytes:
    """Return the document as PDF; a letter without a number is a draft and says so."""
    with _ONE_AT_A_TIME:
        return _Drawing(letter, fonts).document()


class _Drawing:
    def __init__(self, letter: Letter, fonts: Fonts) -> None:
        self._letter = letter
        self._fonts = fonts
        self._is_letter = not letter.head
        self._buffer = io.BytesIO()
        self._canvas = Canvas(
            self._buffer, pagesize=(layout.PAGE_WIDTH, layout.PAGE_HEIGHT), invariant=1
        )
        self._canvas.setTitle("".join(letter.title))
        self._canvas.setAuthor(letter.issuer)
        self._canvas.setSubject(f"{letter.number} SHA-256 {letter.digest()}")
        self._canvas.setCreator("Lianxin 连心")
        self._pen = Pen(self._canvas, fonts)
        self._page = 1
        self._y = _TOP_OF_TYPE_AREA

    def document(self) -> bytes:
        self._head()
        *body, last = self._body()
        for rows in body:
            self._flow(rows)
        # A page must not hold the signature alone: the end of the text goes with it.
        self._flow([*last, *self._tail()])
        self._imprint()
        self._end_page()
        self._canvas.save()
        return self._buffer.getvalue()

    # The head

    def _head(self) -> None:
        letter, centre = self._letter, LEFT + WIDTH / 2
        text = letter.issuer + letter.head
        ems = self._fonts.width(text, Face.headline, 1.0)
        width = layout.LETTER_RULE_WIDTH if self._is_letter else WIDTH
        size = min(layout.LARGEST_HEAD, max(layout.SMALLEST_HEAD, 0.97 * width / ems))
        top = layout.HEAD_FROM_PAGE if self._is_letter else layout.TOP + layout.HEAD_FROM_TYPE_AREA
        baseline = layout.PAGE_HEIGHT - top - size * 0.86
        for line in layout.balanced(
            tuple(text), width + 0.5, lambda part: self._fonts.width(part, Face.headline, size)
        ):
            self._pen.centred(line, centre, baseline, Face.headline, size, RED)
            baseline -= size * 1.3
        below = baseline + size * 1.3 - size * 0.14
        if self._is_letter:
            self._letter_head(below)
        else:
            self._document_head(below)

    def _document_head(self, below: float) -> None:
        if self._letter.pressing:
            self._pen.text(
                self._letter.pressing, LEFT, _TOP_OF_TYPE_AREA - SIZE_3, Face.heading, SIZE_3
            )
        number = below - 3 * LEADING + (LEADING - SIZE_3) / 2 + SIZE_3 * 0.14
        self._pen.centred(self._number(), LEFT + WIDTH / 2, number, Face.body, SIZE_3, BLACK)
        rule = number - SIZE_3 * 0.14 - layout.RULE_BELOW
        self._pen.rule(LEFT, rule, WIDTH, 0.5 * MM, RED)
        self._y = rule - 2 * LEADING
        self._title()

    def _letter_head(self, below: float) -> None:
        left = (layout.PAGE_WIDTH - layout.LETTER_RULE_WIDTH) / 2
        rule = below - layout.RULE_BELOW
        self._pen.rule(left, rule, layout.LETTER_RULE_WIDTH, 0.9 * MM, RED)
        self._pen.rule(left, rule - 1.3 * MM, layout.LETTER_RULE_WIDTH, _THIN, RED)
        foot = layout.LETTER_RULE_FROM_BOTTOM
        self._pen.rule(left, foot + 1.3 * MM, layout.LETTER_RULE_WIDTH, _THIN, RED)
        self._pen.rule(left, foot, layout.LETTER_RULE_WIDTH, 0.9 * MM, RED)
        baseline = rule - 1.3 * MM - SIZE_3 * 7 / 8 - SIZE_3 * 0.86
        number = self._number()
        right = LEFT + WIDTH - self._fonts.width(number, Face.body, SIZE_3)
        self._pen.text(number, right, baseline, Face.body, SIZE_3)
        if self._letter.pressing:
            self._pen.text(self._letter.pressing, LEFT, baseline, Face.heading, SIZE_3)
        self._y = baseline - SIZE_3 * 0.14 - 2 * LEADING
        self._title()

    def _title(self) -> None:
        def measure(part: str) -> float:
            return self._fonts.width(part, Face.headline, SIZE_2)

        for line in layout.balanced(self._letter.title, WIDTH, measure):
            self._y -= LEADING * 1.15
            self._pen.centred(line, LEFT + WIDTH / 2, self._y + 6, Face.headline, SIZE_2, BLACK)
        self._y -= LEADING

    # The type area

    def _body(self) -> list[list[_Row]]:
        """Return the rows that stay together: a heading with what follows it, the last lines with each other."""
        letter = self._letter
        groups = [[row] for row in self._paragraph(addressed(letter.addressees), Face.body, 0.0)]
        waiting: list[_Row] = []
        for paragraph in letter.body:
            weight = weight_of(paragraph)
            rows = self._paragraph(paragraph, _FACES[weight], 2 * self._em)
            if weight is Weight.text:
                groups += [[*waiting, rows[0]], *([row] for row in rows[1:])]
                waiting = []
            else:
                waiting += rows
        end = [row for group in groups[-2:] for row in group] + waiting
        return [*groups[:-2], end]

    def _tail(self) -> list[_Row]:
        letter = self._letter
        rows: list[_Row] = []
        if letter.attachments:
            rows.append(_Row())
            for n, name in enumerate(letter.attachments, start=1):
                mark = "附件：" if n == 1 else "　　　"
                label = f"{mark}{n}．" if len(letter.attachments) > 1 else mark
                rows += self._paragraph(
                    label + name, Face.body, 2 * self._em, (2 + len(label)) * self._em
                )
        rows += [_Row(), _Row(), *self._signature(), _Row()]
        if letter.note:
            rows.append(_Row(f"（{letter.note}）", indent=2 * self._em))
        return rows

    def _signature(self) -> list[_Row]:
        """Return issuer and date, one centred to the other; the longer keeps its distance from the right edge."""
        issuer, date = self._letter.issuer, chinese_date(self._letter.dated)
        wide, narrow = self._measure(issuer), self._measure(date)
        right = WIDTH - (2 if wide > narrow else 4) * self._em
        centre = right - max(wide, narrow) / 2
        return [
            _Row(issuer, indent=centre - wide / 2, seal=True),
            _Row(date, indent=centre - narrow / 2),
        ]

    @property
    def _em(self) -> float:
        return SIZE_3 + layout.NARROWER

    def _measure(self, part: str) -> float:
        return self._fonts.width(part, Face.body, SIZE_3) + layout.NARROWER * len(part)

    def _paragraph(self, text: str, face: Face, first: float, others: float = 0.0) -> list[_Row]:
        def measure(part: str) -> float:
            return self._fonts.width(part, face, SIZE_3) + layout.NARROWER * len(part)

        return [
            _Row(line.text, face, indent=line.indent, spread=layout.NARROWER + line.spread)
            for line in layout.break_lines(text, WIDTH, measure, first=first, others=others)
        ]

    def _flow(self, rows: Sequence[_Row]) -> None:
        """Draw rows that stay together, on a new page if they do not fit on this one."""
        if self._y - len(rows) * LEADING < layout.BOTTOM - 0.1 and self._y < _TOP_OF_TYPE_AREA:
            self._end_page()
        for row in rows:
            if self._y - LEADING < layout.BOTTOM - 0.1:
                self._end_page()
            self._y -= LEADING
            baseline = self._y + (LEADING - row.size) / 2 + row.size * 0.14
            self._pen.text(row.text, LEFT + row.indent, baseline, row.face, row.size, row.spread)
            if row.seal:
                centre = LEFT + row.indent + self._measure(row.text) / 2
                # Signature and date stand a little below its middle.
                self._pen.seal(centre, baseline)

    # The imprint and the page

    def _imprint(self) -> None:
        """Draw who gets copies and who printed it at the foot of the last page (版记)."""
        letter, inner = self._letter, WIDTH - 2 * SIZE_4

        def measure(part: str) -> float:
            return self._fonts.width(part, Face.body, SIZE_4)

        label = "抄送："
        lines = (
            layout.break_lines(
                f"{label}{'、'.join(letter.copies)}。", inner, measure, others=measure(label)
            )
            if letter.copies
            else []
        )
        printed = 0 if self._is_letter else 1
        height = 20.0
        if not lines and not printed:
            return
        needed = (len(lines) + printed) * height
        if self._y - needed < layout.BOTTOM:
            self._end_page()
        y = layout.BOTTOM + needed
        if printed:
            self._pen.rule(LEFT, y, WIDTH, layout.THICK_RULE, BLACK)
        for line in lines:
            y -= height
            x = LEFT + SIZE_4 + line.indent
            self._pen.text(line.text, x, y + 5, Face.body, SIZE_4, line.spread)
        if printed:
            if lines:
                self._pen.rule(LEFT, y, WIDTH, layout.THIN_RULE, BLACK)
            y -= height
            on = f"{chinese_date(letter.dated)}印发"
            self._pen.text(letter.issuer, LEFT + SIZE_4, y + 5, Face.body, SIZE_4)
            right = LEFT + WIDTH - SIZE_4 - measure(on)
            self._pen.text(on, right, y + 5, Face.body, SIZE_4)
            self._pen.rule(LEFT, y, WIDTH, layout.THICK_RULE, BLACK)

    def _end_page(self) -> None:
        # The first page of a letter bears no number.
        if not (self._is_letter and self._page == 1):
            text = f"— {self._page} —"
            width = self._fonts.width(text, Face.body, SIZE_4)
            odd = self._page % 2
            x = LEFT + WIDTH - SIZE_4 - width if odd else LEFT + SIZE_4
            y = layout.BOTTOM - layout.PAGE_NUMBER_BELOW - SIZE_4 * 0.4
            self._pen.text(text, x, y, Face.body, SIZE_4)
        self._canvas.showPage()
        self._page += 1
        self._y = _TOP_OF_TYPE_AREA

    def _number(self) -> str:
        return self._letter.number or "（草稿，尚未编号）"


_THIN = 0.3 * MM
