"""A Flask application around a shop."""

from __future__ import annotations

from flask import Flask, Response, request

from mestres_core import Commerce
from mestres_core.contrib.flask import blueprint, response
from mestres_examples.settings import Settings
from mestres_examples.wiring import wire
from mestres_perf.contrib.flask import configure


def create_app(shop: Commerce, settings: Settings) -> Flask:
    """The shop's API and pages as a Flask application."""
    parts = wire(shop, settings)
    app = Flask(__name__, static_folder=None)
    configure(app, settings.perf)
    app.url_map.merge_slashes = False
    for name, application in parts.applications.items():
        app.register_blueprint(blueprint(application, name))

    @app.errorhandler(404)
    def not_found(_error: Exception) -> Response:
        return response(parts.not_found(request.method, request.path))

    return parts.instrument(app)
