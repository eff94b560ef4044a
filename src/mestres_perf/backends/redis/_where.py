"""Which server to talk to now: the one of the address, or the one that the sentinels name."""

from __future__ import annotations

import time
from dataclasses import replace

from mestres_perf.backends.redis._address import Address, Places
from mestres_perf.backends.redis._wire import SharedWire, Wire, pack


def address_now(places: Places, timeout: float) -> Address:
    """Raises OSError when no sentinel knows the master. All of them together have `timeout` to say so."""
    if places.kind != "sentinel":
        return places.server
    failed: Exception = ConnectionRefusedError("there is no sentinel")
    until = time.monotonic() + timeout
    for asked, (host, port) in enumerate(places.hosts):
        try:
            wire = Wire(Address(host, port), _share(until, len(places.hosts) - asked))
        except OSError as error:
            failed = error
            continue
        try:
            (reply,) = wire.exchange(_question(places), 1)
        except OSError as error:
            failed = error
            continue
        finally:
            wire.close()
        if isinstance(reply, list):
            return _named(places, reply)
    raise ConnectionRefusedError(f"no sentinel knows the master {places.name!r}: {failed}")


async def aaddress_now(places: Places, within: float) -> Address:
    """`address_now` for async code."""
    if places.kind != "sentinel":
        return places.server
    failed: Exception = ConnectionRefusedError("there is no sentinel")
    until = time.monotonic() + within
    for asked, (host, port) in enumerate(places.hosts):
        try:
            wire = await SharedWire.open(Address(host, port), _share(until, len(places.hosts) - asked))
        except (TimeoutError, OSError) as error:
            failed = error
            continue
        try:
            (reply,) = await wire.exchange(_question(places), 1)
        except OSError as error:
            failed = error
            continue
        finally:
            wire.close()
        if isinstance(reply, list):
            return _named(places, reply)
    raise ConnectionRefusedError(f"no sentinel knows the master {places.name!r}: {failed}")


def _share(until: float, left: int) -> float:
    """What one of so many who are still to be asked may take: one that hangs leaves something to the others."""
    return max(until - time.monotonic(), 0.001) / left


def _question(places: Places) -> bytes:
    return pack([("SENTINEL", "get-master-addr-by-name", places.name)])


def _named(places: Places, reply: list[bytes]) -> Address:
    return replace(places.server, host=reply[0].decode(), port=int(reply[1]))
