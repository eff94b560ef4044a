"""What a product is found by: stems of its name, and of everything else in the order of its weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.orm import Session

from mestres_core.catalog.models import attribute, category, form, product, variant, word
from mestres_core.catalog.vocabulary import learn
from mestres_core.rules.text import indexed

BREAK = "."
"""Stands between the fields of `search_body`: a stem before the first one is worth more than one after it."""

_CHUNK = 1000


class Texts(NamedTuple):
    """A product's words, by field. `parts` are the SKUs and names of its variants."""

    name: str
    description: str
    categories: tuple[str, ...]
    attributes: Mapping[str, str]
    parts: tuple[str, ...]

    def all(self) -> str:
        """Those that a mistyped word may have meant."""
        return " ".join((self.name, self.description, *self.categories, *self.attributes.values()))

    def title(self) -> str:
        """The stems of the name, for `search_title`."""
        return _row(indexed(self.name))

    def body(self) -> str:
        """The stems of variants and attributes, of categories, of the description, for `search_body`.

        Attributes stand with their names, all words in their order: "torra clara" is not "torra média clara". Of the
        description each stem stands once.
        """
        named = (f"{name} {value}" for name, value in self.attributes.items())
        facts = indexed(" ; ".join((*self.parts, *named)))
        groups = indexed(" ; ".join(self.categories))
        seen = {*facts, *groups}
        rest = (each for each in dict.fromkeys(indexed(self.description)) if each not in seen)
        return _row((*facts, BREAK, *groups, BREAK, *rest))


def index_all(connection: Connection) -> None:
    """Index every product anew, and the vocabulary: when the rules for words have changed."""
    last = 0
    with Session(connection) as session:
        session.execute(delete(form))
        session.execute(delete(word))
        names = {row.id: row for row in session.execute(select(category.c.id, category.c.parent_id, category.c.name))}
        columns = (product.c.id, product.c.name, product.c.description, product.c.category_id)
        while rows := session.execute(
            select(*columns).where(product.c.id > last).order_by(product.c.id).limit(_CHUNK)
        ).all():
            last = rows[-1].id
            ids = [row.id for row in rows]
            more, parts = _attributes(session, ids), _parts(session, ids)
            found = {
                row.id: Texts(
                    row.name,
                    row.description,
                    _path(names, row.category_id),
                    more.get(row.id, {}),
                    parts.get(row.id, ()),
                )
                for row in rows
            }
            session.connection().execute(
                update(product)
                .where(product.c.id == bindparam("of"))
                .values(search_title=bindparam("title"), search_body=bindparam("body")),
                [{"of": of, "title": texts.title(), "body": texts.body()} for of, texts in found.items()],
            )
            learn(session, connection.dialect.name, (texts.all() for texts in found.values()))


def _row(stems: Iterable[str]) -> str:
    return f" {' '.join(stems)} "


def _path(rows: Mapping[int, object], at: int | None) -> tuple[str, ...]:
    names: list[str] = []
    while at is not None:
        row = rows[at]
        names.append(row.name)  # type: ignore[attr-defined]
        at = row.parent_id  # type: ignore[attr-defined]
    return tuple(reversed(names))


def _attributes(session: Session, ids: list[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    query = select(attribute.c.product_id, attribute.c.name, attribute.c.value).order_by(attribute.c.position)
    for of, name, value in session.execute(query.where(attribute.c.product_id.in_(ids))):
        found.setdefault(of, {})[name] = value
    return found


def _parts(session: Session, ids: list[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    query = select(variant.c.product_id, variant.c.sku, variant.c.name).order_by(variant.c.position)
    for of, sku, name in session.execute(query.where(variant.c.product_id.in_(ids), variant.c.active)):
        found[of] = (*found.get(of, ()), sku, name)
    return found
