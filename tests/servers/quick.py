"""A folder in memory where there is one: what a test writes need not survive a power cut."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH = 1 << 30


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A new folder, removed at the end; on a disk where no gigabyte of memory is free for files."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH
    folder = Path(tempfile.mkdtemp(prefix="mestres-", dir=_MEMORY if in_memory else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
