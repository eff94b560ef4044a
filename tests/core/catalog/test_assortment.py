"""Media, related products, channels, languages."""

from datetime import timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import CartEmpty, NotFound, NotPublished, QuoteChanged, ValidationError


def refused(call: Any, *fields: str) -> None:
    """The call names exactly these fields."""
    with pytest.raises(ValidationError) as caught:
        call()
    assert set(fields) == {each.field for each in caught.value.errors}


def test_media_in_order(shop: TestShop) -> None:
    """Pictures and videos have an order and words; lists show the first picture; saving again keeps the videos."""
    made = shop.product(images=["/a.jpg"])
    video = shop.media.add(made.id, url="https://video.example/v.mp4", kind="video", alt="Colheita", position=0)
    front = shop.media.add("cafe-a1", url="/b.jpg", alt="")
    assert [("video", 0), ("image", 1), ("image", 2)] == [(m.kind, m.position) for m in shop.media.of(made.id)]
    assert ("/a.jpg", ["/a.jpg", "/b.jpg"]) == (
        shop.catalog.list().items[0].image,
        [image.url for image in shop.catalog.get(made.id).images],
    )
    first = shop.media.of(made.id, kind="image")[0]
    shop.media.reorder(made.id, [front.id, video.id, first.id])
    assert "/b.jpg" == shop.catalog.list().items[0].image
    assert ("Torra", "/c.jpg") == (
        shop.media.change(front.id, alt="Torra", url="/c.jpg").alt,
        shop.media.of(made.id)[0].url,
    )
    shop.media.remove(front.id)
    assert ([0, 1], "/a.jpg") == ([m.position for m in shop.media.of(made.id)], shop.catalog.list().items[0].image)
    shop.product(images=["/d.jpg"])
    assert [("image", "/d.jpg"), ("video", video.url)] == sorted((m.kind, m.url) for m in shop.media.of(made.id))
    assert shop.audit().clean


def test_wrong_media(sqlite_shop: TestShop) -> None:
    """Addresses that a browser would run, and every other wrong argument, are refused by name."""
    shop = sqlite_shop
    made = shop.product()
    for url in ("", "javascript:alert(1)", "data:text/html,x", "//evil.example/x", "x" * 501, 5):
        refused(lambda url=url: shop.media.add(made.id, url=url), "url")
    refused(
        lambda: shop.media.add(made.id, url="/a", kind="song", alt="x" * 201, position=-1), "kind", "alt", "position"
    )
    one = shop.media.add(made.id, url="/a")
    refused(lambda: shop.media.change(one.id), "url")
    refused(lambda: shop.media.reorder(made.id, [one.id, one.id]), "media_ids")
    for call in (
        lambda: shop.media.remove(999),
        lambda: shop.media.add("nothing", url="/a"),
        lambda: shop.media.of("x"),
    ):
        with pytest.raises(NotFound):
            call()
    assert [one.id] == [each.id for each in shop.media.of(made.id)]


def test_related_products(shop: TestShop) -> None:
    """Kinds are kept apart, order is kept, both directions are one call; what is hidden is not shown."""
    for sku in "ABC":
        shop.product(sku)

    def skus(product: str, kind: str) -> str:
        return "".join(card.sku for card in shop.related.of(product, kind=kind))

    shop.related.link("cafe-a", "cafe-c", "cafe-b", kind="cross_sell")
    shop.related.link("cafe-a", "cafe-b", kind="up_sell", both=True)
    shop.related.link("cafe-a", "cafe-c", kind="cross_sell")
    assert ("CB", "B", "A", "") == (
        skus("cafe-a", "cross_sell"),
        skus("cafe-a", "up_sell"),
        skus("cafe-b", "up_sell"),
        skus("cafe-c", "cross_sell"),
    )
    shop.related.set("cafe-a", ["cafe-b", "cafe-c"], kind="cross_sell")
    assert "BC" == skus("cafe-a", "cross_sell")
    shop.catalog.save(name="Café B", key="B", variants=[{"sku": "B", "price": 1}], active=False)
    assert "C" == skus("cafe-a", "cross_sell")
    shop.related.unlink("cafe-b", "cafe-a", kind="up_sell", both=True)
    assert ("", "") == (skus("cafe-b", "up_sell"), skus("cafe-a", "up_sell"))


def test_wrong_relations(sqlite_shop: TestShop) -> None:
    """A product does not go with itself; kinds and products must be known."""
    shop = sqlite_shop
    shop.product()
    refused(lambda: shop.related.link("cafe-a1", "cafe-a1"), "others")
    refused(lambda: shop.related.link("cafe-a1", kind="friend", both=1), "others", "kind", "both")
    refused(lambda: shop.related.set("cafe-a1", "cafe"), "others")
    refused(lambda: shop.related.of("cafe-a1", kind="friend", limit=0), "kind", "limit")
    with pytest.raises(NotFound):
        shop.related.link("cafe-a1", "nothing")


def test_channels_show_what_is_published(shop: TestShop) -> None:
    """A product is listed in a channel from when it is published until it ends, in the channel's currency."""
    shop.product("A", price=1000)
    shop.product("B")
    shop.pricing.set_price("A", amount=200, currency="USD")
    shop.channels.save("usa", name="USA", currency="USD", locale="en")

    def skus(channel: str | None) -> str:
        return "".join(card.sku for card in shop.catalog.list(channel=channel, sort="name"))

    assert ("AB", "AB", "") == (skus(None), skus("default"), skus("usa"))
    shop.channels.publish("cafe-a", "usa", until=shop.clock.now() + timedelta(days=2))
    shop.channels.publish("cafe-b", "usa")
    assert "A" == skus("usa")  # B has no price in dollars
    shop.clock.advance(days=2)
    assert "" == skus("usa")  # A's time is over
    shop.channels.publish("cafe-a", "usa")
    assert ("A", "USD", 200) == (skus("usa"), *_price(shop.catalog.list(channel="usa").items[0].price))
    assert "USD" == shop.catalog.get("cafe-a", channel="usa").card.price.currency
    assert "AB" == "".join(c.sku for c in shop.catalog.list(channel="usa", currency="BRL", sort="name"))
    shop.channels.unpublish("cafe-a", "usa")
    with pytest.raises(NotFound):
        shop.catalog.get("cafe-a", channel="usa")
    assert 1000 == shop.catalog.get("cafe-a").card.price.amount
    shop.channels.save("usa", currency="USD", active=False)
    for channel in ("usa", "nothing"):
        with pytest.raises(NotFound):
            skus(channel)


def test_a_channels_goods_and_prices(shop: TestShop) -> None:
    """Lists and details show what a guest of the channel pays for one piece, in their budgets; a cart of the channel
    takes nothing that it does not show, and buys nothing that is withdrawn from it before the order begins."""
    made = shop.product("A", price=1000)
    shop.product("B")
    shop.pricing.save_list("web", channel="web", priority=5, ends_at=shop.clock.now() + timedelta(days=2))
    shop.pricing.set_prices("A", prices=[{"amount": 800}, {"amount": 600, "min_quantity": 2}], price_list="web")
    shop.pricing.set_prices("A", prices=[{"amount": 500, "channel": "other"}, {"amount": 400, "group": "gold"}])
    shop.channels.save("web")
    shop.channels.publish("cafe-a", "web")
    with shop.statements() as listing:
        card = shop.catalog.list(channel="web").items[0]
    with shop.statements() as detail:
        product = shop.catalog.get(made.id, channel="web")
    assert (3, True) == (len(listing), len(detail) <= 5)
    assert [800] * 4 == [money.amount for one in (card, product.card) for money in (one.price, one.max_price)]
    assert [800] == [each.price.amount for each in product.variants]
    assert 1000 == shop.catalog.list(channel="default", sort="name").items[0].price.amount

    cart = shop.carts.create(channel="web").id
    with pytest.raises(NotPublished, match="B is not sold in channel 'web'"):
        shop.carts.add(cart, sku="B")
    assert 800 == shop.carts.add(cart, sku="A").totals.grand.amount
    quote = shop.quote(cart)
    shop.channels.unpublish("cafe-a", "web")
    assert ["not_published"] == [each.reason for each in shop.carts.get(cart).unavailable]
    with pytest.raises((QuoteChanged, CartEmpty)):
        shop.checkout.place(**shop.arguments(quote))
    shop.channels.publish("cafe-a", "web")
    assert 800 == shop.checkout.place(**shop.arguments(quote)).order.lines[0].unit_price.amount
    shop.clock.advance(days=2)
    assert 1000 == shop.catalog.get("cafe-a", channel="web").card.price.amount


def _price(money: Any) -> tuple[str, int]:
    return money.currency, money.amount


def test_a_product_waits_for_its_day(shop: TestShop) -> None:
    """What is published for later is shown from then on, with nobody doing anything."""
    shop.product()
    shop.channels.save("web")
    shop.channels.publish("cafe-a1", "web", since=shop.clock.now() + timedelta(days=1))
    assert 0 == shop.catalog.list(channel="web").total
    shop.clock.advance(days=1)
    assert 1 == shop.catalog.list(channel="web").total


def test_wrong_channels(sqlite_shop: TestShop) -> None:
    """Every wrong argument of a channel and of a publication is named."""
    shop = sqlite_shop
    shop.product()
    refused(
        lambda: shop.channels.save("", currency="real", locale="português", active=1),
        *("code", "currency", "locale", "active"),
    )
    refused(lambda: shop.channels.publish("cafe-a1", since=5, until="x"), "since", "until", "channels")
    shop.channels.save("web")
    refused(lambda: shop.channels.publish("cafe-a1", "web", until=shop.clock.now()), "until")
    with pytest.raises(NotFound):
        shop.channels.publish("cafe-a1", "nothing")
    assert () == shop.channels.of("cafe-a1")


def test_languages_fall_back(shop: TestShop) -> None:
    """A text is that of the language asked for, else of the plain one, else the shop's own."""
    made = shop.product(category="Grãos", description="Doce")
    shop.translations.save("product", made.id, "en", name="Coffee", description="Sweet")
    shop.translations.save("product", "cafe-a1", "en-GB", name="Coffee, old chap")
    shop.translations.save("category", "graos", "en", name="Beans")
    shop.translations.save("variant", "A1", "en", name="Bag")

    def said(locale: str | None) -> tuple[str, ...]:
        found = shop.catalog.get("cafe-a1", locale=locale)
        shown = shop.catalog.list(locale=locale).items[0]
        assert (found.name, found.card.category) == (shown.name, shown.category)
        return found.name, found.description, shown.category.name, found.variants[0].name

    ours = ("Café A1", "Doce", "Grãos", "")
    assert (ours, ours, ours) == (said(None), said("pt-BR"), said("fr"))
    assert ("Coffee", "Sweet", "Beans", "Bag") == said("en") == said("en-US")
    assert ("Coffee, old chap", "Sweet", "Beans", "Bag") == said("en-GB")
    assert ["Beans"] == [node.name for node in shop.catalog.categories(locale="en")]
    shop.translations.save("product", made.id, "en", name=None)
    assert ("Café A1", "Sweet") == said("en")[:2]
    assert {"en": {"description": "Sweet"}, "en-GB": {"name": "Coffee, old chap"}} == shop.translations.of(
        "product", made.id
    )


def test_what_languages_cost(shop: TestShop) -> None:
    """The shop's own language costs nothing; another one statement for a whole page."""
    for sku in "ABC":
        shop.product(sku, category=f"C{sku}")
    counts = []
    for locale in (None, "pt-BR", "en"):
        with shop.statements() as sent:
            shop.catalog.list(locale=locale)
            shop.catalog.get("cafe-a", locale=locale)
        counts.append(len(sent))
    assert counts[0] == counts[1] == counts[2] - 2


def test_translations_go_with_what_they_are_of(shop: TestShop) -> None:
    """A category, collection or attribute that is made later says nothing of one that was removed."""
    shop.categories.create("Old"), shop.collections.save("Old"), shop.attributes.define("old")
    for kind in ("category", "collection", "attribute"):
        shop.translations.save(kind, "old", "en", name="Old")
    shop.categories.remove("old"), shop.collections.remove("old"), shop.attributes.remove("old")
    shop.categories.create("New"), shop.collections.save("New"), shop.attributes.define("new")
    for kind in ("category", "collection", "attribute"):
        assert shop.translations.of(kind, "new") == {}
    assert shop.sql("SELECT * FROM mc_translation") == []


def test_wrong_translations(sqlite_shop: TestShop) -> None:
    """Kinds, languages and fields must be known; the shop's own language is changed where it stands."""
    shop = sqlite_shop
    shop.product()
    refused(lambda: shop.translations.save("poem", "x", "english please"), "kind", "locale", "texts")
    refused(lambda: shop.translations.save("product", "cafe-a1", "pt-BR", name="x"), "locale")
    refused(lambda: shop.translations.save("product", "cafe-a1", "pt", name="x"), "locale")
    refused(lambda: shop.translations.save("product", "cafe-a1", "en", title="x"), "texts.title")
    refused(lambda: shop.translations.save("product", "cafe-a1", "en", name="x" * 201), "name")
    refused(lambda: shop.catalog.list(locale="?"), "locale")
    refused(lambda: shop.catalog.get("cafe-a1", locale=5), "locale")
    for kind in ("product", "variant", "category", "collection", "attribute"):
        with pytest.raises(NotFound):
            shop.translations.save(kind, "nothing", "en", name="x")
