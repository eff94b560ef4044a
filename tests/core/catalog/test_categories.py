"""The category tree: made, named, moved, ordered; never a circle."""

import threading
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError


def shape(shop: TestShop) -> Any:
    """The tree as nested (slug, children)."""

    def of(nodes: Any) -> list[Any]:
        return [(node.slug, of(node.children)) if node.children else node.slug for node in nodes]

    return of(shop.categories.tree())


@pytest.fixture
def tree(shop: TestShop) -> TestShop:
    """a > (b > c, d), e."""
    for name, parent in (("A", None), ("B", "a"), ("C", "b"), ("D", "a"), ("E", None)):
        shop.categories.create(name, parent=parent)
    return shop


def test_paths_and_subtrees(tree: TestShop) -> None:
    """A node knows its path from the root, its place, and what lies below it."""
    assert [("a", [("b", ["c"]), "d"]), "e"] == shape(tree)
    node = tree.categories.get("c")
    assert (("a", "b", "c"), "b", 0) == (node.path, node.parent, node.position)
    assert ["a", "b", "c"] == [each.slug for each in tree.categories.path("c")]
    assert ["b", "d"] == [each.slug for each in tree.categories.subtree("a").children]


def test_moving_takes_all_below_along(tree: TestShop) -> None:
    """A moved category brings its subtree; lists and positions follow at once."""
    tree.product(category=("A", "B", "C"))
    tree.categories.move("b", parent="e")
    assert [("a", ["d"]), ("e", [("b", ["c"])])] == shape(tree)
    assert (1, 0) == (tree.catalog.list(category="e").total, tree.catalog.list(category="a").total)
    assert ("e", "b", "c") == tree.categories.get("c").path
    tree.categories.move("c", parent=None, position=0)
    assert ["c", ("a", ["d"]), ("e", ["b"])] == shape(tree)
    assert tree.audit().clean


@pytest.mark.parametrize(("what", "to"), [("a", "a"), ("a", "b"), ("a", "c"), ("b", "c")])
def test_circles_are_refused(tree: TestShop, what: str, to: str) -> None:
    """Nothing is put below itself, however deep, and nothing changes."""
    before = shape(tree)
    with pytest.raises(ValidationError, match="below itself"):
        tree.categories.move(what, parent=to)
    assert before == shape(tree)


def test_two_moves_at_once_close_no_circle(tree: TestShop) -> None:
    """Of two moves that would close a circle together, one is refused."""
    refused: list[object] = []
    barrier = threading.Barrier(2)

    def move(what: str, to: str) -> None:
        barrier.wait()
        try:
            tree.categories.move(what, parent=to)
        except ValidationError as error:
            refused.append(error)

    threads = [threading.Thread(target=move, args=pair) for pair in (("a", "e"), ("e", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(refused)
    assert tree.audit().clean


def test_order(tree: TestShop) -> None:
    """Children are put into any order, all of them at once; a position says where a move ends."""
    tree.categories.reorder(["d", "b"], parent="a")
    tree.categories.reorder(["e", "a"])
    assert ["e", ("a", ["d", ("b", ["c"])])] == shape(tree)
    tree.categories.move("b", parent="a", position=0)
    assert ["e", ("a", [("b", ["c"]), "d"])] == shape(tree)
    for wrong in (["e"], ["e", "a", "a"], ["e", "x"], "ea"):
        with pytest.raises(ValidationError):
            tree.categories.reorder(wrong)


def test_a_promotion_follows_a_moved_category(tree: TestShop) -> None:
    """What a promotion says of a category counts for what is moved below it, from the next price on."""
    tree.product("A1", price=1000, category=("A", "B"))
    inside = {"categories": [tree.categories.get("e").id]}
    actions = [{"type": "percent", "percent": 10, "items": inside}]
    tree.promotions.save("ten", name="Ten", kind="catalog", actions=actions)
    assert 1000 == tree.pricing.resolve("A1").price.amount
    tree.categories.move("b", parent="e")
    assert 900 == tree.pricing.resolve("A1").price.amount


def test_removing(tree: TestShop) -> None:
    """Only a category without children goes; its products go where they are sent, cards with them."""
    tree.product(category=("A", "D"))
    for slug in ("a", "d"):
        with pytest.raises(ValidationError):
            tree.categories.remove(slug)
    tree.categories.remove("d", move_products_to="e")
    assert "e" == tree.catalog.get("cafe-a1").card.category.slug
    assert 1 == tree.catalog.list(category="e").total
    with pytest.raises(NotFound):
        tree.categories.get("d")
    assert tree.audit().clean


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.create(""), ValidationError),
        (lambda c: c.create("A"), ValidationError),
        (lambda c: c.create("b", parent="a", slug="other"), ValidationError),
        (lambda c: c.create("x", slug="Not a slug"), ValidationError),
        (lambda c: c.create("x", parent="nothing"), NotFound),
        (lambda c: c.rename("a"), ValidationError),
        (lambda c: c.rename("a", name="E"), ValidationError),
        (lambda c: c.rename("a", new_slug="e"), ValidationError),
        (lambda c: c.rename("nothing", name="x"), NotFound),
        (lambda c: c.move("a", parent="nothing"), NotFound),
        (lambda c: c.move("a", parent="e", position=-1), ValidationError),
        (lambda c: c.get(5), NotFound),
        (lambda c: c.path("\0"), NotFound),
        (lambda c: c.remove("c", move_products_to="c"), ValidationError),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, call: Any, error: type[Exception]) -> None:
    """A wrong argument is refused by name and changes nothing."""
    shop = sqlite_shop
    for name, parent in (("A", None), ("B", "a"), ("C", "b"), ("E", None)):
        shop.categories.create(name, parent=parent)
    before = shape(shop)
    with pytest.raises(error):
        call(shop.categories)
    assert before == shape(shop)


def test_renaming(tree: TestShop) -> None:
    """A new name and slug are shown by products and lists at once."""
    tree.product(category="E")
    tree.categories.rename("e", name="Especiais", new_slug="especiais")
    assert "Especiais" == tree.catalog.get("cafe-a1").card.category.name
    assert ["especiais"] == [card.category.slug for card in tree.catalog.list(category="especiais")]


def test_the_audit_sees_a_circle(tree: TestShop) -> None:
    """A circle made by hand is named."""
    tree.sql("UPDATE mc_category SET parent_id = (SELECT id FROM mc_category WHERE slug = 'c') WHERE slug = 'a'")
    broken = {violation.rule: set(violation.rows) for violation in tree.audit().violations}
    assert {"a", "b", "c", "d"} == broken["the category tree has no circles"]
