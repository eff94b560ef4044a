"""Who is calling: the address of the connection, or what a proxy that is trusted says of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from mestres_perf.errors import ConfigurationError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""The proxy at the other end of a Unix socket: a peer that has no address."""
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+")
_LONGEST = 64
_SITE = 64
"""Bits of an IPv6 address that are one customer's: the rest he chooses himself, anew for each request if he likes."""
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class Clients:
    """Names the client of a request, such that whoever has many addresses has one name.

    IPv4 addresses are themselves, also as a socket for both versions writes them (`::ffff:192.0.2.7`); IPv6 addresses
    are their network of 64 bits; a peer that has no address is as the server calls it.
    """

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Addresses, networks ("10.0.0.0/8"), and "unix". Raises ConfigurationError."""
        if isinstance(trusted_proxies, str):
            raise ConfigurationError(f"trusted_proxies={trusted_proxies!r}: must be several, such as ('10.0.0.0/8',)")
        given = list(trusted_proxies)
        self._trusts_unix = UNIX in given
        try:
            self._trusted = tuple(_unmapped(ipaddress.ip_network(each)) for each in given if each != UNIX)
        except ValueError as error:
            right = f"write '10.0.0.0/8', '192.0.2.7', or {UNIX!r} for a Unix socket"
            raise ConfigurationError(f"trusted_proxies: {error}; {right}") from error
        self.asks_proxies = bool(given)

    def name(self, peer: str, forwarded: str) -> str:
        """The client that is nearest to us and no trusted proxy.

        `forwarded` (X-Forwarded-For) is read from its right end, where our own proxies have written; anybody may have
        written what is left of the first stranger. What is no address ends it.
        """
        if not self.asks_proxies and ":" not in peer:
            return peer  # most are of IPv4, and have no other name
        nearest = _read(peer)
        if self._is_trusted(nearest):
            for part in reversed(forwarded.split(",")):
                client = _read(part.strip())
                if client is None:
                    break
                nearest = client
                if not self._is_trusted(client):
                    break
        return peer if nearest is None else nearest.name

    def _is_trusted(self, client: _Client | None) -> bool:
        if client is None:
            return self._trusts_unix
        return any(client.address in network for network in self._trusted)


class _Client(NamedTuple):
    address: _Address
    name: str


def _read(text: str) -> _Client | None:
    """Who is written there, with or without a port."""
    return _known(text) if len(text) <= _LONGEST else None  # what is remembered of strangers is small


@lru_cache(maxsize=1024)
def _known(text: str) -> _Client | None:
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return _Client(address, str(address))
    if address.ipv4_mapped is not None:
        return _Client(address.ipv4_mapped, str(address.ipv4_mapped))
    return _Client(address, str(ipaddress.IPv6Network((int(address), _SITE), strict=False)))


def _unmapped(network: _Network) -> _Network:
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    mapped = network.network_address.ipv4_mapped
    return ipaddress.IPv4Network((int(mapped or 0), network.prefixlen - _MAPPED.prefixlen))
