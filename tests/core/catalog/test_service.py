"""Products: saving, listing, and what a page costs."""

from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.catalog.drafts import content_hash
from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.errors import NotFound, ValidationError


def test_saving_again_changes_and_never_doubles(shop: TestShop) -> None:
    """A key stands for one product: created, then unchanged, then updated."""
    draft = ProductDraft(key="k", name="Café", variants=(VariantDraft(sku="A", price=1, stock=1),))
    reports = [shop.catalog.save_many([draft]) for _ in range(2)]
    assert [(1, 0, 0), (0, 0, 1)] == [(r.created, r.updated, r.unchanged) for r in reports]
    made = shop.catalog.get("cafe")
    changed = shop.catalog.save(key="k", name="Café Novo", variants=[{"sku": "A", "price": 2, "stock": 9}])
    assert (made.id, "cafe", "Café Novo", 2) == (changed.id, changed.slug, changed.name, changed.card.price.amount)
    assert 1 == shop.available("A")
    assert shop.audit().clean


@pytest.mark.parametrize("category", ["Acessórios", ["Acessórios"], ("Acessórios",)])
def test_the_category_of_a_draft_is_a_name_or_a_path(sqlite_shop: TestShop, category: Any) -> None:
    """As `save` takes it: a name is one category, not one for each of its letters, and a list is as good as a tuple."""
    variants = [VariantDraft(sku="M", price=1)]
    draft = ProductDraft(key="moedor", name="Moedor", category=category, variants=variants, images=["/m.jpg"])
    report = sqlite_shop.catalog.save_many([draft])
    assert [node.slug for node in sqlite_shop.categories.tree()] == ["acessorios"]
    assert (report.created, sqlite_shop.catalog.get("moedor").card.category.name) == (1, "Acessórios")
    assert sqlite_shop.catalog.save_many([draft]).unchanged == 1


def test_wrong_drafts_are_named_and_change_nothing(shop: TestShop) -> None:
    """Every wrong field is named, and not even the right drafts are saved."""
    right = ProductDraft(key="r", name="R", variants=(VariantDraft(sku="R", price=1),))
    wrong = ProductDraft(
        key="w",
        name="",
        currency="real",
        attributes={"Torra": "a", "torra": "b"},
        variants=(VariantDraft(sku=" R ", price=-1),),
    )
    with pytest.raises(ValidationError) as caught:
        shop.catalog.save_many([right, wrong])
    named = {error.field.removeprefix("drafts[1].") for error in caught.value.errors}
    assert {"name", "currency", "attributes.torra", "variants[0].price", "variants[0].sku"} == named
    assert () == shop.catalog.list().items


def test_drafts_are_taken_as_people_write_them(shop: TestShop) -> None:
    """In bulk as one by one: a category by its name alone is one category, and lists and plain mappings will do."""
    loose: dict[str, Any] = {"category": "Acessórios", "variants": [{"sku": "A", "price": 1}], "attributes": None}
    strict: dict[str, Any] = {"category": ("Acessórios",), "variants": (VariantDraft(sku="A", price=1),)}
    shop.catalog.save_many([ProductDraft(key="k", name="Moedor", **loose)])
    assert 1 == shop.catalog.save_many([ProductDraft(key="k", name="Moedor", **strict)]).unchanged
    path: dict[str, Any] = {"category": ["Casa", "Café"], "variants": [VariantDraft(sku="B", price=1)]}
    shop.catalog.save_many([ProductDraft(key="l", name="Filtro", **path)])
    assert [("Acessórios", 0), ("Casa", 1)] == [(each.name, len(each.children)) for each in shop.catalog.categories()]


def test_drafts_of_a_wrong_shape_are_named(shop: TestShop) -> None:
    """As every wrong argument they are a ValidationError that names each field, and nothing is saved."""
    odd: dict[str, Any] = {"variants": None, "category": 5, "attributes": ["a"], "images": "/a.jpg"}
    with pytest.raises(ValidationError) as caught:
        shop.catalog.save_many([ProductDraft(key="k", name="Moedor", **odd), {"key": "l"}])  # type: ignore[list-item]
    named = [error.field for error in caught.value.errors]
    parts = ["attributes", "images", "category", "variants"]
    assert [*(f"drafts[0].{part}" for part in parts), "drafts[1]"] == named
    for nothing in (None, "text", ProductDraft(key="k", name="Moedor", variants=())):
        with pytest.raises(ValidationError, match="drafts must be a list"):
            shop.catalog.save_many(nothing)  # type: ignore[arg-type]


def test_skus_belong_to_one_product(shop: TestShop) -> None:
    """A SKU of another product is refused by name; blanks around it do not count."""
    shop.product()
    with pytest.raises(ValidationError, match="already taken: A1"):
        shop.product(" A1", key="other")
    shop.product(" B2 ")
    assert 1 == shop.carts.get(shop.cart(("B2", 1))).lines[0].quantity


def test_names_that_clash(shop: TestShop) -> None:
    """Equal names get slugs of their own; equal category names in different places too."""
    slugs = [shop.product(sku, name="Café").slug for sku in ("A", "B")]
    assert "cafe" == slugs[0] != slugs[1]
    for sku, path in (("C", ("A B",)), ("D", ("X", "B")), ("E", ("C B",)), ("F", ("C", "B")), ("G", ("C-B", "B"))):
        shop.product(sku, category=path)
    tree = shop.catalog.categories()
    assert ["A B", "X", "C B", "C"] == [root.name for root in tree]
    assert ["B"] == [child.name for child in tree[3].children]


def test_filters(shop: TestShop) -> None:
    """A category includes what lies below it; price, stock and attributes narrow the list."""
    shop.product("A", price=100, category=("Grãos", "Microlotes"), attributes={"Torra": "Clara"})
    shop.product("B", price=200, category="Grãos", stock=0)
    shop.product("C", price=300)

    def skus(**filters: object) -> str:
        return "".join(card.sku for card in shop.catalog.list(sort="price", **filters).items)

    assert ("AB", "A", "BC", "AB") == (
        skus(category="graos"),
        skus(category="microlotes"),
        skus(min_price=200),
        skus(max_price=200),
    )
    assert ("AC", "B", "A") == (skus(in_stock=True), skus(in_stock=False), skus(attributes={"torra": "CLARA"}))
    with pytest.raises(NotFound):
        skus(category="nothing")


@pytest.mark.parametrize("sort", ["newest", "price", "-price", "name"])
def test_cursors_visit_everything_once(shop: TestShop, sort: str) -> None:
    """Following next_cursor gives every product once, in the order of the whole list, ties included."""
    for index, name in enumerate(["Água", "agua", "Zé", "É", "e", "☕", "b_", "B-"]):
        shop.product(f"S{index}", name=name, price=100 * (index % 3))
    whole = [card.id for card in shop.catalog.list(sort=sort).items]
    walked: list[int] = []
    cursor = None
    while True:
        page = shop.catalog.list(sort=sort, per_page=3, cursor=cursor)
        walked += [card.id for card in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert whole == walked
    assert 8 == len(set(walked))


@pytest.mark.parametrize("wrong", ["", "x", "☕", "W10", "eyJhIjoxfQ", "NQ", 5])
def test_forged_cursors_and_pages_are_refused(shop: TestShop, wrong: object) -> None:
    """A cursor of another making, and a page out of bounds, is a validation error."""
    for arguments in ({"cursor": wrong}, {"page": 0}, {"per_page": 101}, {"sort": "x"}, {"attributes": [1]}):
        with pytest.raises(ValidationError):
            shop.catalog.list(**arguments)


def test_what_pages_cost(shop: TestShop) -> None:
    """A list costs at most 3 statements and a detail at most 5."""
    shop.product(category="Grãos")
    with shop.statements() as listing:
        shop.catalog.list(category="graos")
    with shop.statements() as detail:
        shop.catalog.get("cafe-a1")
    assert len(listing) <= 3
    assert len(detail) <= 5


def test_a_card_turns_with_the_last_piece(shop: TestShop) -> None:
    """A card says "in stock" until the last piece is sold, and again when it comes back."""
    shop.product(stock=2)
    seen = [shop.catalog.list().items[0].in_stock]
    for act in (shop.buy, shop.buy):
        order = act().order
        seen.append(shop.catalog.list().items[0].in_stock)
    shop.orders.cancel(order.number)
    seen.append(shop.catalog.list().items[0].in_stock)
    assert [True, True, False, True] == seen


def test_a_variant_has_a_tax_class_and_a_size(shop: TestShop) -> None:
    """They are kept, changed by saving again, checked; a draft without them has the hash that it had before them."""

    def save(**more: Any) -> tuple[Any, ...]:
        shop.catalog.save(name="Livro", key="book", variants=[{"sku": "BOOK", "price": 10} | more])
        return tuple(shop.sql("SELECT tax_class, digital, length_mm, width_mm, height_mm FROM mc_variant")[0])

    usual = ("standard", False, 0, 0, 0)
    sizes = {"length_mm": 210, "width_mm": 140, "height_mm": 20}
    assert [usual, ("books", True, 210, 140, 20)] == [save(), save(tax_class=" books ", digital=True, **sizes)]
    assert usual == save()
    plain = ProductDraft(key="k", name="n", variants=(VariantDraft(sku="s", price=1),))
    assert "5be83fecfc00209ffa915b410104d6c3d3c1bdf5f7d5a381a8dc82103553194d" == content_hash(plain)
    wrong: dict[str, Any]
    for wrong in ({"tax_class": ""}, {"digital": 1}, {"length_mm": -1}, {"height_mm": "2"}):
        with pytest.raises(ValidationError) as error:
            save(**wrong)
        assert [f"variants[0].{name}" for name in wrong] == [each.field for each in error.value.errors]


def test_a_page_without_a_count_is_one_statement(shop: TestShop) -> None:
    """`count=False` leaves `total` open and saves the counting; a product with all its parts is one statement too."""
    made = shop.product(category="Grãos", attributes={"Torra": "Clara"}, images=["https://example.com/a.jpg"])
    with shop.statements() as listing:
        page = shop.catalog.list(count=False, min_price=1, in_stock=True)
    with shop.statements() as detail:
        found = shop.catalog.get(made.id)
    assert (len(listing), len(detail), page.total, page.items) == (1, 1, None, (found.card,))
    assert (found.attributes, [image.url for image in found.images]) == (
        {"Torra": "Clara"},
        ["https://example.com/a.jpg"],
    )


def test_a_page_is_a_sequence_of_its_items(shop: TestShop) -> None:
    """It can be walked through, counted and asked for one item or some, and an empty one is false."""
    for sku in "ABC":
        shop.product(sku)
    page = shop.catalog.list(per_page=2)
    assert ([card.sku for card in page], len(page), page[0], page[1:]) == (["C", "B"], 2, page.items[0], page.items[1:])
    assert not shop.catalog.list(page=9)


@pytest.mark.parametrize("sort", ["newest", "price", "-price", "name"])
def test_what_stays_is_seen_once_while_others_come_and_go(shop: TestShop, sort: str) -> None:
    """While a reader follows the cursors, products appear and are withdrawn before and after the reader's place."""
    for index in range(12):
        shop.product(f"S{index:02}", name=f"N{index * 7 % 12:02}", price=100 + index // 4)
    walked: list[str] = []
    page = shop.catalog.list(sort=sort, per_page=3, count=False)
    for step in range(20):
        walked += [card.sku for card in page]
        shop.product(f"X{step:02}", name=f"N{step % 12:02}x", price=100 + step % 4)
        shop.catalog.save(name="N11", key="S05", active=False, variants=[{"sku": "S05", "price": 101}])
        if page.next_cursor is None:
            break
        page = shop.catalog.list(sort=sort, per_page=3, cursor=page.next_cursor, count=False)
    stayed = [sku for sku in walked if sku.startswith("S") and sku != "S05"]
    assert sorted(stayed) == [f"S{index:02}" for index in range(12) if index != 5]


def test_everything_wrong_with_a_list_is_told_at_once(shop: TestShop) -> None:
    """Cursor, order and filters are checked together."""
    with pytest.raises(ValidationError) as caught:
        shop.catalog.list(cursor="x", sort="y", per_page=0, in_stock=1, min_price=-1)
    assert {each.field for each in caught.value.errors} == {"cursor", "sort", "per_page", "in_stock", "min_price"}
