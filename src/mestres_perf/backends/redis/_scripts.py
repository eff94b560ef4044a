"""The Lua scripts, by name."""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files


@cache
def text_of(name: str) -> str:
    """The script `scripts/<name>.lua`."""
    return files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


@cache
def digest_of(name: str) -> str:
    """What Redis calls it."""
    return sha1(text_of(name).encode(), usedforsecurity=False).hexdigest()
