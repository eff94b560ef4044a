"""A FastAPI application around a shop."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mestres_core import Commerce
from mestres_core.contrib.fastapi import response, router
from mestres_examples.settings import Settings
from mestres_examples.wiring import wire


def create_app(shop: Commerce, settings: Settings) -> FastAPI:
    """The shop's API and pages as a FastAPI application."""
    parts = wire(shop, settings)
    # The OpenAPI document is the API's own, the same as under Flask.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for application in parts.applications.values():
        app.include_router(router(application))

    @app.exception_handler(404)
    async def not_found(request: Request, _error: Exception) -> Response:
        return response(parts.not_found(request.method, request.scope["path"]))

    return parts.instrument(app)
