"""Settings for Flask."""

import pytest
from flask import Flask

from mestres_perf import Settings
from mestres_perf.contrib.flask import configure
from mestres_perf.settings import JsonSettings


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        (JsonSettings(), '{"b":1,"a":2}\n'),
        (JsonSettings(sort_keys=True), '{"a":2,"b":1}\n'),
        (JsonSettings(pretty=True), '{\n  "b": 1,\n  "a": 2\n}\n'),
    ],
)
def test_json_follows_the_settings(settings, body):
    """What a view returns is unsorted and compact, as the specification has it, unless the settings say otherwise."""
    app = Flask(__name__)
    configure(app, Settings(json=settings))
    app.add_url_rule("/", view_func=lambda: {"b": 1, "a": 2})

    assert app.test_client().get("/").text == body
