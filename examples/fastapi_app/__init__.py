"""The shop on FastAPI: wiring only. Run it with `mestres demo`, or give `create_app` to an ASGI server."""

from mestres_examples.fastapi_app.app import create_app

__all__ = ["create_app"]
