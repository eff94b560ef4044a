"""Changing some columns of one row, which ones being known only when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from mestres_core.db.later import write


def change(session: Session, table: Table, row_id: Any, values: Mapping[str, Any]) -> None:
    """Set `values`, by column, in the row with this id."""
    parameters = {f"to_{name}": value for name, value in values.items()}
    write(session, _changing(table, *values), {"of_id": row_id, **parameters})


@lru_cache(maxsize=256)
def _changing(table: Table, *names: str) -> Any:
    """The statement, put together once for the same columns: that costs more than sending it."""
    return update(table).where(table.c.id == bindparam("of_id")).values({n: bindparam(f"to_{n}") for n in names})
