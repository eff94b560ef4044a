"""The routes of Django, which is not imported: whoever has one of its handlers has it.

Django tells nobody outside which route it took. A handler that is followed leaves the route in the scope or environ.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from mestres_perf.http._routes import Known, layers

ROUTE = "mestres.route"
_VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>")
_REPEATED = r"(?:[*+?]|\{[0-9]*,?[0-9]*\})"
_CLASS = r"(?:\\[dDwWsS]|\[\^?\]?(?:\\.|[^\]\\])*\]|\.(?=[*+]))"
_TOKEN = re.compile(rf"(?P<varying>(?:{_CLASS}{_REPEATED}*)+)|\){_REPEATED}*|\\.|.", re.DOTALL)
"""What varies, the end of a group, an escape, or a sign."""
_REGULAR = re.compile(r"^\^|\(|\\|\$$")
_NAMED = re.compile(r"\(\{([^{}]+)\}")
_ANCHORS = frozenset("AZbB")
_SPELLINGS = 4096


def follow(app: Any) -> bool:
    """Have the handlers that are in `app` leave their routes; whether there is one."""
    is_there = False
    for handler in layers(app):
        if not (hasattr(handler, "resolve_request") and hasattr(handler, "load_middleware")):
            continue
        is_there = True
        if not isinstance(handler.resolve_request, _Leaving):
            handler.resolve_request = _Leaving(handler.resolve_request)
    return is_there


def known() -> Iterable[Known]:
    """The routes of the URLconf, and the methods that its class-based views have; GET for a function."""
    return list(_walked(sys.modules["django.urls"].get_resolver().url_patterns, ""))


@functools.lru_cache(maxsize=_SPELLINGS)
def spelled(route: str) -> str:
    """`/items/{number}/` for `items/<int:number>/` and `^items/(?P<number>[0-9]+)/$`, `/items/{1}/` without a name."""
    return "/" + _without_groups(_VARIABLE.sub(r"{\1}", route.replace("(?P<", "(<"))).lstrip("/")


class _Leaving:
    """`resolve_request` of a handler; calls come with the request alone."""

    def __init__(self, resolve: Callable[[Any], Any]) -> None:
        self._resolve = resolve

    def __call__(self, request: Any) -> Any:
        match = self._resolve(request)
        scope = getattr(request, "scope", None)
        (request.META if scope is None else scope)[ROUTE] = match.route or "/"
        return match


def _walked(patterns: Iterable[Any], prefix: str) -> Iterable[Known]:
    for each in patterns:
        own = str(each.pattern)
        route = prefix + (own.removeprefix("^") if prefix else own)
        if hasattr(each, "url_patterns"):
            yield from _walked(each.url_patterns, route)
        else:
            view = getattr(each.callback, "view_class", None)
            methods = {name.upper() for name in getattr(view, "http_method_names", ()) if hasattr(view, name)}
            yield spelled(route or "/"), methods - {"HEAD", "OPTIONS"} or {"GET"}


def _without_groups(route: str) -> str:
    r"""Each group of a regular expression as its name in braces, or as its number, with what repeats it.

    A class outside of groups, such as `\d+` or `[a-z]{2}`, takes a number as a group does: all that varies has one.
    Anchors and escapes are left out.
    """
    if not _REGULAR.search(route):
        return route
    parts, depth, number = [], 0, 0
    for token in _TOKEN.finditer(route):
        text = token[0]
        if text == "(":
            if not depth:
                named = _NAMED.match(route, token.start())
                number += 1
                parts.append("{" + (named[1] if named else str(number)) + "}")
            depth += 1
        elif text.startswith(")"):
            depth -= 1
        elif depth:
            continue
        elif token["varying"]:
            number += 1
            parts.append("{" + str(number) + "}")
        elif text.startswith("\\"):
            parts.append("" if text[1:] in _ANCHORS else text[1:])
        elif text not in "^$?*+":
            parts.append(text)
    return "".join(parts)
