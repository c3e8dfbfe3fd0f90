"""Pieces of Word's markup that python-docx has no words for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.section import Section
from docx.shared import Length, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from crm_bridge.supervision.documents import layout
from crm_bridge.supervision.documents.layout import SIZE_3

BODY, TITLE, HEADING, SUBHEADING = "仿宋_GB2312", "方正小标宋简体", "黑体", "楷体_GB2312"
RED = "D81212"

_INSTEAD: Mapping[str, str] = MappingProxyType(
    {BODY: "仿宋", TITLE: "华文中宋", HEADING: "SimHei", SUBHEADING: "楷体"}
)
"""What Word takes when the machine lacks a font (`w:altName`)."""

_MM = 36_000
"""A millimetre in the unit of drawings (EMU)."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def _twips(points: float) -> int:
    return round(points * 20)


def write(
    paragraph: Paragraph, text: str, font: str, size: float, *, colour: str | None = None
) -> Run:
    """Add a text to a paragraph; of 三号 28 signs go on a line."""
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    if size == SIZE_3:
        nearer = f'<w:spacing {nsdecls("w")} w:val="{_twips(layout.NARROWER)}"/>'
        run._r.get_or_add_rPr().find(qn("w:sz")).addprevious(parse_xml(nearer))
    if colour is not None:
        run.font.color.rgb = RGBColor.from_string(colour)
    name_fonts(run._r.get_or_add_rPr(), font)
    return run


def set_grid(section: Section, pitch: float) -> None:
    """Give a section lines of a fixed pitch, in points."""
    properties = section._sectPr
    for old in properties.findall(qn("w:docGrid")):
        properties.remove(old)
    properties.append(
        parse_xml(f'<w:docGrid {nsdecls("w")} w:type="lines" w:linePitch="{_twips(pitch)}"/>')
    )


def indent_by_signs(paragraph: Paragraph, signs: int) -> None:
    """Say of the indent of a first line that it is so many signs, whatever their size."""
    indent = paragraph._p.get_or_add_pPr().find(qn("w:ind"))
    indent.set(qn("w:firstLineChars"), str(100 * signs))


def name_substitutes(document: WordDocument) -> None:
    """Name for each font another that Word takes when the machine lacks it."""
    table = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{instead}"/><w:charset w:val="86"/>'
        '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>'
        for name, instead in _INSTEAD.items()
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    for part in document.part.package.iter_parts():
        if str(part.partname) == "/word/fontTable.xml":
            part._blob = f"{head}<w:fonts {nsdecls('w')}>{table}</w:fonts>".encode()


def name_fonts(properties: Any, font: str) -> None:
    """Set the font of every script in the properties of a run or a style."""
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = parse_xml(f"<w:rFonts {nsdecls('w')}/>")
        properties.insert(0, fonts)
    for attribute in list(fonts.attrib):
        del fonts.attrib[attribute]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), font)
    fonts.set(qn("w:hint"), "eastAsia")


def field(paragraph: Paragraph, code: str, size: float) -> None:
    """Add a field that Word reckons, such as PAGE."""
    for piece in (
        '<w:fldChar {0} w:fldCharType="begin"/>',
        f'<w:instrText {{0}} xml:space="preserve"> {code} </w:instrText>',
        '<w:fldChar {0} w:fldCharType="separate"/>',
        "<w:t {0}>1</w:t>",
        '<w:fldChar {0} w:fldCharType="end"/>',
    ):
        run = write(paragraph, "", "宋体", size)
        run._r.append(parse_xml(piece.format(nsdecls("w"))))


def close_up(paragraph: Paragraph) -> None:
    """Keep Word from putting a gap between Chinese and digits: 28 signs would not go on a line."""
    properties = paragraph._p.get_or_add_pPr()
    spacing = properties.find(qn("w:spacing"))
    for name in ("autoSpaceDE", "autoSpaceDN"):
        spacing.addprevious(parse_xml(f'<w:{name} {nsdecls("w")} w:val="0"/>'))


def rule_below(paragraph: Paragraph, kind: str, eighths: int, distance: int) -> None:
    """Draw a red rule under a paragraph; `distance` in points."""
    border = parse_xml(
        f'<w:pBdr {nsdecls("w")}><w:bottom w:val="{kind}" w:sz="{eighths}" w:space="{distance}"'
        f' w:color="{RED}"/></w:pBdr>'
    )
    properties = paragraph._p.get_or_add_pPr()
    # The schema wants the properties in its own order.
    earlier = {qn(f"w:{name}") for name in ("pStyle", "keepNext", "keepLines", "widowControl")}
    properties.insert(sum(child.tag in earlier for child in properties), border)


def foot_table(rows: Sequence[Paragraph], *, ruled: bool) -> Any:
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
            f"<w:tr {nsdecls('w')}><w:trPr><w:cantSplit/></w:trPr><w:tc><w:tcPr>"
            f'<w:tcW w:w="{width}" w:type="dxa"/></w:tcPr></w:tc></w:tr>'
        )
        row[-1].append(paragraph._p)
        table.append(row)
    return table


def seal(paragraph: Paragraph) -> None:
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


def same_bytes(document: WordDocument) -> bytes:
    """Return the file, without the moments that its archive would hold and the library's own picture of a document."""
    package = document.part.package
    for name, relation in list(package.rels.items()):
        if relation.reltype.endswith("/thumbnail"):
            del package.rels[name]
    written, same = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(same, "w") as target:
        for entry in source.infolist():
            kept = zipfile.ZipInfo(entry.filename, date_time=_EPOCH)
            kept.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(kept, source.read(entry))
    return same.getvalue()
