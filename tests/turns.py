"""Tests run side by side in several processes; one marked `alone`, because it measures, runs while no other does."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path


def turn(*, alone: bool):
    """A context in which a test may run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return nullcontext() if run is None else _turn(Path(tempfile.gettempdir()) / f"mestres-turns-{run}", alone=alone)


@contextmanager
def _turn(place: Path, *, alone: bool) -> Iterator[None]:
    # The door is held by who waits to be alone: nobody else can come before him again and again.
    with place.with_suffix(".door").open("w") as door, place.with_suffix(".room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


def forget_turns() -> None:
    """Remove the files of this run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    for end in ("door", "room") if run is not None else ():
        (Path(tempfile.gettempdir()) / f"mestres-turns-{run}.{end}").unlink(missing_ok=True)
