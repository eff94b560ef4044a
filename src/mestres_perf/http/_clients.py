"""Who is calling: the address of the connection, or what a proxy that is trusted says of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from mestres_perf.errors import ConfigurationError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""The proxy at the other end of a Unix socket: a peer that has no address."""
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+")
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

    def name(self, peer: str, forwarded: str) -> str:
        """The client that is nearest to us and no trusted proxy.

        `forwarded` (X-Forwarded-For) is read from its right end, where our own proxies have written; anybody may have
        written what is left of the first stranger. What is no address ends it.
        """
        nearest = _address(peer)
        if self._is_trusted(nearest):
            for part in reversed(forwarded.split(",")):
                address = _address(part)
                if address is None:
                    break
                nearest = address
                if not self._is_trusted(address):
                    break
        return peer if nearest is None else _name(nearest)

    def _is_trusted(self, address: _Address | None) -> bool:
        if address is None:
            return self._trusts_unix
        return any(address in network for network in self._trusted)


def _address(text: str) -> _Address | None:
    """What is written there, with or without a port."""
    text = text.strip()
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _unmapped(network: _Network) -> _Network:
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    mapped = network.network_address.ipv4_mapped
    return ipaddress.IPv4Network((int(mapped or 0), network.prefixlen - _MAPPED.prefixlen))


def _name(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((int(address), _SITE), strict=False))
