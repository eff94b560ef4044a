"""celery_settings.py in a real Celery."""

import runpy

import pytest
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten

from mestres_perf.assets import FILES, Settings

SPECIFIED = {
    "task_serializer": "json", "accept_content": ["json"], "result_serializer": "json",
    "timezone": "America/Sao_Paulo", "enable_utc": True, "worker_prefetch_multiplier": 4, "task_acks_late": True,
    "worker_disable_rate_limits": True, "result_expires": 3600,
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def load(**settings):
        path = tmp_path / "celery_settings.py"
        path.write_text(FILES["celery_settings.py"](Settings(**settings)), encoding="utf-8")
        return {name: value for name, value in runpy.run_path(str(path)).items() if not name.startswith("_")}

    return load


def test_celery_knows_every_setting(load):
    """Each name in the file is a setting of Celery's, and Celery takes the value."""
    known = {name for name, _ in flatten(NAMESPACES)}
    values = load()
    app = Celery("shop")
    app.config_from_object(values)

    assert values.keys() <= known
    assert {name: app.conf[name] for name in values} == values
    app.close()


def test_specified_values(load):
    """The values of the specification are there."""
    assert SPECIFIED.items() <= load().items()


def test_a_killed_worker_loses_nothing(load):
    """Late confirmation comes with what makes it true: a lost process gives its message back, and time is enough."""
    values = load()

    assert values["task_reject_on_worker_lost"] is True
    assert values["task_soft_time_limit"] < values["task_time_limit"]
    longest = values["task_time_limit"] * (values["worker_prefetch_multiplier"] + 1)
    assert longest < values["broker_transport_options"]["visibility_timeout"]


def test_sentinel_only_when_asked(load):
    """The name of a Sentinel master is there only for those who have one, and then for broker and results."""
    assert "master_name" not in load()["broker_transport_options"]
    assert load()["result_backend_transport_options"].get("master_name") is None
    asked = load(sentinel_master="mymaster")

    assert asked["broker_transport_options"]["master_name"] == "mymaster"
    assert asked["result_backend_transport_options"]["master_name"] == "mymaster"
