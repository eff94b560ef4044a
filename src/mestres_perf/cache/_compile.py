"""A function that looks its key up before it does anything else, written for one signature.

The key of a call is written out (see `_keys.of_call`), so that Python itself binds the arguments, in C, and a hit costs
one lookup and one look at the clock. Everything that is not a plain hit goes to `slow`, with the key when it is known
to be the one that binding would give.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mestres_perf.cache._keys import is_plain, prefix_of

_TEMPLATE = """\
def make({given}):
    {colour}def call({declared}):
        try:
            {entry} = {entries}[{key}]
            {value} = {entry}.value
            if {entry}.soft > {now}():
                {entry}.hits += 1
                return {answer}
        except {missing}:
            pass
        return {wait}{slow}({positional}, {named}, {known})
    return call
"""
_GIVEN = ("entries", "now", "kind", "prefix", "slow", "copy", "missing", "many", "each", "text", "plain")
_WORDS = (*_GIVEN, "entry", "value")
_P = inspect.Parameter


def compiled(function: Callable[..., Any], *, is_async: bool, copies: bool, **given: Any) -> Callable[..., Any] | None:
    """The function; None when its signature has a `**` parameter, whose names have to be put in order first.

    `given`: `entries` of the store, `now` the clock, `slow(arguments, named, key)`, `copy(value)`.
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if any(parameter.kind is _P.VAR_KEYWORD for parameter in parameters):
        return None
    word = _words({parameter.name for parameter in parameters})
    defaults = {f"{word['prefix']}_{p.name}": p.default for p in parameters if p.default is not _P.empty}
    source = _TEMPLATE.format(
        **word,
        given=", ".join([*(word[name] for name in _GIVEN), *defaults]),
        colour="async " if is_async else "",
        wait="await " if is_async else "",
        declared=_declared(parameters, word["prefix"]),
        key=_key(parameters, word),
        answer=f"{word['copy']}({word['value']})" if copies else word["value"],
        positional=_positional(parameters),
        known=_known(parameters, word),
        named=f"{{{', '.join(f'{p.name!r}: {p.name}' for p in parameters if p.kind is _P.KEYWORD_ONLY)}}}",
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<cached {function.__qualname__}>", "exec"), namespace)  # noqa: S102 - names of parameters only
    builtin = {"kind": type, "missing": (KeyError, TypeError), "many": len, "each": map, "text": str}
    known = {**given, **builtin, "prefix": prefix_of(function), "plain": is_plain}
    made: Callable[..., Any] = namespace["make"](*(known[name] for name in _GIVEN), *defaults.values())
    return made


def _words(taken: set[str]) -> dict[str, str]:
    """Names for what the function uses that no parameter has."""
    lead = "_"
    while any(name.startswith(lead) for name in taken):
        lead += "_"
    return {word: f"{lead}{word}" for word in _WORDS}


def _declared(parameters: list[inspect.Parameter], prefix: str) -> str:
    """The parameters as they were declared, their defaults by name."""
    parts: list[str] = []
    starred = False
    for index, parameter in enumerate(parameters):
        if parameter.kind is _P.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        if parameter.kind is _P.VAR_POSITIONAL:
            starred = True
        star = "*" if parameter.kind is _P.VAR_POSITIONAL else ""
        default = "" if parameter.default is _P.empty else f"={prefix}_{parameter.name}"
        parts.append(f"{star}{parameter.name}{default}")
        following = parameters[index + 1].kind if index + 1 < len(parameters) else None
        if parameter.kind is _P.POSITIONAL_ONLY and following is not _P.POSITIONAL_ONLY:
            parts.append("/")
    return ", ".join(parts)


def _key(parameters: list[inspect.Parameter], word: dict[str, str]) -> str:
    """The key, as `_keys.binder` would make it of arguments that are hashable and have no parts."""
    prefix, kind = word["prefix"], word["kind"]
    places = [p.name for p in parameters if p.kind in (_P.POSITIONAL_ONLY, _P.POSITIONAL_OR_KEYWORD)]
    names = [p.name for p in parameters if p.kind is _P.KEYWORD_ONLY]
    rest = next((p.name for p in parameters if p.kind is _P.VAR_POSITIONAL), None)
    if rest is None:
        return f"({', '.join([prefix, *places, *names, *(f'{kind}({name})' for name in (*places, *names))])},)"
    named = [part for name in sorted(names) for part in (repr(name), name)]
    kinds = [part for name in sorted(names) for part in (word["text"], f"{kind}({name})")]
    first = [prefix, f"{len(places)} + {word['many']}({rest})", *places, f"*{rest}", *named]
    second = [*(f"{kind}({name})" for name in places), f"*{word['each']}({kind}, {rest})", *kinds]
    return f"({', '.join([*first, *second])},)"


def _known(parameters: list[inspect.Parameter], word: dict[str, str]) -> str:
    """The key once more, outside the path of a hit; None where arguments may have to be taken apart."""
    if any(parameter.kind is _P.VAR_POSITIONAL for parameter in parameters):
        return "None"
    names = ", ".join(parameter.name for parameter in parameters)
    return f"{_key(parameters, word)} if {word['plain']}({names}) else None"


def _positional(parameters: list[inspect.Parameter]) -> str:
    parts = [
        f"*{p.name}" if p.kind is _P.VAR_POSITIONAL else p.name for p in parameters if p.kind is not _P.KEYWORD_ONLY
    ]
    return f"({', '.join(parts)},)" if parts else "()"
