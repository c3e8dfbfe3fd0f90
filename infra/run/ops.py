"""What operators and monitors ask: alive, ready, figures; and the API's own description."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from infra.kit.health import Health
from infra.kit.http import ApiModel, Routes


class Alive(ApiModel):
    """The process runs and its event loop turns."""

    status: str


class Dependency(ApiModel):
    """One thing that this process needs."""

    ok: bool
    detail_zh: str
    detail_en: str
    facts: dict[str, Any]


class Readiness(ApiModel):
    """Whether the process can do its work, and what hinders it."""

    ready: bool
    dependencies: dict[str, Dependency]


def routes(
    health: Health, registry: CollectorRegistry, openapi: Callable[[], dict[str, Any]]
) -> Routes:
    """Return the operators' endpoints.

    Args:
        health: The checks behind `/readyz`.
        registry: The figures behind `/metrics`.
        openapi: Gives the OpenAPI document; called in a thread of its own, once every route is known.
    """
    routes = Routes("operations")

    @routes.get("/livez", permission=None)
    async def livez() -> Alive:
        """Say that the process is alive."""
        return Alive(status="ok")

    @routes.get("/readyz", permission=None)
    async def readyz() -> web.Response:
        """Say of every dependency whether it serves; 503 if one does not."""
        reports = await health.reports()
        body = Readiness(
            ready=all(report.ok for report in reports.values()),
            dependencies={
                name: Dependency(
                    ok=r.ok, detail_zh=r.detail_zh, detail_en=r.detail_en, facts=r.facts
                )
                for name, r in reports.items()
            },
        )
        return web.Response(
            text=body.model_dump_json(),
            status=200 if body.ready else 503,
            content_type="application/json",
        )

    @routes.get("/metrics", permission=None)
    async def metrics() -> web.Response:
        """Give the figures in Prometheus' text format."""
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    @routes.get("/api/v1/openapi.json", permission=None)
    async def describe() -> web.Response:
        """Give the OpenAPI 3.1 document of this API."""
        return web.json_response(await asyncio.to_thread(openapi))

    return routes
