"""How an official document is laid out: the measures of GB/T 9704-2012 and the breaking of lines. Pure.

Lengths are in points. Page, type area, lines and signs: 5.2; the elements: 7; the form of a letter (信函格式): 10.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
TOP, LEFT = 37 * MM, 28 * MM
WIDTH, HEIGHT = 156 * MM, 225 * MM
BOTTOM = PAGE_HEIGHT - TOP - HEIGHT
"""The white below the type area; page numbers stand in it."""

SIZE_2, SIZE_3, SIZE_4 = 22.0, 16.0, 14.0
"""二号, 三号, 四号."""
LEADING = 28.0
SIGNS_A_LINE, LINES_A_PAGE = 28, 22
NARROWER = WIDTH / SIGNS_A_LINE - SIZE_3
"""28 signs of 三号 are a little wider than the type area: by so much each is drawn nearer to the next."""

HEAD_FROM_TYPE_AREA = 35 * MM
HEAD_FROM_PAGE = 30 * MM
"""Of a letter."""
LARGEST_HEAD, SMALLEST_HEAD = 42.0, 24.0
RULE_BELOW = 4 * MM
LETTER_RULE_WIDTH, LETTER_RULE_FROM_BOTTOM = 170 * MM, 20 * MM
PAGE_NUMBER_BELOW = 7 * MM
SEAL = 42 * MM
THICK_RULE, THIN_RULE = 0.35 * MM, 0.25 * MM

_NOT_FIRST = frozenset("，。、；：？！）》〉”’〕】」』…—％%,.;:?!)]}·～")
_NOT_LAST = frozenset("（《〈“‘〔【「『([{")
_TOKEN = re.compile(r"[!-~]+|.", re.DOTALL)
_PIECE = re.compile(r"[!-~]")

Measure = Callable[[str], float]
"""The width of a text, in points."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a paragraph.

    Attributes:
        text: Its signs.
        indent: Where it begins, from the left of the paragraph.
        spread: What is added behind every sign so that the line ends flush; 0 on the last line.
    """

    text: str
    indent: float
    spread: float


def break_lines(
    text: str, width: float, measure: Measure, *, first: float = 0.0, others: float = 0.0
) -> list[Line]:
    """Return the lines of a paragraph.

    No line begins with a closing mark or ends with an opening one, and no number or Latin word is broken, as long as
    that leaves anything on the line. Joined together the lines are the text.

    Args:
        text: The paragraph.
        width: Of the paragraph.
        measure: Gives the width of a part of it.
        first: Indent of the first line.
        others: Indent of the others.
    """
    tokens = _tokens(text, width - max(first, others), measure)
    lines: list[Line] = []
    while tokens:
        indent = others if lines else first
        end = _fitting(tokens, width - indent, measure)
        line = "".join(tokens[:end])
        tokens = tokens[end:]
        gaps = len(line) - 1
        left = width - indent - measure(line)
        lines.append(Line(line, indent, left / gaps if tokens and gaps > 0 else 0.0))
    return lines or [Line("", first, 0.0)]


def balanced(parts: Sequence[str], width: float, measure: Measure) -> list[str]:
    """Return the lines of a centred title: as few as fit the width, as even as can be (7.3.1).

    Args:
        parts: Between them the title may be broken, so that no word is torn; one that is too wide is broken anywhere.
        width: Of a line.
        measure: Gives the width of a text.
    """
    for count in range(1, len(parts) + 1):
        found = [
            lines
            for cuts in combinations(range(1, len(parts)), count - 1)
            for lines in [
                ["".join(parts[i:j]) for i, j in pairwise((0, *cuts, len(parts)))],
            ]
            if all(measure(line) <= width for line in lines)
        ]
        if found:
            return min(found, key=lambda lines: max(map(measure, lines)) - min(map(measure, lines)))
    return [line.text for line in break_lines("".join(parts), width, measure)]


def _tokens(text: str, width: float, measure: Measure) -> list[str]:
    """Return what a line is not broken within: one sign, or a run of Latin letters and digits that fits a line."""
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if len(token) > 1 and measure(token) > width:
            tokens += _PIECE.findall(token)
        else:
            tokens.append(token)
    return tokens


def _fitting(tokens: Sequence[str], width: float, measure: Measure) -> int:
    """Return how many tokens go on a line; at least one."""
    end, used = 0, 0.0
    while end < len(tokens):
        used += measure(tokens[end])
        if used > width + 0.01 and end > 0:
            break
        end += 1
    if end == len(tokens):
        return end
    best = end
    while best > 1 and (tokens[best][0] in _NOT_FIRST or tokens[best - 1][-1] in _NOT_LAST):
        best -= 1
    return best if best > 1 else end
