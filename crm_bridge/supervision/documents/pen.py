"""Draws on a page of a PDF: text in the fonts that there are, rules, and the place of the seal."""

from __future__ import annotations

from typing import Literal

from reportlab.pdfgen.canvas import Canvas

from crm_bridge.supervision.documents.fonts import Face, Fonts
from crm_bridge.supervision.documents.layout import SEAL

Colour = tuple[float, float, float]

RED: Colour = (0.85, 0.07, 0.07)
BLACK: Colour = (0.0, 0.0, 0.0)
_GREY: Colour = (0.55, 0.55, 0.55)
_SEAL_LABEL = 9.0


class Pen:
    """Draws; lengths are in points from the lower left corner, `y` of a text is its baseline.

    Args:
        canvas: The document.
        fonts: What it is set in.
    """

    def __init__(self, canvas: Canvas, fonts: Fonts) -> None:
        self._canvas = canvas
        self._fonts = fonts

    def text(
        self,
        text: str,
        x: float,
        y: float,
        face: Face,
        size: float,
        spread: float = 0.0,
        colour: Colour = BLACK,
    ) -> None:
        """Write a text that begins at `x`; `spread` is added behind every sign."""
        canvas = self._canvas
        for run, kind in self._fonts.runs(text, face):
            canvas.saveState()
            canvas.setFillColorRGB(*colour)
            canvas.setStrokeColorRGB(*colour)
            canvas.setLineWidth(size / 40)
            canvas.setFont(kind.name, size)
            mode: Literal[0, 2] = 2 if kind.bold else 0
            canvas.drawString(x, y, run, charSpace=spread, mode=mode)
            canvas.restoreState()
            x += self._fonts.width(run, face, size) + spread * len(run)

    def centred(
        self, text: str, x: float, y: float, face: Face, size: float, colour: Colour = BLACK
    ) -> None:
        """Write a text whose middle is at `x`."""
        width = self._fonts.width(text, face, size)
        self.text(text, x - width / 2, y, face, size, colour=colour)

    def rule(self, x: float, y: float, width: float, thick: float, colour: Colour) -> None:
        """Draw a level line."""
        self._canvas.saveState()
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.setLineWidth(thick)
        self._canvas.line(x, y, x + width, y)
        self._canvas.restoreState()

    def seal(self, x: float, y: float) -> None:
        """Draw where the seal goes: a dotted circle of its size around a point."""
        canvas = self._canvas
        canvas.saveState()
        canvas.setStrokeColorRGB(*RED, alpha=0.7)
        canvas.setDash(2, 2)
        canvas.setLineWidth(0.6)
        canvas.circle(x, y, SEAL / 2)
        canvas.restoreState()
        top = y + SEAL / 2 - 2 * _SEAL_LABEL
        self.centred("（印章）", x, top, Face.body, _SEAL_LABEL, _GREY)
