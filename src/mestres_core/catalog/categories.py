"""The category tree: making, naming, moving and ordering its nodes.

Invariants: nobody is its own ancestor; the children of a node have the positions 0, 1, 2... All changes of the tree go
one at a time (an advisory lock on PostgreSQL, the only writer on SQLite): two moves, each right by itself, could
otherwise close a circle together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, select, update

from mestres_core.catalog import cards, indexing, queries
from mestres_core.catalog.assortment import definition
from mestres_core.catalog.attributes import SAVES
from mestres_core.catalog.dto import Category, CategoryNode
from mestres_core.catalog.finding import announce_products, is_named_in_rules, rename_in_rules
from mestres_core.catalog.models import category, product
from mestres_core.catalog.translations import forget
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.db.rulebook import touch
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import CatalogChanged, ProductChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks
from mestres_core.rules.text import slug as slug_of

MOST_LEVELS = 32
_PLACE = update(category).where(category.c.id == bindparam("of")).values(position=bindparam("at"))


class _Tree:
    """The whole tree as it is now."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.by_id = {row.id: row for row in rows}
        self.by_slug = {row.slug: row for row in rows}
        self.children: dict[int | None, list[Any]] = {}
        for row in rows:
            self.children.setdefault(row.parent_id, []).append(row)

    def row(self, slug: Any) -> Any:
        """By slug. Raises NotFound."""
        found = self.by_slug.get(slug) if isinstance(slug, str) else None
        if found is None:
            raise NotFound("category", slug)
        return found

    def above(self, row: Any) -> list[Any]:
        """From the root down to itself."""
        path = [row]
        while path[-1].parent_id is not None:
            path.append(self.by_id[path[-1].parent_id])
        return path[::-1]

    def below(self, row: Any) -> list[Any]:
        """Itself and everything below it, each parent before its children."""
        found = [row]
        for each in self.children.get(row.id, ()):
            found += self.below(each)
        return found

    def node(self, row: Any) -> CategoryNode:
        """As it is shown."""
        path = self.above(row)
        return CategoryNode(
            row.id,
            row.slug,
            row.name,
            path[-2].slug if len(path) > 1 else None,
            self.children[row.parent_id].index(row),
            tuple(each.slug for each in path),
        )


class CategoryService:
    """The category tree in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def create(self, name: str, *, parent: str | None = None, slug: str = "") -> CategoryNode:
        """A new category, last among the children of `parent` (a slug; None: a root).

        Without a `slug` it gets that of its name. Raises NotFound for the parent, ValidationError: a slug that is
        taken, a name that a sibling has.
        """
        checks = Checks()
        name = checks.text("name", name, limit=120)
        slug = checks.text("slug", slug, limit=120, required=False) or slug_of(name)[:120]
        if slug != slug_of(slug):
            checks.wrong("slug", "invalid", reason="use small letters, digits and hyphens")
        checks.done()
        tree = self._locked()
        above = None if parent is None else tree.row(parent)
        if slug in tree.by_slug:
            raise ValidationError.of("slug", "duplicate", value=slug)
        siblings = tree.children.get(above and above.id, [])
        self._refuse_same_name(siblings, name)
        if above is not None and len(tree.above(above)) >= MOST_LEVELS:
            raise ValidationError.of("parent", "invalid", reason=f"the tree has at most {MOST_LEVELS} levels")
        values = {"parent_id": above and above.id, "slug": slug, "name": name, "position": len(siblings)}
        row_id = self._session.execute(insert(category).returning(category.c.id), values).scalar_one()
        self._order([each.id for each in siblings] + [row_id])
        self._changed(row_id)
        return self.get(slug)

    def get(self, slug: str) -> CategoryNode:
        """A category with its path. Raises NotFound."""
        tree = self._read()
        return tree.node(tree.row(slug))

    def tree(self) -> tuple[Category, ...]:
        """The whole tree, roots first, children in their order."""
        return grown(self._read().children, None)

    def path(self, slug: str) -> tuple[CategoryNode, ...]:
        """From the root to the category itself: its breadcrumbs. Raises NotFound."""
        tree = self._read()
        return tuple(map(tree.node, tree.above(tree.row(slug))))

    def subtree(self, slug: str) -> Category:
        """A category with everything below it. Raises NotFound."""
        tree = self._read()
        row = tree.row(slug)
        return Category(row.id, row.slug, row.name, grown(tree.children, row.id))

    def rename(self, slug: str, *, name: str | None = None, new_slug: str | None = None) -> CategoryNode:
        """Give a category another name, another slug, or both. Raises NotFound, ValidationError.

        Search finds its products by the new name as soon as the outbox is delivered.
        """
        checks, values = Checks(), {}
        if name is not None:
            values["name"] = checks.text("name", name, limit=120)
        if new_slug is not None:
            values["slug"] = checks.text("new_slug", new_slug, limit=120)
            if values["slug"] and values["slug"] != slug_of(values["slug"]):
                checks.wrong("new_slug", "invalid", reason="use small letters, digits and hyphens")
        if not values:
            checks.wrong("name", "required")
        checks.done()
        tree = self._locked()
        row = tree.row(slug)
        if "name" in values:
            self._refuse_same_name([e for e in tree.children[row.parent_id] if e.id != row.id], values["name"])
        if tree.by_slug.get(values.get("slug", slug), row).id != row.id:
            raise ValidationError.of("new_slug", "duplicate", value=values["slug"])
        self._session.execute(update(category).where(category.c.id == row.id).values(values))
        if values.get("slug", slug) != slug:
            rename_in_rules(self._work, _renaming(slug, values["slug"]))
        self._changed(row.id)
        announce_products(self._work, product.c.category_id == row.id)  # their pages say its name
        return self.get(values.get("slug", slug))

    def move(self, slug: str, *, parent: str | None, position: int | None = None) -> CategoryNode:
        """Put a category, with all that is below it, under `parent` (None: make it a root), at `position` (None: last).

        Raises NotFound for either, ValidationError: below itself, beside one of the same name, too deep.
        """
        checks = Checks()
        if position is not None:
            checks.whole("position", position, at_least=0, at_most=10**6)
        checks.done()
        tree = self._locked()
        row, above = tree.row(slug), None if parent is None else tree.row(parent)
        inside = tree.below(row)
        if above is not None and above.id in {each.id for each in inside}:
            raise ValidationError.of("parent", "invalid", reason="a category cannot be moved below itself")
        depth = len(tree.above(above)) if above is not None else 0
        if depth + max(len(tree.above(each)) for each in inside) - len(tree.above(row)) + 1 > MOST_LEVELS:
            raise ValidationError.of("parent", "invalid", reason=f"the tree has at most {MOST_LEVELS} levels")
        siblings = [each for each in tree.children.get(above and above.id, []) if each.id != row.id]
        self._refuse_same_name(siblings, row.name, "parent")
        self._session.execute(update(category).where(category.c.id == row.id).values(parent_id=above and above.id))
        order = [each.id for each in siblings]
        order.insert(len(order) if position is None else position, row.id)
        self._order(order)
        if row.parent_id != (above and above.id):
            self._order([each.id for each in tree.children[row.parent_id] if each.id != row.id])
        self._changed(row.id)
        return self.get(slug)

    def reorder(self, slugs: Sequence[str], *, parent: str | None = None) -> tuple[Category, ...]:
        """Put the children of `parent` (None: the roots) into this order; all of them must be named, each once.

        Returns them. Raises NotFound, ValidationError.
        """
        if not isinstance(slugs, list | tuple):
            raise ValidationError.of("slugs", "not_list")
        tree = self._locked()
        above = None if parent is None else tree.row(parent)
        children = {each.slug: each.id for each in tree.children.get(above and above.id, [])}
        if sorted(map(str, slugs)) != sorted(children):
            reason = f"name each of these once: {', '.join(children)}"
            raise ValidationError.of("slugs", "invalid", reason=reason)
        self._order([children[each] for each in slugs])
        self._changed(0 if above is None else above.id)
        return grown(self._read().children, above and above.id)

    def remove(self, slug: str, *, move_products_to: str | None = None) -> None:
        """Remove a category that has no children; its products go to `move_products_to`, or there must be none.

        So do the rules of collections that name it. Raises NotFound, ValidationError.
        """
        tree = self._locked()
        row = tree.row(slug)
        heir = None if move_products_to is None else tree.row(move_products_to)
        if tree.children.get(row.id):
            raise ValidationError.of("slug", "invalid", reason="there are categories below it: move them first")
        if heir is not None and heir.id == row.id:
            raise ValidationError.of("move_products_to", "invalid", reason="is the category that goes")
        mine = product.c.category_id == row.id
        if heir is None:
            if self._session.execute(select(exists().where(mine))).scalar():
                raise ValidationError.of("slug", "invalid", reason="it has products: say move_products_to")
            if is_named_in_rules(self._work, _names(slug)):
                raise ValidationError.of("slug", "invalid", reason="a collection names it: say move_products_to")
        else:
            self._rehouse(row.id, heir.id)
            rename_in_rules(self._work, _renaming(slug, heir.slug))
        if self._session.execute(select(exists().where(definition.c.category_id == row.id))).scalar():
            raise ValidationError.of("slug", "invalid", reason="an attribute is required in it")
        self._session.execute(delete(category).where(category.c.id == row.id))
        forget(self._session, "category", row.id)
        self._order([each.id for each in tree.children[row.parent_id] if each.id != row.id])
        self._changed(row.id)

    def _rehouse(self, before: int, after: int) -> None:
        rows = select(product.c.id).where(product.c.category_id == before).order_by(product.c.id).with_for_update()
        ids = self._session.execute(rows).scalars().all()
        self._session.execute(update(product).where(product.c.category_id == before).values(category_id=after))
        cards.refresh(self._session, self._work.dialect, ids)
        indexing.index(self._session, self._work.dialect, ids)
        self._work.outbox.announce(*(ProductChanged(each, after) for each in ids))

    def _locked(self) -> _Tree:
        one_at_a_time(self._session, self._work.dialect, SAVES)
        return self._read()

    def _read(self) -> _Tree:
        return _Tree(self._session.execute(queries.TREE).all())

    def _order(self, ids: Sequence[int]) -> None:
        if ids:
            self._session.connection().execute(_PLACE, [{"of": each, "at": at} for at, each in enumerate(ids)])

    def _changed(self, category_id: int) -> None:
        touch(self._session, self._work.ids)  # prices and promotions ask what lies above a category
        self._work.outbox.announce(CatalogChanged("category", category_id))

    @staticmethod
    def _refuse_same_name(siblings: Sequence[Any], name: str, field: str = "name") -> None:
        if slug_of(name) in {slug_of(each.name) for each in siblings}:
            raise ValidationError.of(field, "duplicate", value=name)


def grown(children: dict[int | None, list[Any]], parent: int | None) -> tuple[Category, ...]:
    """The nodes below `parent` as values."""
    return tuple(Category(row.id, row.slug, row.name, grown(children, row.id)) for row in children.get(parent, ()))


def _names(slug: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a collection's rule is about this category."""
    return lambda rule: (rule["type"], rule.get("value")) == ("category", slug)


def _renaming(slug: str, other: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    names = _names(slug)
    return lambda rule: rule | {"value": other} if names(rule) else rule
