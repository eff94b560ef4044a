"""What the files of the operations kit depend on: the machine, the addresses, the limits."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    model_validator,
)

from mestres_perf.errors import ConfigurationError

MB = 1024**2
GB = 1024**3
_UNITS = {"MB": MB, "GB": GB, "TB": 1024 * GB}
_LAST_PORT = 65535
_SIZE = re.compile(r"(\d{1,6})\s*(MB|GB|TB)", re.IGNORECASE)


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError("a size is a whole number with its unit, such as 512MB or 32GB")
    return int(found[1]) * _UNITS[found[2].upper()]


def _matching(pattern: str, wanted: str) -> AfterValidator:
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if expression.fullmatch(text) is None:
            raise ValueError(f"should be {wanted}")
        return text

    return AfterValidator(check)


def _port_in_range(address: str) -> str:
    if int(address.rpartition(":")[2]) > _LAST_PORT:
        raise ValueError(f"a port is at most {_LAST_PORT}")
    return address


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("should be the name of a time zone such as America/Sao_Paulo") from None
    return name


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("at least one is needed")
    return values


Size = Annotated[int, BeforeValidator(_bytes)]
# What is written into another program's configuration may not end a word there, or begin a variable.
Name = Annotated[str, _matching(r"[A-Za-z0-9._*-]{1,253}", "a name of letters, digits, dots and hyphens")]
HostPort = Annotated[
    str,
    _matching(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[1-9][0-9]{0,4}", "HOST:PORT such as 127.0.0.1:8000"),
    AfterValidator(_port_in_range),
]
FilePath = Annotated[str, _matching(r"/[A-Za-z0-9._/+@-]*", "an absolute path without spaces")]
Rate = Annotated[str, _matching(r"[1-9][0-9]{0,5}r/[sm]", "a rate such as 10r/s or 30r/m")]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Seconds = Annotated[int, Field(ge=1, le=7 * 24 * 3600)]
Names = Annotated[tuple[Name, ...], AfterValidator(_some)]
HostPorts = Annotated[tuple[HostPort, ...], AfterValidator(_some)]


class Settings(BaseModel):
    """The settings of the whole kit; the defaults are those of the production machine that it was specified for.

    `ram` takes a text with its unit ("32GB") or a number of bytes; rates are nginx's ("10r/s", "30r/m"); times are in
    seconds. Raises `ConfigurationError` naming every value that makes no sense.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The machine that PostgreSQL runs on
    ram: Size = Field(32 * GB, ge=512 * MB, le=16 * 1024 * GB)
    cpus: int = Field(16, ge=1, le=1024)
    disk: Literal["ssd", "hdd"] = "ssd"
    preload_libraries: tuple[Name, ...] = ("pg_stat_statements", "pg_prewarm")

    # nginx
    upstreams: HostPorts = ("api1:5000", "api2:5000", "api3:5000")
    api_names: Names = ("api.mestrescafe.com",)
    web_names: Names = ("mestrescafe.com", "www.mestrescafe.com")
    pages: Literal["spa", "app"] = "spa"  # who answers for `web_names`: the files in `static_root`, or the upstreams
    port: int = Field(80, ge=1, le=_LAST_PORT)
    static_root: FilePath = "/usr/share/nginx/html"
    api_rate: Rate = "10r/s"
    api_burst: int = Field(20, ge=0, le=100_000)
    login_rate: Rate = "1r/s"
    login_burst: int = Field(5, ge=0, le=100_000)
    private_networks: tuple[IPvAnyNetwork, ...] = Field(
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), validate_default=True
    )  # who may read /metrics
    run_folder: FilePath | None = None  # where nginx keeps logs and temporary files; None: where its package says

    # Celery
    timezone: Timezone = "America/Sao_Paulo"
    prefetch: int = Field(4, ge=1, le=1000)
    task_time_limit: Seconds = 300
    visibility_timeout: Seconds = 3600
    sentinel_master: Name | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(_sentence(error)) from None

    @model_validator(mode="after")
    def _is_redelivered_only_when_lost(self) -> Settings:
        # A message is not confirmed before its task ends, and waits in a worker behind those fetched before it.
        longest = self.task_time_limit * (self.prefetch + 1)
        if self.visibility_timeout <= longest:
            raise ValueError(
                f"a task can be held for {longest} s (task_time_limit x (prefetch + 1)) and would then run twice: "
                f"visibility_timeout must be more than that, not {self.visibility_timeout}"
            )
        return self


def seconds_per_request(rate: Rate) -> int:
    """How long, in whole seconds, until a rate ("10r/s", "30r/m") allows one more request."""
    number, _, period = rate.partition("r/")
    return math.ceil((1 if period == "s" else 60) / int(number))


def _sentence(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False):
        where = ".".join(map(str, problem["loc"]))
        what = problem["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}, not {problem['input']!r}" if where else what)
    return "; ".join(parts)
