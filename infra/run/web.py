"""The one HTTP port: every subject's routes, the pages, the sockets, behind one set of middlewares."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Histogram

from infra.kit.errors import Misconfigured
from infra.kit.health import Health
from infra.kit.http import AUTHENTICATOR, Authenticator, Routes, mount
from infra.kit.openapi import document
from infra.kit.problems import Handler, problem_middleware
from infra.run import ops
from infra.run.settings import ServerSettings

_LARGEST_BODY = 1024 * 1024
_SOCKET = 101


def application(
    subjects: Iterable[Routes],
    authenticator: Authenticator,
    health: Health,
    registry: CollectorRegistry,
    *middlewares: Middleware,
) -> web.Application:
    """Return the application with every typed route, the operators' endpoints and their OpenAPI document."""
    app = web.Application(
        middlewares=[_timed(registry), problem_middleware, *middlewares],
        client_max_size=_LARGEST_BODY,
    )
    app[AUTHENTICATOR] = authenticator

    @cache  # A third of a second of work, for the few who ask; a start after a crash does not wait for it.
    def described() -> dict[str, Any]:
        return document(endpoints, title="Lianxin 连心", version=version("lianxin"))

    endpoints = mount(app, [*subjects, ops.routes(health, registry, described)])
    return app


@asynccontextmanager
async def listening(app: web.Application, settings: ServerSettings) -> AsyncIterator[None]:
    """Serve the application inside the block; leaving it finishes what is being answered.

    Raises:
        Misconfigured: The port is taken; the message names the setting.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.stop_seconds / 2)
    await runner.setup()
    try:
        await _listen(runner, settings)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: ServerSettings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise Misconfigured(
            f"{where} cannot be had: {os.strerror(error.errno or 0)}. Choose another server.port, "
            "or stop whatever uses it",
            f"{where} 无法使用（可能已被占用）。请修改设置 server.port，或停止占用它的程序",
        ) from error


def _timed(registry: CollectorRegistry) -> Middleware:
    seconds = Histogram(
        "lianxin_http_seconds",
        "Time to answer a request",
        ["method", "route", "status"],
        registry=registry,
    )

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        status = 500
        try:
            response = await handler(request)
            status = response.status
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "none"
            if status != _SOCKET:  # a socket's hours are no answering time
                seconds.labels(request.method, route, status).observe(time.perf_counter() - started)
        return response

    return middleware
