"""The databases' own full-text index over the words of products: made with their table, and no part of its columns."""

from typing import Any

from sqlalchemy import Connection, Table, event

_POSTGRESQL = (
    # Of names alone too: weights are not in the index, so it could not tell where a word is.
    """
    ALTER TABLE mc_product
        ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
            to_tsvector('simple'::regconfig, search_title) || to_tsvector('simple'::regconfig, search_body)
        ) STORED,
        ADD COLUMN search_title_vector tsvector GENERATED ALWAYS AS (
            to_tsvector('simple'::regconfig, search_title)
        ) STORED
    """,
    "CREATE INDEX ix_mc_product_search_vector ON mc_product USING gin (search_vector)",
    "CREATE INDEX ix_mc_product_search_title_vector ON mc_product USING gin (search_title_vector)",
)
_TAKE_IN = """
    INSERT INTO mc_search_document (rowid, search_title, search_body)
    VALUES (new.id, new.search_title, new.search_body);
"""
_LEAVE_OUT = """
    INSERT INTO mc_search_document (mc_search_document, rowid, search_title, search_body)
    VALUES ('delete', old.id, old.search_title, old.search_body);
"""
_TRIGGER = "CREATE TRIGGER mc_product_search_{} AFTER {} ON mc_product BEGIN {} END"
_SQLITE = (
    """
    CREATE VIRTUAL TABLE mc_search_document USING fts5(
        search_title, search_body, content='mc_product', content_rowid='id', tokenize='ascii', prefix='3'
    )
    """,
    _TRIGGER.format("insert", "INSERT", _TAKE_IN),
    _TRIGGER.format("update", "UPDATE OF search_title, search_body", _LEAVE_OUT + _TAKE_IN),
    _TRIGGER.format("delete", "DELETE", _LEAVE_OUT),
)
_STATEMENTS = {"postgresql": _POSTGRESQL, "sqlite": _SQLITE}


def follow(product: Table) -> None:
    """Have the index made whenever the table is, and dropped with it."""
    event.listen(product, "after_create", _make)
    event.listen(product, "after_drop", _drop)


def _make(_table: Table, connection: Connection, **_rest: Any) -> None:
    for statement in _STATEMENTS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _drop(_table: Table, connection: Connection, **_rest: Any) -> None:
    if connection.dialect.name == "sqlite":  # PostgreSQL's is columns, and SQLite's triggers go with the table, too
        connection.exec_driver_sql("DROP TABLE IF EXISTS mc_search_document")
