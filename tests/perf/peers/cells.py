"""Runs claims on libraries: each cell in a process of its own, which is ended when it hangs."""

import logging
import multiprocessing
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

from perf.peers.claims import CLAIMS, Claim
from perf.peers.libraries import HOMES, LIBRARIES, adapter
from perf.peers.room import Room

YES, NO, ABSENT, UNDECIDED = "yes", "no", "absent", "undecided"
_LIMIT = 40.0  # seconds for a cell
_LANES = 4  # cells at once; most of their time is waiting
# Imported once, in the process that the others are copies of: nothing that starts threads.
_PRELOADED = [
    "perf.peers.claims",
    "redis.asyncio",
    *(f"perf.peers.libraries.{home}" for home, _ in HOMES.values()),
]


@dataclass(frozen=True)
class Cell:
    """What came out, and why: the reason of an absence, or what was raised."""

    library: str
    claim: str
    answer: str
    why: str = ""


def decided() -> list[Claim]:
    """The claims that are decided by now."""
    return [claim for claim in CLAIMS.values() if claim.pending is None]


def run(url: str, libraries: Iterable[str] = LIBRARIES, claims: Iterable[Claim] | None = None) -> Iterator[Cell]:
    """The cells, as they are decided. Those that need Redis run one after another: they share its database."""
    cells = [(library, claim) for claim in (decided() if claims is None else claims) for library in libraries]
    _start_server()
    with ThreadPoolExecutor(_LANES) as free, ThreadPoolExecutor(1) as single:
        lanes = [single if _uses_redis(claim) else free for _, claim in cells]
        waiting = [lane.submit(_cell, *cell, url) for lane, cell in zip(lanes, cells, strict=True)]
        for each in as_completed(waiting):
            yield each.result()


def _start_server() -> None:
    """Start what makes the processes. It finds what it imports by this variable, and not as this process does."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOADED)
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))):
        forkserver.ensure_running()


def _uses_redis(claim: Claim) -> bool:
    return bool({"redis", "layered", "herd", "impatient"} & set(claim.needs)) or claim.name == "event_loops"


def _cell(library: str, claim: Claim, url: str) -> Cell:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_decide, args=(library, claim.name, url, theirs), daemon=False)
    process.start()
    theirs.close()
    try:
        answer, why = ours.recv() if ours.poll(_LIMIT) else (NO, f"hung for {_LIMIT:g} s")
    except EOFError:
        answer, why = NO, "the process died"
    finally:
        process.kill()
        process.join()
    return Cell(library, claim.name, answer, why)


def _decide(library: str, name: str, url: str, answer: Connection) -> None:
    """In the child. It leaves without waiting for threads that hang."""
    warnings.simplefilter("ignore")  # the libraries' own; whether they warn is no claim
    logging.disable()
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    answer.send(decide(library, CLAIMS[name], url))
    answer.close()
    os._exit(0)


def decide(library: str, claim: Claim, url: str) -> tuple[str, str]:
    """Yes, no or absent, and why."""
    found = adapter(library)
    if claim.name in found.undecided:
        return UNDECIDED, found.undecided[claim.name]
    lacks = [reason for reason in map(found.lack, claim.needs) if reason is not None]
    if lacks:
        return ABSENT, lacks[0]
    for colour in found.colours[:1] if claim.once else found.colours:
        if _uses_redis(claim):
            _flush(url)
        try:
            if not claim.check(Room(found, colour, url)):
                return NO, f"with {colour}"
        except BaseException as error:  # noqa: BLE001 - an error is a no
            return NO, f"with {colour}: {type(error).__name__}: {str(error)[:200]}"
    return YES, ""


def _flush(url: str) -> None:
    import redis

    with redis.Redis.from_url(url) as client:
        client.flushdb()


__all__ = ["ABSENT", "NO", "UNDECIDED", "YES", "Cell", "decide", "decided", "run"]
