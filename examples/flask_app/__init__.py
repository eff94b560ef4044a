"""The shop on Flask: wiring only. Run it by `mestres demo --framework flask`, or give `create_app` to a WSGI server."""

from mestres_examples.flask_app.app import create_app

__all__ = ["create_app"]
