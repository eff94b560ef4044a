"""Classes of the user's own, by name and shape: what is read is made into one of them only when both are the same.

A process that runs another version of the code, in which the class has other fields, has another name for it. It does
not understand the value and loads its own: neither sees the other's, and nothing is raised.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable
from enum import Enum, Flag
from typing import Any

from mestres_perf.errors import ConfigurationError

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """A class, its `name` in what is stored, how to take a value to parts, and how to build one from them again.

    What is built has the state that was taken: neither `__init__` nor `__post_init__` is called.
    """

    cls: type
    name: str
    parts: Callable[[Any], Iterable[Any]]
    build: Callable[[list[Any]], Any]

    @classmethod
    def of(cls, kind: type) -> Schema:
        """Raises ConfigurationError for what is neither a dataclass nor an enum nor a NamedTuple."""
        if isinstance(kind, type):
            if issubclass(kind, Enum):
                return _of_enum(kind)
            if dataclasses.is_dataclass(kind):
                return _of_dataclass(kind)
            if issubclass(kind, tuple) and hasattr(kind, "_fields"):
                return _of_named_tuple(kind)
        raise ConfigurationError(f"types has dataclasses, enums and NamedTuples, not {kind!r}")


def _of_dataclass(kind: type) -> Schema:
    fields = [(field.name, field.type) for field in dataclasses.fields(kind)]
    names = tuple(name for name, _ in fields)
    try:
        _ = object.__new__(kind)  # not of an Exception, nor of an abstract class
    except TypeError as error:
        raise ConfigurationError(f"{kind.__qualname__} cannot be rebuilt from its fields: {error}") from error

    def build(parts: list[Any]) -> Any:
        value: Any = object.__new__(kind)
        for name, part in zip(names, parts, strict=True):
            object.__setattr__(value, name, part)  # frozen ones, too
        return value

    return Schema(kind, _name("dataclass", kind, fields), lambda value: [getattr(value, each) for each in names], build)


def _of_named_tuple(kind: Any) -> Schema:
    try:
        types = inspect.get_annotations(kind)
    except NameError:  # from Python 3.14 on: a type that is not defined yet
        types = {}
    names = [(name, types.get(name, "")) for name in kind._fields]

    def build(parts: list[Any]) -> Any:
        if len(parts) != len(names):
            raise ValueError("another number of fields")
        return tuple.__new__(kind, parts)

    return Schema(kind, _name("namedtuple", kind, names), tuple, build)


def _of_enum(kind: type[Enum]) -> Schema:
    members = [(name, repr(member.value)) for name, member in kind.__members__.items()]
    is_flag = issubclass(kind, Flag)  # a combination has no name of its own

    def build(parts: list[Any]) -> Any:
        (member,) = parts
        return kind(member) if is_flag else kind[member]

    name = _name("flag" if is_flag else "enum", kind, members)
    return Schema(kind, name, lambda value: [value.value if is_flag else value.name], build)


def _name(sort: str, kind: type, fields: Iterable[tuple[str, Any]]) -> str:
    """Where the class is, and a digest of its shape."""
    shape = "\n".join((sort, *(f"{name}: {_spelled(of)}" for name, of in fields)))
    digest = hashlib.blake2b(_ADDRESS.sub("", shape).encode("utf-8", "surrogatepass"), digest_size=8)
    return f"{kind.__module__}.{kind.__qualname__}#{digest.hexdigest()}"


def _spelled(of: Any) -> str:
    """A type as text that is the same in every process."""
    if isinstance(of, str):
        return of
    return f"{of.__module__}.{of.__qualname__}" if type(of) is type else repr(of)
