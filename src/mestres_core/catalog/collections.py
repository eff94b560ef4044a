"""Collections: products brought together by rules, by hand, or both; and the tags that rules ask for.

A rule is asked when the collection is read, never copied: a product belongs to it from the moment that its own rows
say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, false, func, insert, not_, or_, select

from mestres_core.catalog import queries
from mestres_core.catalog.assortment import collected, collection, tag
from mestres_core.catalog.attributes import check_filters
from mestres_core.catalog.dto import Collection
from mestres_core.catalog.finding import Changing, find_product
from mestres_core.catalog.models import card, category, product
from mestres_core.catalog.translations import forget
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.keyset import Keyset
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import CatalogChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.text import fold
from mestres_core.rules.text import slug as slug_of

MOST_RULES = 20
MOST_BY_HAND = 5_000
MOST_TAGS = 50
_KEYS: Mapping[str, tuple[str, ...]] = {
    "category": ("value",),
    "tag": ("value",),
    "attribute": ("name", "value", "min", "max"),
    "price": ("min", "max"),
    "in_stock": ("value",),
    "featured": ("value",),
    "new": ("days",),
}
_BY_SLUG = select(
    collection,
    select(collected.c.product_id).where(collected.c.collection_id == collection.c.id).exists().label("by_hand"),
).where(collection.c.slug == bindparam("slug"))
_TAGS = select(tag.c.tag).where(tag.c.product_id == bindparam("product_id")).order_by(tag.c.tag_folded)
_HAND = (
    select(collected.c.product_id)
    .where(collected.c.collection_id == bindparam("of"))
    .order_by(collected.c.position, collected.c.product_id)
)


class CollectionService:
    """Collections and tags in one unit of work. `catalog.list(collection=slug)` shows what is in one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def save(
        self,
        name: str,
        *,
        slug: str = "",
        description: str = "",
        rules: Sequence[Mapping[str, Any]] = (),
        match: str = "all",
        products: Sequence[int | str] | None = None,
        active: bool = True,
        position: int = 0,
    ) -> Collection:
        """Create a collection, or change the one with this `slug` (default: that of its name).

        It has the `products` that were chosen by hand, in this order (None leaves them as they are), and those that
        meet all or any (`match`) of its `rules`. A rule is a mapping: {"type": "category", "value": slug} (and below),
        {"type": "tag", "value": tag or list}, {"type": "attribute", "name": ..., "value": ... or "min"/"max"},
        {"type": "price", "min": ..., "max": ...} in minor units, {"type": "in_stock"}, {"type": "featured"},
        {"type": "new", "days": 30}; "not": True turns each of them round. Raises NotFound for a product or category,
        ValidationError.
        """
        checks = Checks()
        name = checks.text("name", name, limit=120)
        slug = checks.text("slug", slug, limit=120, required=False) or slug_of(name)[:120]
        if slug != slug_of(slug):
            checks.wrong("slug", "invalid", reason="use small letters, digits and hyphens")
        values = {
            "slug": slug,
            "name": name,
            "description": checks.text("description", description, limit=20_000, required=False),
            "match": checks.choice("match", match, ("all", "any")),
            "rules": self._rules(checks, rules),
            "active": active,
            "position": checks.whole("position", position, at_least=0, at_most=10**6),
        }
        if not isinstance(active, bool):
            checks.wrong("active", "not_boolean")
        if products is not None and not isinstance(products, list | tuple):
            checks.wrong("products", "not_list")
        elif len(products or ()) > MOST_BY_HAND:
            checks.wrong("products", "too_many", limit=MOST_BY_HAND)
        checks.done()
        ids = None if products is None else [find_product(self._session, each).id for each in products]
        query = upsert(self._work.dialect, collection).values(values)
        query = query.on_conflict_do_update(index_elements=["slug"], set_=values).returning(collection.c.id)
        row_id = int(self._session.execute(query).scalar_one())
        if ids is not None:
            self._put(row_id, ids)
        self._work.outbox.announce(CatalogChanged("collection", row_id))
        return self.get(slug)

    def get(self, slug: str) -> Collection:
        """A collection, active or not. Raises NotFound."""
        return _collection(self._row(slug))

    def list(self, *, active: bool | None = True) -> tuple[Collection, ...]:
        """Every collection that is active (False: not, None: either), in their order."""
        query = select(collection).order_by(collection.c.position, collection.c.id)
        if active is not None:
            query = query.where(collection.c.active.is_(bool(active)))
        return tuple(map(_collection, self._session.execute(query)))

    def chosen(self, slug: str) -> tuple[int, ...]:
        """The products that were put into it by hand, by row number, in their order. Raises NotFound."""
        return tuple(self._session.execute(_HAND, {"of": self._row(slug).id}).scalars())

    def add(self, slug: str, *products: int | str) -> tuple[int, ...]:
        """Put products into a collection by hand, behind those that are there. Returns all chosen. Raises NotFound."""
        row = self._row(slug, lock=True)
        ids = [find_product(self._session, each).id for each in products]
        self._put(row.id, [*self.chosen(slug), *ids])
        self._work.outbox.announce(CatalogChanged("collection", row.id))
        return self.chosen(slug)

    def take(self, slug: str, *products: int | str) -> tuple[int, ...]:
        """Take products out that were put in by hand; its rules may still bring them. Raises NotFound."""
        row = self._row(slug, lock=True)
        gone = {find_product(self._session, each).id for each in products}
        self._put(row.id, [each for each in self.chosen(slug) if each not in gone])
        self._work.outbox.announce(CatalogChanged("collection", row.id))
        return self.chosen(slug)

    def remove(self, slug: str) -> None:
        """Remove a collection; its products stay. Raises NotFound."""
        row = self._row(slug, lock=True)
        self._session.execute(delete(collected).where(collected.c.collection_id == row.id))
        self._session.execute(delete(collection).where(collection.c.id == row.id))
        forget(self._session, "collection", row.id)
        self._work.outbox.announce(CatalogChanged("collection", row.id))

    def tag(self, product: int | str, *tags: str) -> tuple[str, ...]:
        """Give a product tags, beside those that it has; accents and capitals do not tell two apart. Returns all.

        Raises NotFound, ValidationError.
        """
        texts = _tags(tags)
        row = self._changing.lock(product)
        rows = [{"product_id": row.id, "tag": each, "tag_folded": fold(each)} for each in texts]
        self._session.execute(upsert(self._work.dialect, tag).on_conflict_do_nothing(), rows)
        found = self.tags(row.id)
        if len(found) > MOST_TAGS:
            raise ValidationError.of("tags", "too_many", limit=MOST_TAGS)
        self._changing.changed(row)
        return found

    def untag(self, product: int | str, *tags: str) -> tuple[str, ...]:
        """Take tags from a product; those that it does not have do not matter. Returns the rest. Raises NotFound."""
        texts = _tags(tags)
        row = self._changing.lock(product)
        gone = [fold(each) for each in texts]
        self._session.execute(delete(tag).where(tag.c.product_id == row.id, tag.c.tag_folded.in_(gone)))
        self._changing.changed(row)
        return self.tags(row.id)

    def tags(self, product: int | str) -> tuple[str, ...]:
        """What a product is tagged with, by name. Raises NotFound."""
        row = find_product(self._session, product)
        return tuple(self._session.execute(_TAGS, {"product_id": row.id}).scalars())

    def listing(self, slug: str) -> tuple[ColumnElement[bool], Keyset | None]:
        """What a card must meet to be listed in the collection, and its own order, if any was chosen by hand.

        Raises NotFound, also when it is not active.
        """
        row = self._row(slug)
        if not row.active:
            raise NotFound("collection", slug)
        by_hand = card.c.product_id.in_(select(collected.c.product_id).where(collected.c.collection_id == row.id))
        order = _own_order(row.id) if row.by_hand else None
        if not row.rules:
            return by_hand, order
        rules = [self._condition(rule) for rule in row.rules]
        return or_(by_hand, (and_ if row.match == "all" else or_)(*rules)), order

    def _row(self, slug: Any, *, lock: bool = False) -> Any:
        row = None
        if isinstance(slug, str) and storable(slug):
            row = self._session.execute(_BY_SLUG.with_for_update() if lock else _BY_SLUG, {"slug": slug}).first()
        if row is None:
            raise NotFound("collection", slug)
        return row

    def _put(self, collection_id: int, ids: Iterable[int]) -> None:
        self._session.execute(delete(collected).where(collected.c.collection_id == collection_id))
        rows = [
            {"collection_id": collection_id, "product_id": each, "position": at}
            for at, each in enumerate(dict.fromkeys(ids))
        ]
        if len(rows) > MOST_BY_HAND:
            raise ValidationError.of("products", "too_many", limit=MOST_BY_HAND)
        if rows:
            self._session.execute(insert(collected), rows)

    def _rules(self, checks: Checks, rules: Any) -> Sequence[dict[str, Any]]:
        if not isinstance(rules, list | tuple):
            checks.wrong("rules", "not_list")
            return []
        if len(rules) > MOST_RULES:
            checks.wrong("rules", "too_many", limit=MOST_RULES)
            return []
        return [self._rule(checks, f"rules[{at}]", rule) for at, rule in enumerate(rules)]

    def _rule(self, checks: Checks, at: str, rule: Any) -> dict[str, Any]:
        given = rule if isinstance(rule, Mapping) else {}
        kind = checks.choice(f"{at}.type", given.get("type"), tuple(_KEYS))
        checks.mapping(at, rule, ("type", "not", *_KEYS[kind]))
        if not isinstance(given.get("not", False), bool):
            checks.wrong(f"{at}.not", "not_boolean")
        found: dict[str, Any] = {"type": kind, "not": given.get("not", False)}
        match kind:
            case "category":
                found["value"] = self._known_category(checks, f"{at}.value", given.get("value"))
            case "tag":
                value = given.get("value")
                several = value if isinstance(value, list | tuple) else [value]
                found["value"] = [fold(checks.text(f"{at}.value", each, limit=60)) for each in several]
            case "attribute":
                found |= self._of_attribute(checks, at, given)
            case "price":
                found |= _of_price(checks, at, given)
            case "new":
                found["days"] = checks.whole(f"{at}.days", given.get("days"), at_least=1, at_most=3650)
            case _:
                if not isinstance(given.get("value", True), bool):
                    checks.wrong(f"{at}.value", "not_boolean")
                found["value"] = given.get("value", True)
        return found

    def _of_attribute(self, checks: Checks, at: str, given: Mapping[str, Any]) -> dict[str, Any]:
        bounds = {end: given[end] for end in ("min", "max") if given.get(end) is not None}
        if bool(bounds) == ("value" in given):
            checks.wrong(f"{at}.value", "invalid", reason="give a value, or min, max or both")
            return {}
        wrong = Checks()
        name = checks.text(f"{at}.name", given.get("name"), limit=60)
        found = check_filters(wrong, self._work, {name: bounds or given["value"]}) if name else {}
        for error in wrong.errors:
            checks.wrong(f"{at}.{error.field}", error.reason, **dict(error.data))
        return {"filter": [[name, *_plain(value)] for name, value in found.items()]}

    def _known_category(self, checks: Checks, field: str, slug: Any) -> str:
        text = checks.text(field, slug, limit=120)
        query = select(category.c.id).where(category.c.slug == text)
        if text and storable(text) and self._session.execute(query).first() is None:
            raise NotFound("category", slug)
        return text

    def _condition(self, rule: Mapping[str, Any]) -> ColumnElement[bool]:
        found = self._positive(rule)
        return not_(func.coalesce(found, false())) if rule["not"] else found

    def _positive(self, rule: Mapping[str, Any]) -> ColumnElement[bool]:
        found: ColumnElement[bool]
        match rule["type"]:
            case "category":
                found = card.c.category_id.in_(below(rule["value"]))
            case "tag":
                found = card.c.product_id.in_(select(tag.c.product_id).where(tag.c.tag_folded.in_(rule["value"])))
            case "attribute":
                found = and_(*(queries.has(name, _filter(kind, values)) for name, kind, *values in rule["filter"]))
            case "price":
                found = card.c.price.between(rule.get("min", 0), rule.get("max", BIGGEST_AMOUNT))
            case "in_stock":
                found = card.c.in_stock.is_(rule["value"])
            case "featured":
                found = card.c.product_id.in_(select(product.c.id).where(product.c.featured.is_(rule["value"])))
            case _:
                since = self._work.clock.now() - timedelta(days=rule["days"])
                found = card.c.product_id.in_(select(product.c.id).where(product.c.created_at >= since))
        return found


def _own_order(collection_id: int) -> Keyset:
    mine = and_(collected.c.collection_id == collection_id, collected.c.product_id == card.c.product_id)
    place = select(collected.c.position).where(mine).correlate(card).scalar_subquery()
    return Keyset(queries.CHOSEN, (func.coalesce(place, MOST_BY_HAND), -card.c.product_id))


def _of_price(checks: Checks, at: str, given: Mapping[str, Any]) -> dict[str, int]:
    found = {
        end: checks.whole(f"{at}.{end}", given[end], at_least=0, at_most=BIGGEST_AMOUNT)
        for end in ("min", "max")
        if given.get(end) is not None
    }
    if not found:
        checks.wrong(f"{at}.min", "required")
    return found


def below(slug: str) -> Any:
    """The row numbers of a category and of all below it, as a query."""
    tree = select(category.c.id).where(category.c.slug == slug).cte("below", recursive=True, nesting=True)
    tree = tree.union_all(select(category.c.id).where(category.c.parent_id == tree.c.id))
    return select(tree.c.id)


def _plain(value: Any) -> list[Any]:
    """A filter as JSON keeps it."""
    if isinstance(value, queries.Between):
        return [value.kind, value.least, value.most]
    return ["is", value] if isinstance(value, str) else ["in", *value]


def _filter(kind: str, values: Sequence[Any]) -> Any:
    if kind == "is":
        return values[0]
    return tuple(values) if kind == "in" else queries.Between(kind, *values)


def _tags(tags: Sequence[Any]) -> list[str]:
    checks = Checks()
    if not tags:
        checks.wrong("tags", "required")
    texts = [checks.text(f"tags[{at}]", each, limit=60) for at, each in enumerate(tags[:MOST_TAGS])]
    if len(tags) > MOST_TAGS:
        checks.wrong("tags", "too_many", limit=MOST_TAGS)
    checks.done()
    return texts


def _collection(row: Any) -> Collection:
    return Collection(
        row.id,
        row.slug,
        row.name,
        row.description,
        row.match,
        tuple(row.rules),
        bool(row.active),
        row.position,
    )
