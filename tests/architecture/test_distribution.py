"""What `pip install mestres` gives, without any extra. tox runs this file against the built wheel alone."""

import importlib
import subprocess
import sys
from importlib import metadata, resources

import pytest


@pytest.mark.parametrize("package", ["mestres_core", "mestres_perf"])
def test_package_is_typed(package):
    """Each package imports on the base install and tells type checkers that it is typed."""
    importlib.import_module(package)

    assert resources.files(package).joinpath("py.typed").is_file()


def test_examples_are_carried():
    """The example applications are part of the wheel, so that `mestres demo` runs anywhere."""
    assert importlib.import_module("mestres_examples").__doc__


@pytest.mark.parametrize("command", ["mestres", "mestres-perf"])
def test_command_starts(command):
    """Each console command explains itself on the base install."""
    entry = metadata.entry_points(group="console_scripts")[command]
    program = f"import sys; sys.argv = [{command!r}, '--help']; from {entry.module} import {entry.attr} as main; main()"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert f"usage: {command}" in run.stdout
