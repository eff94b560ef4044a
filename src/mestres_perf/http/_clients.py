"""Who is calling: the address of the connection, or what a proxy that is trusted says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from mestres_perf.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks ("10.0.0.0/8"). Raises ConfigurationError."""
    if isinstance(given, str):
        raise ConfigurationError(f"trusted_proxies={given!r}: must be several, such as ('10.0.0.0/8',)")
    try:
        return tuple(ipaddress.ip_network(each) for each in given)
    except ValueError as error:
        raise ConfigurationError(f"trusted_proxies: {error}; write '10.0.0.0/8' or '192.0.2.7'") from error


def client_of(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The address nearest to us that is no trusted proxy.

    `forwarded` (X-Forwarded-For) is read from its right end, where our own proxies have written; anybody may have
    written what is left of the first stranger. What is no address ends it.
    """
    client = peer
    if not trusted or not _is_trusted(peer, trusted):
        return client
    for part in reversed(forwarded.split(",")):
        address = part.strip()
        if not _is_address(address):
            return client
        client = address
        if not _is_trusted(address, trusted):
            return client
    return client


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in trusted)
