"""Products, categories and search, as the contract promises them."""

import uuid

import pytest

from integration.http.buying import money, problem


def test_products_show_what_the_contract_names(http, product):
    """A list shows cards with money, category and stock, and where in the list one is."""
    made = product(price=1234590, name="Café do Topo")

    response = http.get("/api/v1/products", params={"sort": "newest", "per_page": 1})
    body = response.json()
    [card] = body["data"]["products"]

    assert response.status_code == 200
    assert card == {
        "id": made.id,
        "slug": made.slug,
        "sku": made.variants[0].sku,
        "name": "Café do Topo",
        "price": money(1234590),
        "category": card["category"],
        "image": None,
        "in_stock": True,
        "rating": None,
    }
    assert card["category"]["name"] == "Grãos"
    assert set(card["category"]) == {"id", "slug", "name"}
    assert (body["meta"]["page"], body["meta"]["per_page"]) == (1, 1)
    assert body["meta"]["total"] >= 1
    assert set(body["meta"]) == {"page", "per_page", "total", "next_cursor"}


def test_product_is_found_by_id_and_by_slug(http, product):
    """A detail is the same under both names and has description, attributes, variants and images."""
    made = product(description="Doce.", attributes={"torra": "média"}, images=("/static/img/grao.svg",), stock=7)

    by_id = http.get(f"/api/v1/products/{made.id}").json()["data"]["product"]
    by_slug = http.get(f"/api/v1/products/{made.slug}").json()["data"]["product"]

    assert by_id == by_slug
    assert by_id["description"] == "Doce."
    assert by_id["attributes"] == {"torra": "média"}
    assert by_id["images"][0]["url"] == "/static/img/grao.svg"
    [variant] = by_id["variants"]
    assert variant == {
        "id": made.variants[0].id,
        "sku": made.variants[0].sku,
        "name": "250 g",
        "price": money(4590),
        "available": 7,
    }


def test_pages_and_cursors_show_everything_once(http, product):
    """Pages by number and by cursor give the same products in the same order, none twice."""
    category = f"Lista {uuid.uuid4().hex[:6]}"
    slugs = [product(category=category).slug for _ in range(5)]
    where = {"category": category.lower().replace(" ", "-"), "per_page": 2, "sort": "name"}

    numbered = []
    for page in (1, 2, 3):
        numbered += http.get("/api/v1/products", params={**where, "page": page}).json()["data"]["products"]
    followed, cursor = [], None
    while True:
        answer = http.get("/api/v1/products", params={**where, **({"cursor": cursor} if cursor else {})}).json()
        followed += answer["data"]["products"]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            break

    assert [card["slug"] for card in numbered] == [card["slug"] for card in followed]
    assert {card["slug"] for card in numbered} == set(slugs)


def test_filters_narrow_the_list(http, product):
    """Price, stock and attributes each leave out what they should."""
    category = f"Filtro {uuid.uuid4().hex[:6]}"
    cheap = product(category=category, price=1000, attributes={"torra": "clara"})
    dear = product(category=category, price=9000, attributes={"torra": "escura"})
    gone = product(category=category, price=5000, stock=0, attributes={"torra": "escura"})
    where = {"category": category.lower().replace(" ", "-"), "sort": "price"}

    def found(**more):
        cards = http.get("/api/v1/products", params={**where, **more}).json()["data"]["products"]
        return [card["id"] for card in cards]

    assert found() == [cheap.id, gone.id, dear.id]
    assert found(sort="-price") == [dear.id, gone.id, cheap.id]
    assert found(min_price=1001) == [gone.id, dear.id]
    assert found(max_price=5000) == [cheap.id, gone.id]
    assert found(in_stock="true") == [cheap.id, dear.id]
    assert found(**{"attr.torra": "escura"}) == [gone.id, dear.id]


def test_search_finds_words_and_counts_facets(http, product):
    """With `search` the list holds what matches, in any accents, and facets come with it."""
    word = f"zz{uuid.uuid4().hex[:6]}"
    made = product(name=f"Grão {word}", attributes={"torra": "média"})
    product(name="Outra coisa")

    body = http.get("/api/v1/products", params={"search": f"GRAO {word}"}).json()

    assert [card["id"] for card in body["data"]["products"]] == [made.id]
    assert {"value": "média", "count": 1} in body["data"]["facets"]["torra"]


def test_nothing_found_is_no_empty_page(http, product):
    """Something else is shown, and said to be that; where the words are is shown on request."""
    word = "zz" + "".join(f"{digit}" for digit in uuid.uuid4().bytes[:4])  # no letter of it is another word of the text
    made = product(name=f"Bule {word}", description=f"Um <b>{word}</b>.")

    body = http.get("/api/v1/products", params={"search": "qwxyzk"}).json()
    assert (body["data"]["products"], body["meta"]["instead_by"]) == ([], "popular")
    assert body["data"]["instead"]

    body = http.get("/api/v1/products", params={"search": f"bule {word}", "highlight": "true"}).json()
    assert (body["data"]["instead"], body["meta"]["instead_by"], body["meta"]["relaxed"]) == ([], None, False)
    found = body["data"]["highlights"][str(made.id)]
    assert found["name"].startswith("<mark>Bule</mark> <mark>")
    assert "&lt;b&gt;" in found["snippet"]


def test_suggestions_go_on_from_what_was_typed(http, product):
    """A suggestion says its text, its kind and the id to go to."""
    word = f"xx{uuid.uuid4().hex[:6]}"
    made = product(name=f"{word} especial")

    suggestions = http.get("/api/v1/search/suggest", params={"q": word[:6]}).json()["data"]["suggestions"]

    assert {"text": made.name, "kind": "product", "id": made.slug} in suggestions


def test_categories_are_a_tree(http, product):
    """A category lies below its parent."""
    parent, child = f"Pai {uuid.uuid4().hex[:6]}", f"Filha {uuid.uuid4().hex[:6]}"
    product(category=(parent, child))

    tree = http.get("/api/v1/categories").json()["data"]["categories"]
    [found] = [node for node in tree if node["name"] == parent]

    assert [node["name"] for node in found["children"]] == [child]
    assert set(found) == {"id", "slug", "name", "children"}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("page", "0"),
        ("page", "-1"),
        ("page", "x"),
        ("page", "1.5"),
        ("page", "1" + "0" * 30),
        ("per_page", "0"),
        ("per_page", "101"),
        ("sort", "random"),
        ("min_price", "-1"),
        ("min_price", "1" + "0" * 30),
        ("max_price", "dez"),
        ("in_stock", "maybe"),
        ("cursor", "not-a-cursor"),
        ("search", "\x00"),
        ("category", "\x00"),
        ("attr.torra", "\x00"),
        ("search", "a" * 5000),
    ],
)
def test_wrong_parameters_are_named(http, parameter, value):
    """A wrong parameter gives 422 and says which one it was."""
    document = problem(http.get("/api/v1/products", params={parameter: value}), 422, "validation_error")

    assert any(error["field"].split(".")[0] in parameter for error in document["errors"])
    assert all(error["message"] for error in document["errors"])


@pytest.mark.parametrize(
    "reference", ["0", "999999999", "1" + "0" * 30, "nao-existe", "%00", "a%00b", "%ED%A0%80", "١"]
)
def test_unknown_products_are_404(http, reference):
    """Whatever names no product is not found, however strange."""
    problem(http.get(f"/api/v1/products/{reference}"), 404, "not_found")


def test_unknown_category_is_404(http):
    """A category that does not exist is not the same as an empty one."""
    problem(http.get("/api/v1/products", params={"category": "nao-existe"}), 404, "not_found")


def test_unknown_parameters_do_no_harm(http):
    """Links carry parameters of others."""
    assert http.get("/api/v1/products", params={"utm_source": "mail"}).status_code == 200


def test_a_cached_read_never_outlives_a_write(http, shop, product, require_part):
    """Where a cache is on, the second read says hit; after a change the next read has the new value."""
    made = product(stock=5)
    for address in (f"/api/v1/products/{made.id}", f"/api/v1/products/{made.slug}", "/api/v1/products?sort=newest"):
        http.get(address)
        again = http.get(address)
        require_part("x-cache" in again.headers, "the shop runs without a cache here")
        assert again.headers["x-cache"] == "hit"

    shop.inventory.set(made.variants[0].sku, on_hand=0)

    assert http.get(f"/api/v1/products/{made.id}").json()["data"]["product"]["variants"][0]["available"] == 0
    assert http.get(f"/api/v1/products/{made.slug}").json()["data"]["product"]["in_stock"] is False
    assert http.get("/api/v1/products?sort=newest").json()["data"]["products"][0]["in_stock"] is False
