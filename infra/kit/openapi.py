"""The OpenAPI 3.1 document, made from the typed routes: every route is in it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import pydantic
from aiohttp import web
from pydantic.json_schema import models_json_schema

from infra.kit.http import IDEMPOTENCY_HEADER, SESSION, Endpoint

_Mode = Literal["validation", "serialization"]

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "title_zh", "title_en"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:lianxin:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "title_zh": {"type": "string"},
        "title_en": {"type": "string"},
        "detail_zh": {"type": "string"},
        "detail_en": {"type": "string"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message_zh", "message_en"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901 JSON pointer"},
                    "message_zh": {"type": "string"},
                    "message_en": {"type": "string"},
                },
            },
        },
        "changed": {
            "type": "array",
            "description": "Of a stale write: what has happened to the ticket since it was read",
            "items": {
                "type": "object",
                "required": ["seq", "event", "actor", "at"],
                "properties": {
                    "seq": {"type": "integer"},
                    "event": {"type": "string"},
                    "actor": {"type": ["string", "null"]},
                    "at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}


def document(endpoints: Sequence[Endpoint], *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these endpoints, ready to be written as JSON."""
    wanted: list[tuple[type[pydantic.BaseModel], _Mode]] = []
    for endpoint in endpoints:
        if endpoint.body is not None:
            wanted.append((endpoint.body, "validation"))
        if _is_model(endpoint.returns):
            wanted.append((endpoint.returns, "serialization"))  # type: ignore[arg-type]  # just checked
    schemas, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "lianxin_session"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.tag}_{endpoint.handler.__name__}"),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
        "security": _security(endpoint),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.permission is not None:
        operation["x-permission"] = endpoint.permission
    if endpoint.body is not None:
        schema = schemas[(endpoint.body, "validation")]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.permission is None:
        return []
    return (
        [{"session": []}] if endpoint.permission == SESSION else [{"session": []}, {"bearer": []}]
    )


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind is int else "string"},
        }
        for name, kind in endpoint.path_types.items()
    ]
    if endpoint.query is not None:
        schema = endpoint.query.model_json_schema()
        required = set(schema.get("required", ()))
        definitions = schema.get("$defs", {})
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": _inline(shape, definitions),
            }
            for name, shape in schema["properties"].items()
        ]
    if endpoint.idempotent:
        parameters.append(
            {
                "name": IDEMPOTENCY_HEADER,
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": 255},
                "description": "The same key again gives the same thing again, and makes no second one.",
            }
        )
    return parameters


def _inline(shape: Any, definitions: dict[str, Any]) -> Any:
    """Return the schema with its local definitions put in place: a parameter has no `$defs` of its own."""
    if isinstance(shape, dict):
        if "$ref" in shape:
            return _inline(definitions[shape["$ref"].rsplit("/", 1)[1]], definitions)
        return {key: _inline(value, definitions) for key, value in shape.items()}
    if isinstance(shape, list):
        return [_inline(value, definitions) for value in shape]
    return shape


def _responses(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done" if endpoint.status == 204 else "OK"}
    if _is_model(endpoint.returns):
        schema = schemas[(endpoint.returns, "serialization")]
        good["content"] = {"application/json": {"schema": schema}}
    return {
        str(endpoint.status): good,
        "default": {
            "description": "What went wrong and what to do next",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        },
    }


def _is_model(kind: type | None) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, pydantic.BaseModel)
        and not issubclass(kind, web.StreamResponse)
    )
