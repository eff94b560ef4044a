"""Every setting of an application's pools, caches, sessions, JSON and metrics, as one typed object.

What is not set has the value that a shop usually has.

settings = Settings.from_environment()       # MESTRES_POOL_SIZE=40, MESTRES_SESSION_TTL=3600, ...
settings.pool.size
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from mestres_perf.errors import ConfigurationError

PREFIX = "MESTRES_"
_ADDRESSES = ("redis://", "rediss://", "unix://")
_SECRET_BYTES = 32
_WHEN_DOWN = ("anonymous", "refuse")
_SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

S = TypeVar("S")


def _at_least(default: float, least: float, *, above: bool = False) -> Any:
    return field(default=default, metadata={"least": least, "above": above})


def _above_zero(default: float) -> Any:
    return _at_least(default, 0, above=True)


class _Section:
    """Checks its values, whoever gives them. Raises ConfigurationError."""

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]  # every section is a dataclass
            _check(one, getattr(self, one.name), one.name)


@dataclass(frozen=True, kw_only=True)
class PoolSettings(_Section):
    """Connections to the database: `size` kept open and `max_overflow` more when needed; times in seconds.

    Who finds none free waits for `timeout`; a connection older than `recycle` is replaced; `pre_ping` tries one before
    it is given out, so that a restarted database is not noticed.
    """

    size: int = _at_least(20, 1)
    timeout: float = _above_zero(30.0)
    recycle: float = _above_zero(3600.0)
    pre_ping: bool = True
    max_overflow: int = _at_least(30, 0)


@dataclass(frozen=True, kw_only=True)
class RedisSettings(_Section):
    """Redis: its address (empty: there is none), how many connections, and the seconds that a call may take."""

    url: str = ""
    max_connections: int = _at_least(20, 1)
    retry_on_timeout: bool = True
    timeout: float = _above_zero(0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url and not self.url.startswith(_ADDRESSES):
            raise ConfigurationError("url: a Redis address begins with redis://, rediss:// or unix://")


@dataclass(frozen=True, kw_only=True)
class CacheSettings(_Section):
    """For how many seconds the named caches `default` and `long_term` keep a value."""

    default_ttl: float = _above_zero(300.0)
    long_term_ttl: float = _above_zero(3600.0)


@dataclass(frozen=True, kw_only=True)
class SessionSettings(_Section):
    """Sessions end `ttl` seconds after their last request; a `permanent` one's cookie outlives the browser.

    Cookies are signed with `secret`. It must be the same in every process; without one each makes its own. Those signed
    with one of `old_secrets`, separated by spaces, are still taken. While Redis is away, `when_down` says, a visitor is
    `anonymous`, or his requests are refused (`refuse`).
    """

    ttl: float = _above_zero(1800.0)
    permanent: bool = False
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(_SECRET_BYTES), repr=False)
    old_secrets: str = field(default="", repr=False)
    when_down: str = "anonymous"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.when_down not in _WHEN_DOWN:
            raise ConfigurationError(f"when_down: must be one of {', '.join(_WHEN_DOWN)}, not {self.when_down!r}")


@dataclass(frozen=True, kw_only=True)
class JsonSettings(_Section):
    """How JSON is written: names as they come and nothing that only pleases the eye, unless one wants to read it."""

    sort_keys: bool = False
    pretty: bool = False

    def dumps(self, value: Any) -> str:
        """A value as JSON text."""
        layout: dict[str, Any] = {"indent": 2} if self.pretty else {"separators": (",", ":")}
        return json.dumps(value, ensure_ascii=False, sort_keys=self.sort_keys, **layout)


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(_Section):
    """The directory in which all processes of the application count; empty: each for itself, in memory."""

    dir: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> MetricsSettings:
        """From MESTRES_METRICS_DIR."""
        return _read(environment, "METRICS", cls)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All sections. Each is usable by itself."""

    pool: PoolSettings = field(default_factory=PoolSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    session: SessionSettings = field(default_factory=SessionSettings)
    json: JsonSettings = field(default_factory=JsonSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Each setting from MESTRES_<SECTION>_<NAME>, as in MESTRES_POOL_SIZE; what is not set or empty by default.

        Raises ConfigurationError naming the variable.
        """
        return cls(
            pool=_read(environment, "POOL", PoolSettings),
            redis=_read(environment, "REDIS", RedisSettings),
            cache=_read(environment, "CACHE", CacheSettings),
            session=_read(environment, "SESSION", SessionSettings),
            json=_read(environment, "JSON", JsonSettings),
            metrics=MetricsSettings.from_environment(environment),
        )


def _read(environment: Mapping[str, str], section: str, kind: type[S]) -> S:
    given: dict[str, Any] = {}
    for one in fields(kind):  # type: ignore[arg-type]  # every section is a dataclass
        variable = f"{PREFIX}{section}_{one.name.upper()}"
        text = environment.get(variable, "").strip()
        if not text:
            continue
        given[one.name] = _PARSERS[str(one.type)](variable, text)
        _check(one, given[one.name], variable)
    try:
        return kind(**given)
    except ConfigurationError as error:  # a rule of the section itself: its sentence begins with the setting's name
        name, _, rest = str(error).partition(": ")
        raise ConfigurationError(f"{PREFIX}{section}_{name.upper()}: {rest}") from None


def _whole(variable: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(f"{variable} must be a whole number, not {text!r}") from None


def _number(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{variable} must be a number, not {text!r}") from None


def _switch(variable: str, text: str) -> bool:
    try:
        return _SWITCHES[text.lower()]
    except KeyError:
        raise ConfigurationError(f"{variable} must be 1 or 0, not {text!r}") from None


_PARSERS: dict[str, Callable[[str, str], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _switch,
    "str": lambda _variable, text: text,
}
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


def _check(one: Field[Any], value: Any, name: str) -> None:
    kinds = _KINDS[str(one.type)]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ConfigurationError(f"{name}: must be {one.type}, not {value!r}")
    least = one.metadata.get("least")
    if least is None:
        return
    number, above = float(value), one.metadata["above"]  # type: ignore[arg-type]  # what is not a number has no least
    if not math.isfinite(number) or number < least or (above and number == least):
        raise ConfigurationError(f"{name}: must be {'above' if above else 'at least'} {least}, not {value!r}")
