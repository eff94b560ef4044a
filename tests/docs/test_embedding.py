"""The ten lines that README promises are ten lines, and all that there is to type."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mestres_core
from docs.pages import READMES, blocks


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_ten_lines_embed_a_shop(page, tmp_path):
    """The first block of the page is ten lines that run by themselves in an empty folder: a cart, then none."""
    code = next(blocks(page, "python")).code
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=_bare(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert len([line for line in code.splitlines() if line.strip()]) == 10
    assert "session.rollback()" in code
    assert (run.stderr, run.returncode) == ("", 0)
    assert run.stdout.splitlines() == ["9180", "None"]
    assert {file.name for file in tmp_path.iterdir()} <= {"app.py", "shop.db", "shop.db-shm", "shop.db-wal"}


def _bare():
    """An environment in which there is nothing but the package under test."""
    system = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return system | {"PYTHONPATH": str(Path(mestres_core.__file__).parents[1]), "PYTHONUTF8": "1"}
