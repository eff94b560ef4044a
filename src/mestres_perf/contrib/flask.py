"""Settings for a Flask application. Flask itself is not imported: whoever calls this has it."""

from __future__ import annotations

from typing import Any

from mestres_perf.settings import Settings


def configure(app: Any, settings: Settings) -> None:
    """Have `jsonify`, and the dictionaries that views return, written as the settings say."""
    app.json.sort_keys = settings.json.sort_keys
    app.json.compact = not settings.json.pretty
