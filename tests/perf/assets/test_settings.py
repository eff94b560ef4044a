"""The one settings object of the kit refuses what makes no sense."""

import pytest

from mestres_perf.assets import Settings
from mestres_perf.errors import ConfigurationError


@pytest.mark.parametrize(
    ("ram", "size"), [("512MB", 512 * 1024**2), ("32GB", 32 * 1024**3), ("1 tb", 1024**4), (2 * 1024**3, 2 * 1024**3)]
)
def test_memory_has_units(ram, size):
    """Memory is a text with its unit, counted as PostgreSQL counts, or a number of bytes."""
    assert Settings(ram=ram).ram == size


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ram": "32"}, "such as 512MB or 32GB"),
        ({"ram": "lots"}, "such as 512MB or 32GB"),
        ({"ram": "1MB"}, "ram: .*greater than or equal to"),
        ({"cpus": 0}, "cpus: .*greater than or equal to 1"),
        ({"disk": "floppy"}, "disk: .*'ssd' or 'hdd'"),
        ({"preload_libraries": ["a'b"]}, "preload_libraries.0: should be a name"),
        ({"upstreams": []}, "upstreams: at least one is needed"),
        ({"upstreams": ["api1"]}, "upstreams.0: should be HOST:PORT"),
        ({"upstreams": ["a:1; deny all"]}, "upstreams.0: should be HOST:PORT"),
        ({"upstreams": ["a:1\n"]}, "upstreams.0: should be HOST:PORT"),
        ({"upstreams": ["a:70000"]}, "upstreams.0: .*65535"),
        ({"api_names": ["x {"]}, "api_names.0: should be a name"),
        ({"port": 99999}, "port: .*65535"),
        ({"api_rate": "10/s"}, "api_rate: should be a rate such as 10r/s"),
        ({"static_root": "html"}, "static_root: should be an absolute path"),
        ({"run_folder": "/tmp/$host"}, "run_folder: should be an absolute path"),
        ({"private_networks": ["everyone"]}, "private_networks.0: .*network"),
        ({"timezone": 'UTC"'}, "timezone: should be the name of a time zone"),
        ({"timezone": "Mars/Olympus"}, "timezone: should be the name of a time zone"),
        ({"visibility_timeout": 1500}, "held for 1500 s .* would then run twice"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_nonsense_is_refused(values, said):
    """A wrong value is one typed error that names it and says what would be right."""
    with pytest.raises(ConfigurationError, match=said):
        Settings(**values)


def test_everything_wrong_is_said_at_once():
    """Several mistakes are told together."""
    with pytest.raises(ConfigurationError, match=r"ram: .*; cpus: "):
        Settings(ram="x", cpus=-1)


def test_settings_do_not_change():
    """What was checked stays as it was checked."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().cpus = 3
