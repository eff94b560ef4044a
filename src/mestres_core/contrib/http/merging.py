"""One OpenAPI document out of the host's and the shop's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_KINDS = ("schemas", "securitySchemes")


def merged(host: Mapping[str, Any], shop: Mapping[str, Any]) -> dict[str, Any]:
    """The host's document with the shop's paths and components in it; neither of the two given is changed.

    What the host already has stays the host's: a path with the same method is not replaced, and a component of the
    shop whose name is taken by another one is called `Shop...`, wherever it is spoken of.
    """
    components = host.get("components", {})
    renamed = {
        kind: {
            name: f"Shop{name[:1].upper()}{name[1:]}"
            for name, part in shop["components"].get(kind, {}).items()
            if components.get(kind, {}).get(name, part) != part
        }
        for kind in _KINDS
    }
    ours = _with_names(shop, renamed)
    document = {**host, "paths": dict(host.get("paths", {})), "components": dict(components)}
    for path, operations in ours["paths"].items():
        document["paths"][path] = {**operations, **document["paths"].get(path, {})}
    for kind in _KINDS:
        document["components"][kind] = {**ours["components"].get(kind, {}), **components.get(kind, {})}
    return document


def _with_names(shop: Mapping[str, Any], renamed: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    schemas, schemes = (renamed[kind] for kind in _KINDS)
    text = re.sub(
        r'"#/components/schemas/([^"]+)"',
        lambda found: f'"#/components/schemas/{schemas.get(found[1], found[1])}"',
        json.dumps(shop),
    )
    document: dict[str, Any] = json.loads(text)
    for kind in _KINDS:
        parts = document["components"].get(kind, {})
        document["components"][kind] = {renamed[kind].get(name, name): part for name, part in parts.items()}
    for operation in (each for operations in document["paths"].values() for each in operations.values()):
        if "security" in operation:
            operation["security"] = [
                {schemes.get(name, name): scopes for name, scopes in one.items()} for one in operation["security"]
            ]
    return document
