"""The import order is written in .importlinter, and holds."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_import_contracts_hold():
    """No module imports upwards, sideways or in circles, and strangers stay at the edge."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint_imports, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
