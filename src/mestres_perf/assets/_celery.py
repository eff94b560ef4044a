"""celery_settings.py: the worker's settings."""

from __future__ import annotations

import json

from mestres_perf.assets._settings import Settings
from mestres_perf.assets._template import fill


def celery_settings(settings: Settings) -> str:
    """The text of a module for `app.config_from_object`."""
    master = {"master_name": settings.sentinel_master} if settings.sentinel_master else {}
    broker = {"visibility_timeout": settings.visibility_timeout, **master}
    return fill(
        "celery_settings.py.template",
        {
            "timezone": settings.timezone,
            "prefetch": settings.prefetch,
            "time_limit": settings.task_time_limit,
            "soft_time_limit": max(1, settings.task_time_limit * 4 // 5),
            "broker_transport_options": json.dumps(broker),
            "result_backend_transport_options": json.dumps(broker),
        },
    )
