"""The demo catalogue."""

from __future__ import annotations

from importlib.resources import files

from mestres_core import Commerce
from mestres_core.catalog.drafts import check_drafts
from mestres_examples.catalogue import load

REGIONS = {
    "Cerrado Mineiro",
    "Sul de Minas",
    "Mantiqueira de Minas",
    "Matas de Minas",
    "Chapada Diamantina",
    "Caparaó",
    "Montanhas do Espírito Santo",
    "Norte Pioneiro do Paraná",
    "Alta Mogiana",
    "Média Mogiana",
    "Chapada de Minas",
    "Planalto da Conquista",
    "Robustas Amazônicas",
}
MIXED = {"Quatro regiões", "Sete regiões"}


def test_there_are_enough_products_and_the_shop_takes_them():
    """At least 210 products, each of them accepted by the catalogue's own checks."""
    assert len(load()) >= 210
    check_drafts(load())


def test_every_product_can_be_told_from_the_others():
    """Keys, names, slugs, SKUs and descriptions are all different."""
    drafts = load()
    for values in (
        [d.key for d in drafts],
        [d.name for d in drafts],
        [d.slug for d in drafts],
        [d.description for d in drafts],
        [v.sku for d in drafts for v in d.variants],
    ):
        assert len(values) == len(set(values))


def test_every_product_is_complete():
    """Each product has two levels of category, a description, one to three variants with prices, and its picture."""
    for draft in load():
        assert len(draft.category) == 2
        assert len(draft.description) > 60
        assert 1 <= len(draft.variants) <= 3
        assert all(v.price > 0 and v.stock is not None for v in draft.variants)
        prices = [v.price for v in draft.variants]
        assert prices == sorted(prices)
        (url,) = draft.images
        assert url.startswith("/static/img/")
        assert files("mestres_examples").joinpath(url.removeprefix("/")).is_file()


def test_regions_are_spelled_one_way():
    """Every region is one of the allow list, or a blend of them."""
    found = {part for d in load() for part in d.attributes.get("Região", "Sul de Minas").split(", ")}
    assert found <= REGIONS | MIXED
    assert found >= REGIONS


def test_the_front_page_and_the_sold_out_shelf_are_filled():
    """About two dozen products are featured, and a few are sold out."""
    assert 20 <= sum(d.featured for d in load()) <= 28
    assert 3 <= sum(all(v.stock == 0 for v in d.variants) for d in load()) <= 20


def test_the_documented_coffee_is_there():
    """CERRADO-250 is 250 g of beans of Cerrado Mineiro at R$ 45,90."""
    (draft,) = (d for d in load() if d.key == "CERRADO-250")
    assert (draft.variants[0].price, draft.variants[0].name) == (4590, "250 g")
    assert (draft.category[0], draft.attributes["Região"]) == ("Grãos", "Cerrado Mineiro")


def test_saving_the_catalogue_twice_changes_nothing():
    """The whole catalogue can be saved again and again."""
    with Commerce.open("sqlite://") as shop:
        first = shop.catalog.save_many(load())
        second = shop.catalog.save_many(load())
    assert (first.created, second.unchanged) == (len(load()), len(load()))
