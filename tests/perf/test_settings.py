"""One object with every setting."""

import dataclasses

import pytest

from mestres_perf import Settings
from mestres_perf.errors import ConfigurationError
from mestres_perf.settings import JsonSettings, PoolSettings, RedisSettings


def _values(settings):
    values = dataclasses.asdict(settings)
    values["session"].pop("secret")
    return values


def test_the_values_of_the_specification():
    """Without any variable the settings are those of the specification."""
    assert _values(Settings.from_environment({})) == {
        "pool": {"size": 20, "timeout": 30, "recycle": 3600, "pre_ping": True, "max_overflow": 30},
        "redis": {"url": "", "max_connections": 20, "retry_on_timeout": True, "timeout": 0.05},
        "cache": {"default_ttl": 300, "long_term_ttl": 3600},
        "session": {"ttl": 1800, "permanent": False, "old_secrets": "", "when_down": "anonymous"},
        "json": {"sort_keys": False, "pretty": False},
        "metrics": {"dir": ""},
    }


_OTHERS = {"int": ("7", 7), "float": ("2.5", 2.5), "bool": ("off", False), "str": ("redis://h/1", "redis://h/1")}


@pytest.mark.parametrize(
    ("section", "name", "kind"),
    [
        (section.name, one.name, one.type)
        for section in dataclasses.fields(Settings)
        for one in dataclasses.fields(section.default_factory)
    ],
)
def test_every_setting_has_its_variable(section, name, kind):
    """MESTRES_<SECTION>_<NAME> sets this setting, and no other."""
    text, value = _OTHERS[kind]
    if kind == "bool":
        text, value = ("0", False) if getattr(getattr(Settings(), section), name) else ("yes", True)
    if name == "when_down":  # which knows two words only
        text = value = "refuse"
    expected = _values(Settings()) | {"session": _values(Settings())["session"]}
    settings = Settings.from_environment({f"MESTRES_{section.upper()}_{name.upper()}": text})

    assert getattr(getattr(settings, section), name) == value
    if name != "secret":
        expected[section][name] = value
    assert _values(settings) == expected


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("MESTRES_POOL_SIZE", "many", "whole number"),
        ("MESTRES_POOL_SIZE", "0", "at least 1"),
        ("MESTRES_POOL_MAX_OVERFLOW", "-1", "at least 0"),
        ("MESTRES_POOL_TIMEOUT", "soon", "a number"),
        ("MESTRES_POOL_TIMEOUT", "nan", "above 0"),
        ("MESTRES_POOL_PRE_PING", "maybe", "1 or 0"),
        ("MESTRES_REDIS_URL", "http://h", "redis://"),
        ("MESTRES_REDIS_MAX_CONNECTIONS", "1.5", "whole number"),
        ("MESTRES_SESSION_TTL", "0", "above 0"),
        ("MESTRES_SESSION_WHEN_DOWN", "panic", "one of anonymous, refuse"),
        ("MESTRES_CACHE_DEFAULT_TTL", "inf", "above 0"),
    ],
)
def test_a_wrong_value_names_its_variable(variable, text, says):
    """What makes no sense is refused with the variable's name and what would be right."""
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment({variable: text})

    assert variable in str(refused.value)
    assert says in str(refused.value)


def test_an_empty_variable_is_none():
    """A variable that is set to nothing counts as not set."""
    assert Settings.from_environment({"MESTRES_POOL_SIZE": " "}).pool.size == 20


@pytest.mark.parametrize(
    "make",
    [
        lambda: PoolSettings(size="20"),
        lambda: PoolSettings(size=True),
        lambda: PoolSettings(pre_ping=1),
        lambda: PoolSettings(timeout=0),
        lambda: RedisSettings(url="localhost"),
    ],
)
def test_wrong_values_are_refused_in_code_too(make):
    """The same rules hold for whoever builds the object himself."""
    with pytest.raises(ConfigurationError):
        make()


def test_the_secret_is_not_shown():
    """A session secret is long, different each time, and not in the object's repr."""
    one, other = Settings(), Settings()

    assert len(one.session.secret) >= 32
    assert one.session.secret != other.session.secret
    assert one.session.secret not in repr(one)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (JsonSettings(), '{"b":1,"a":"é"}'),
        (JsonSettings(sort_keys=True), '{"a":"é","b":1}'),
        (JsonSettings(pretty=True), '{\n  "b": 1,\n  "a": "é"\n}'),
    ],
)
def test_json_is_written_as_set(settings, text):
    """Names stay in their order and close together unless the settings say otherwise."""
    assert settings.dumps({"b": 1, "a": "é"}) == text
