"""Which route a request took: its template, never its path, which anybody may make up."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from mestres_perf.metrics._catalogue import METHODS, OTHER_METHOD, UNMATCHED

_VARIABLE = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")


def method_label(method: str) -> str:
    """One of HTTP's methods, or `_OTHER`."""
    return method if method in METHODS else OTHER_METHOD


def asgi_template(scope: Mapping[str, Any]) -> str:
    """The template that Starlette or FastAPI matched, with the prefixes of routers and mounts; else `__unmatched__`.

    FastAPI since 0.137 keeps the whole template of an included router in a context of its own: `route.path` has lost
    the prefix. A mounted application's `root_path` is concrete, so it is never used.
    """
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    if not isinstance(path, str) or not path:
        return UNMATCHED
    return path


def wsgi_template(environ: Mapping[str, Any]) -> str:
    """The rule that Flask matched, or what Django resolved; else `__unmatched__`."""
    rule = getattr(getattr(environ.get("werkzeug.request"), "url_rule", None), "rule", None)
    return _spelled(rule) if isinstance(rule, str) and rule else UNMATCHED


@functools.lru_cache(maxsize=4096)
def _spelled(rule: str) -> str:
    """Flask's `<int:number>` as the `{number}` that other frameworks write: one dashboard serves both."""
    return _VARIABLE.sub(r"{\1}", rule)
