"""Open311's documents, in XML and in JSON from one value. Pure.

The two are each other's image by the Spark convention: a list is an element whose children all have one name, and in
JSON just a list; a root that is a list is a list. Characters that XML 1.0 does not know are dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias
from xml.etree import ElementTree

from infra.kit.errors import NotFound

Value: TypeAlias = "str | int | float | bool | Sequence[Value] | Mapping[str, Value] | None"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ITEMS = MappingProxyType(
    {
        "services": "service",
        "attributes": "attribute",
        "values": "value",
        "service_requests": "request",
        "service_request_updates": "request_update",
        "endpoints": "endpoint",
        "formats": "format",
        "errors": "error",
    }
)
"""The name of each child of a list."""


class Format(StrEnum):
    """How a document is written; the ending of its address."""

    xml = "xml"
    json = "json"

    @classmethod
    def of(cls, ending: str) -> Format:
        """Return the format of an ending.

        Raises:
            NotFound: There is none.
        """
        try:
            return cls(ending)
        except ValueError:
            raise NotFound(
                "documents end in .xml or .json", "地址应以 .xml 或 .json 结尾"
            ) from None

    @property
    def content_type(self) -> str:
        """The content type that the specification asks for, without the character set."""
        return "text/xml" if self is Format.xml else "application/json"


def write(name: str, value: Value, form: Format) -> bytes:
    """Return a document in UTF-8.

    Args:
        name: Of the root element; JSON has none.
        value: A list whose items have the name that belongs to the root's, or the root's fields.
        form: XML or JSON.
    """
    if form is Format.json:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    root = ElementTree.Element(name)
    _fill(root, value)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'.encode()


def _fill(element: ElementTree.Element, value: Value) -> None:
    if isinstance(value, Mapping):
        for name, child in value.items():
            _fill(ElementTree.SubElement(element, name), child)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _fill(ElementTree.SubElement(element, _ITEMS[element.tag]), item)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = _NOT_XML.sub("", str(value))
