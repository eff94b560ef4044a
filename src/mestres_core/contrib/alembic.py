"""Two Alembic histories in one database that leave each other's tables alone.

In the host's `env.py`:

    from mestres_core.contrib.alembic import include_name, include_object

    context.configure(..., include_name=include_name, include_object=include_object)

Autogenerate then proposes nothing for the shop's tables. The shop's own history is brought up by `shop.migrate()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mestres_core.db.base import PREFIX

_Names = Mapping[str, str | None]


def is_ours(table: str | None) -> bool:
    """Whether a table is one of the shop's: its name begins with `mc_` (search index and version table included)."""
    return table is not None and table.startswith(PREFIX)


def include_name(name: str | None, type_: str, parent_names: _Names) -> bool:
    """For the host's `context.configure(include_name=...)`: false for the shop's tables, and whatever is in them.

    It is asked about names found in the database, before they are looked into.
    """
    table = name if type_ == "table" else parent_names.get("table_name")
    return not is_ours(table)


def include_object(object_: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:  # noqa: ARG001 - Alembic's own signature
    """For the host's `context.configure(include_object=...)`: false for what belongs to the shop's tables.

    It is asked about what the metadata declare too, so that a host may have `mestres_core.metadata` among its
    `target_metadata` (for its diagrams, its test set-up) and still leave the migrations to `shop.migrate()`.
    """
    if type_ == "table":
        return not is_ours(name)
    table = getattr(object_, "table", None)
    return table is None or not is_ours(table.name)


def without_schema(schema: str) -> Callable[[str | None, str, _Names], bool]:
    """As `include_name`, for a shop in a schema of its own and a host that looks into all (`include_schemas`)."""

    def include(name: str | None, type_: str, parent_names: _Names) -> bool:
        if type_ == "schema":
            return name != schema
        return include_name(name, type_, parent_names)

    return include


def without_prefix(prefix: str) -> Callable[[str | None, str, _Names], bool]:
    """As `include_name`, for a shop whose tables have a prefix of their own."""

    def include(name: str | None, type_: str, parent_names: _Names) -> bool:
        table = name if type_ == "table" else parent_names.get("table_name")
        return not (table or "").startswith(prefix)

    return include
