"""The application: its routes, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from synthos.server import health, problems
from synthos.server.analytics import endpoints as analytics
from synthos.server.api_keys import endpoints as api_keys
from synthos.server.auth import endpoints as auth
from synthos.server.auth.guard import SCHEMES
from synthos.server.cross_origin import CrossOrigin
from synthos.server.datasets import endpoints as datasets
from synthos.server.jobs import endpoints as jobs
from synthos.server.jobs.metrics import registry_of
from synthos.server.limits import BodyLimits
from synthos.server.pipelines import endpoints as pipelines
from synthos.server.resources import endpoints as resources
from synthos.server.security_headers import SecurityHeaders
from synthos.server.settings import Settings
from synthos.server.state import Services, build
from synthos.server.telemetry import Telemetry
from synthos.server.validations import endpoints as validations

ROOT = "/api/v1"
#: In the order in which a request's path is looked for: what is asked all the time stands first.
ROUTERS: tuple[APIRouter, ...] = (
    validations.router,
    datasets.router,
    auth.repeatable,
    auth.router,
    api_keys.router,
    validations.sockets,
    pipelines.router,
    analytics.router,
    jobs.router,
    jobs.sockets,
    resources.router,
)


class _Api(FastAPI):
    """The framework's application; its OpenAPI document says, too, how callers identify themselves."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        document["components"]["securitySchemes"] = SCHEMES
        return document


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """The application for ``settings`` (by default from the environment), or around ``services`` that are there.

    Raises
    ------
    ConfigError : a setting is wrong.
    """
    given = services is not None
    services = services or build(settings or Settings.load())
    settings = services.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if not given:
            services.close()

    app = _Api(
        title="Synthos",
        version=version("synthos"),
        description="Tells before training whether a synthetic table will make the models trained on it collapse.",
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.figures = registry_of(services.database)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=ROOT)
    app.include_router(health.router)
    app.add_middleware(BodyLimits, most_bytes=settings.max_body_bytes, seconds=settings.body_seconds)
    if settings.cors_origins:
        app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Telemetry)
    return app
