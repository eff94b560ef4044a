"""Where Redis is, out of an address, and what is said to it first."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

from mestres_perf.errors import ConfigurationError

_KINDS = ("redis://", "rediss://", "unix://", "redis+sentinel://", "redis+cluster://")
_EXAMPLE = "redis://localhost:6379/0"


@dataclass(frozen=True, slots=True)
class Address:
    """One server: a host and port, or the path of a socket; what it is told first."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    protocol: int = 2

    def greeting(self) -> list[tuple[str | int, ...]]:
        """The commands that a new connection begins with."""
        said: list[tuple[str | int, ...]] = []
        who = () if self.password is None else (self.username or "default", self.password)
        if self.protocol == 3:  # noqa: PLR2004 - RESP3
            said.append(("HELLO", 3, "AUTH", *who) if who else ("HELLO", 3))
        elif who:
            said.append(("AUTH", *who) if self.username else ("AUTH", who[1]))
        if self.database:
            said.append(("SELECT", self.database))
        return said


@dataclass(frozen=True, slots=True)
class Places:
    """What an address says: one server, or those who know where it is.

    `kind` is "one", "sentinel" (then `name` is what the sentinels call the master) or "cluster".
    """

    kind: str
    server: Address
    hosts: tuple[tuple[str, int], ...]
    name: str = ""


def places_of(url: str, *, protocol: int = 2) -> Places:
    """Raises ConfigurationError for what is no address of Redis."""
    if not url.startswith(_KINDS):
        raise ConfigurationError(f"a Redis address begins with {', '.join(_KINDS)}, as in {_EXAMPLE}, not {url!r}")
    if protocol not in (2, 3):
        raise ConfigurationError(f"the protocol of Redis is 2 or 3, not {protocol!r}")
    kind = url.partition("://")[0].partition("+")[2] or "one"
    try:
        return _parsed(url, kind, protocol)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"{url!r} is no Redis address ({error}); {_EXAMPLE} is one") from error


def _parsed(url: str, kind: str, protocol: int) -> Places:
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    server = Address(
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=int(options.get("protocol", protocol)),
        tls=_tls(options) if parts.scheme == "rediss" else None,
    )
    if parts.scheme == "unix":
        path = f"/{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc.rpartition("@")[2] else parts.path
        return Places(kind, replace(server, path=path, database=int(options.get("db", 0))), ())
    hosts = tuple(_host(each) for each in (parts.netloc.rpartition("@")[2] or "localhost").split(","))
    steps = [unquote(step) for step in parts.path.split("/") if step]
    name = steps.pop(0) if kind == "sentinel" and steps else ""
    if kind == "sentinel" and not name:
        raise ConfigurationError("name the master: redis+sentinel://host:26379/mymaster/0")
    database = int(steps[0] if steps else options.get("db", 0))
    return Places(kind, replace(server, host=hosts[0][0], port=hosts[0][1], database=database), hosts, name)


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "localhost", 6379 if parts.port is None else parts.port


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    """By the same names as redis-py: ssl_cert_reqs (none, required), ssl_ca_certs, ssl_certfile, ssl_keyfile."""
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    if options.get("ssl_check_hostname", "true").lower() in ("false", "0", "no"):
        context.check_hostname = False
    if options.get("ssl_cert_reqs", "required") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in options:
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    return context
