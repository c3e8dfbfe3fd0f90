"""A client that reads GeoReport v2 as the specification says, and knows nothing of our code.

XML is read with a parser of its own (expat), so that writer and reader cannot share a mistake.
"""

from __future__ import annotations

import json
from typing import Any
from xml.parsers import expat

LISTS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
"""What the specification's tables mark as lists (⇊), with the name of their items."""


class NotTheSpecification(AssertionError):
    """A document that no client could rely on."""


class Element:
    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[Element] = []
        self.text = ""


def parse_xml(body: bytes) -> Element:
    """The root of a document."""
    if not body.startswith(b"<?xml") or b'encoding="utf-8"' not in body.split(b"?>")[0].lower():
        raise NotTheSpecification("the XML declaration with encoding=utf-8 is missing")
    top = Element("")
    stack = [top]
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if attributes or ":" in name:
            raise NotTheSpecification(f"{name} has attributes or a namespace")
        element = Element(name)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(part: str) -> None:
        stack[-1].text += part

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.Parse(body, True)
    (root,) = top.children
    return root


def spark(element: Element) -> Any:
    """What an element is in JSON by the Spark convention; every leaf is a text, an empty one None."""
    if element.name in LISTS:
        item = LISTS[element.name]
        if any(child.name != item for child in element.children):
            raise NotTheSpecification(f"{element.name} holds something else than {item}")
        return [spark(child) for child in element.children]
    if element.children:
        names = [child.name for child in element.children]
        if len(set(names)) < len(names):
            raise NotTheSpecification(f"{element.name} holds a field twice")
        return {child.name: spark(child) for child in element.children}
    return element.text.strip() or None


def read(body: bytes, content_type: str) -> Any:
    """A document as plain lists and fields, all leaves as texts; None where nothing is said."""
    if content_type == "text/xml; charset=utf-8":
        return spark(parse_xml(body))
    if content_type == "application/json; charset=utf-8":
        return _texts(json.loads(body.decode("utf-8")))
    raise NotTheSpecification(f"content type {content_type}")


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value is not None and value != "" else None


def shape(value: Any) -> Any:
    """Which fields there are, and which of them are lists or have fields; an empty list has no shape to compare."""
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return "leaf"


def kinds(value: Any) -> Any:
    """The JSON types of a document's leaves; where nothing is said any type will do."""
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    if isinstance(value, dict):
        return {name: kinds(item) for name, item in value.items()}
    return type(value).__name__
