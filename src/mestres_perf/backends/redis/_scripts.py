"""The Lua scripts, by name."""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files

from mestres_perf._kernel.effects import Ask, Fetch

_ONCE = ("fill", "set")


@cache
def text_of(name: str) -> str:
    """The script `scripts/<name>.lua`."""
    return files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def may_be_repeated(effect: Ask | Fetch) -> bool:
    """Whether it may be sent again when nobody knows if it was heard.

    What stores a value may not: nobody knows either what has become untrue since the first time.
    """
    if type(effect) is Ask:
        return effect.name not in _ONCE
    assert isinstance(effect, Fetch)
    return not any(type(command) is Ask and command.name in _ONCE for command in effect.commands)


@cache
def digest_of(name: str) -> str:
    """What Redis calls it."""
    return sha1(text_of(name).encode(), usedforsecurity=False).hexdigest()
