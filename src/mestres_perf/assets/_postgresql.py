"""postgresql.conf for a machine.

The formulas are those of PGTune (https://pgtune.leopard.in.ua, profile "web application") where these give the values
that were specified for 32 GB, 16 processors and SSD; where they do not, the specified value is scaled with the memory.

    shared_buffers            memory / 4
    effective_cache_size      memory * 3/4
    maintenance_work_mem      memory / 16, at most 8 GB
    work_mem                  memory / 128, at least 4 MB: ten times what PGTune gives, see `_memory_warning`
    wal_buffers               shared_buffers / 32 as the server itself chooses, but up to 64 MB instead of 16
    max_wal_size              memory / 2, from 1 to 16 GB
    min_wal_size              memory / 8, from 80 MB to 4 GB
    random_page_cost          1.1 on SSD, 4 on rotating disks
    effective_io_concurrency  200 on SSD, 2 on rotating disks
    max_worker_processes      the processors, at least the server's own default of 8 (replication needs some too)
    max_parallel_workers      the processors; at most 4, and half of the processors, for one query
    max_connections           300 for 32 GB and more, in proportion below, at least the server's own default of 100

All of them are accepted by PostgreSQL 15 to 18.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from mestres_perf.assets._settings import GB, MB, Settings

_KB = 1024
_SPECIFIED_RAM = 32 * GB
_SPECIFIED_CONNECTIONS = 300
_COMMENT_COLUMN = 61
_WIDTH = 100


def postgresql_conf(settings: Settings) -> str:
    """The text of postgresql.conf, to be included at the end of the server's own."""
    sections = {
        "Memory": _memory(settings),
        "Checkpoints": _checkpoints(settings),
        "Planner and parallel work": _planner(settings),
        "Connections": _connections(settings),
        "Logging": _LOGGING,
    }
    machine = f"{_size(settings.ram)} of memory, {settings.cpus} processors, {settings.disk.upper()}"
    lines = [f"# PostgreSQL 15 to 18 on a machine of its own with {machine}.", *_memory_warning(settings)]
    for title, values in sections.items():
        lines += ["", f"# {title}", *(_line(*value) for value in values)]
    return "\n".join(lines) + "\n"


_Values = list[tuple[str, object, str]]

_LOGGING: _Values = [
    ("log_min_duration_statement", 200, "milliseconds"),
    ("log_checkpoints", "on", ""),
    ("log_connections", "on", ""),
    ("log_disconnections", "on", ""),
    ("log_lock_waits", "on", ""),
]


def _memory(settings: Settings) -> _Values:
    shared = settings.ram // 4
    return [
        ("shared_buffers", _size(shared), "a quarter of the memory"),
        ("effective_cache_size", _size(settings.ram * 3 // 4), "a hint for the planner, nothing is allocated"),
        ("work_mem", _size(_work_mem(settings)), "for each sort and each hash, not for each connection"),
        ("maintenance_work_mem", _size(min(settings.ram // 16, 8 * GB)), ""),
        ("wal_buffers", _size(min(shared // 32, 64 * MB)), ""),
    ]


def _checkpoints(settings: Settings) -> _Values:
    return [
        ("checkpoint_completion_target", 0.9, ""),
        ("checkpoint_timeout", "15min", ""),
        ("max_wal_size", _size(_between(GB, settings.ram // 2, 16 * GB)), "recovery after a crash reads up to this"),
        ("min_wal_size", _size(_between(80 * MB, settings.ram // 8, 4 * GB)), ""),
    ]


def _planner(settings: Settings) -> _Values:
    ssd = settings.disk == "ssd"
    return [
        ("random_page_cost", 1.1 if ssd else 4.0, ""),
        ("effective_io_concurrency", 200 if ssd else 2, ""),
        ("max_worker_processes", max(settings.cpus, 8), ""),
        ("max_parallel_workers_per_gather", min(4, (settings.cpus + 1) // 2), ""),
        ("max_parallel_workers", settings.cpus, ""),
    ]


def _connections(settings: Settings) -> _Values:
    libraries = ",".join(settings.preload_libraries)
    return [
        ("max_connections", _max_connections(settings), "for more, put a pooler before the server"),
        ("shared_preload_libraries", f"'{libraries}'", "the server does not start when one is not installed"),
    ]


def _memory_warning(settings: Settings) -> Iterable[str]:
    """What happens when every connection sorts at once, in this machine's numbers."""
    connections, work = _max_connections(settings), _work_mem(settings)
    free = settings.ram - settings.ram // 4
    # PGTune's figure: every connection and every parallel worker has room for three sorts.
    cautious = max(free // ((connections + settings.cpus) * 3), 64 * _KB)
    if connections * work > free:
        warning = (
            f"Beware: {connections} connections that sort at once may take {connections} x {_size(work)} = "
            f"{_rounded(connections * work)} of work_mem, and {_rounded(free)} are left beside shared_buffers. "
            "Right for few large queries at a time; where many run at once, "
            f"{_rounded(cautious)} is safe, and single large queries raise it with SET LOCAL work_mem."
        )
        yield "#"
        yield from (f"# {line}" for line in textwrap.wrap(warning, _WIDTH))


def _work_mem(settings: Settings) -> int:
    return max(settings.ram // 128, 4 * MB)


def _max_connections(settings: Settings) -> int:
    return _between(100, _SPECIFIED_CONNECTIONS * settings.ram // _SPECIFIED_RAM, _SPECIFIED_CONNECTIONS)


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


def _size(value: int) -> str:
    """Bytes in the largest of PostgreSQL's units that says them exactly; below a kilobyte is cut off."""
    for unit, bytes_ in (("GB", GB), ("MB", MB)):
        if value % bytes_ == 0:
            return f"{value // bytes_}{unit}"
    return f"{value // _KB}kB"


def _rounded(value: int) -> str:
    return f"{value / GB:.0f} GB" if value >= 10 * GB else f"{value / MB:.0f} MB"


def _line(name: str, value: object, comment: str) -> str:
    text = f"{name} = {value}"
    return f"{text:<{_COMMENT_COLUMN}} # {comment}" if comment else text
