"""A package's `__init__` is its front door: what it offers is what `__all__` says, in order."""

import importlib
import inspect
import pkgutil

import pytest

_ROOTS = ("mestres_core", "mestres_perf")


def _packages():
    for root in _ROOTS:
        yield root
        path = importlib.import_module(root).__path__
        yield from (found.name for found in pkgutil.walk_packages(path, prefix=f"{root}.") if found.ispkg)


def _ruffs_order(name):
    """CONSTANTS, then Classes, then functions: the order that ruff's RUF022 keeps."""
    return (not name.isupper(), not name[0].isupper(), name)


@pytest.mark.parametrize("package", list(_packages()))
def test_front_door(package):
    """Every name of `__all__` can be had, none is offered twice or unsaid, and they are sorted."""
    door = importlib.import_module(package)
    offered = getattr(door, "__all__", [])
    own_names = {
        name
        for name, value in vars(door).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", "").startswith(_ROOTS)
    }

    assert [name for name in offered if not hasattr(door, name)] == []
    assert sorted(set(offered), key=_ruffs_order) == list(offered)
    # A door with logic of its own (no `__all__`) is not a front door, and offers what it defines.
    if hasattr(door, "__all__") or package in _ROOTS:
        assert own_names - set(offered) == set()
