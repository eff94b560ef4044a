"""Posting to an address that somebody else has given, and never into the house.

Invariants (against server-side request forgery):

- only addresses of the public internet are connected to, whatever a name resolves to, and exactly the one that was
  judged is connected to: a name that changes between the look and the call gains nothing;
- a redirect is an answer, never followed; proxies of the environment are not used;
- no more than 64 KiB of an answer are read, and none of it is kept.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

_MOST_ANSWER = 64 * 1024
_LONGEST_URL = 2000


class ForbiddenAddress(Exception):
    """The address leads somewhere that must not be connected to."""


class WebhookSender(Protocol):
    """What posts webhooks: `HttpSender`, or one of your own (through an egress proxy, or for tests)."""

    def check(self, url: str) -> str | None:
        """Why this address is refused at once, without asking the network; None when nothing speaks against it."""
        ...

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send it; the status code of the answer. Raises whatever went wrong before there was one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSender:
    """Posts over HTTPS to the public internet.

    `timeout`, in seconds, bounds the whole exchange in steps: connecting, sending, each part of the answer.
    `allow_http` and `allow_private` are for a network of one's own, and for tests: anybody who may register an endpoint
    can then make the shop call what only the shop can reach.
    """

    timeout: float = 10.0
    allow_http: bool = False
    allow_private: bool = False

    def check(self, url: str) -> str | None:
        """See WebhookSender."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return "not an address"
        schemes = ("https", "http") if self.allow_http else ("https",)
        if parts.scheme not in schemes or not host:
            return f"must be an address that begins with {' or '.join(f'{each}://' for each in schemes)}"
        if not url.isascii() or any(letter <= " " for letter in url) or len(url) > _LONGEST_URL:
            return f"must have at most {_LONGEST_URL} characters, no blanks, and others than ASCII escaped"
        if parts.username is not None or parts.password is not None or parts.fragment:
            return "must have no user, password or fragment"
        if not self.allow_private and _is_inside(host):
            return "must lead to the public internet"
        return None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """See WebhookSender. Raises ForbiddenAddress, OSError, http.client.HTTPException."""
        if reason := self.check(url):
            raise ForbiddenAddress(reason)
        parts = urlsplit(url)
        ends = time.monotonic() + self.timeout
        connection = _connection(parts, self._address(parts), self.timeout)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=body, headers={**headers, "Connection": "close"})
            answer = connection.getresponse()
            left = _MOST_ANSWER  # read, so that the receiver sees no broken connection
            while left > 0 and time.monotonic() < ends and (part := answer.read1(min(left, 8192))):
                left -= len(part)
            return answer.status
        finally:
            connection.close()

    def _address(self, parts: SplitResult) -> str:
        host = parts.hostname or ""
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        if not self.allow_private and not all(_is_public(each) for each in addresses):
            raise ForbiddenAddress(f"{host} does not lead to the public internet")
        return addresses[0]


def _connection(parts: SplitResult, address: str, timeout: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return _PinnedHttps(host, parts.port or 443, address, timeout)
    return _Pinned(host, parts.port or 80, address, timeout)


class _Pinned(http.client.HTTPConnection):
    """Speaks of a host, connects to an address."""

    def __init__(self, host: str, port: int, address: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address

    def connect(self) -> None:
        """To the address that was judged."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _PinnedHttps(_Pinned):
    """The same with TLS, whose certificate is that of the host."""

    default_port = 443

    def connect(self) -> None:
        """Connect, and have the host prove itself."""
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _is_inside(host: str) -> bool:
    """Whether a host as it is written is an address of a private network, or this machine's own name."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not _is_public(name)
    except ValueError:
        return False  # a name: judged by what it resolves to


def _is_public(address: str) -> bool:
    """Raises ValueError for what is no address. An IPv4 address in IPv6 clothes is judged by itself."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None:
            parsed = inner
        elif parsed in _NAT64:
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
