"""What holds on every route: conditional requests, languages, limits, refusals."""

import httpx
import pytest

from integration.http.buying import problem

_MIB = 1024 * 1024


@pytest.fixture
def reads(buyer, product):
    """One address of each cacheable read."""
    made = product()
    cart_id = buyer.cart(sku=made.variants[0].sku)
    return {
        "/api/v1/products": "public",
        f"/api/v1/products?category={made.card.category.slug}": "public",
        f"/api/v1/products/{made.id}": "public",
        f"/api/v1/products/{made.slug}": "public",
        "/api/v1/categories": "public",
        "/api/v1/search/suggest?q=ca": "public",
        f"/api/v1/carts/{cart_id}": "private",
        "/openapi.json": "public",
    }


def test_reads_can_be_asked_again_cheaply(http, reads):
    """Every read carries ETag and Cache-Control, and If-None-Match with that tag gives an empty 304."""
    for address, visibility in reads.items():
        first = http.get(address)
        etag = first.headers["etag"].removeprefix("W/")  # weak where it is compressed
        for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = http.get(address, headers={"If-None-Match": given})

            told = again.headers["etag"].removeprefix("W/")
            assert (again.status_code, again.content, told) == (304, b"", etag), address
        assert http.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
        assert first.headers["cache-control"].startswith(visibility)


def test_the_tag_changes_with_the_answer(http, shop, product):
    """After a change the old tag no longer matches."""
    made = product(stock=5)
    etag = http.get(f"/api/v1/products/{made.id}").headers["etag"]
    shop.inventory.set(made.variants[0].sku, on_hand=4)

    assert http.get(f"/api/v1/products/{made.id}", headers={"If-None-Match": etag}).status_code == 200


def test_head_is_get_without_body(http, reads):
    """HEAD gives the headers of GET and nothing else."""
    for address in reads:
        head, get = http.head(address), http.get(address)

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))
        assert head.headers["etag"] == get.headers["etag"].removeprefix("W/")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "pt-BR"),
        ("pt-BR", "pt-BR"),
        ("pt", "pt-BR"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("en;q=0.5,pt;q=0.8", "pt-BR"),
        ("fr,en;q=0.3", "en"),
        ("fr", "pt-BR"),
        ("en;q=0", "pt-BR"),
        (";;;,q=,en;q=x", "pt-BR"),
    ],
)
def test_refusals_speak_the_clients_language(http, accept, language):
    """Portuguese unless English is preferred; code and type are the same in both."""
    http.headers.pop("accept-language", None)
    response = http.get("/api/v1/products?page=0", headers={"Accept-Language": accept} if accept else {})
    document = problem(response, 422, "validation_error")

    assert response.headers["content-language"] == language
    assert document["title"] == {"pt-BR": "Dados inválidos", "en": "Invalid input"}[language]


@pytest.mark.parametrize(
    "address", ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/products/1/2", "/api/v1//products"]
)
def test_unknown_addresses_are_404(http, address):
    """Below the API's prefix even what is nothing is a problem document."""
    problem(http.get(address), 404, "not_found")


def test_wrong_methods_are_405(http):
    """A wrong method is told which ones there are."""
    for method, address, allowed in (
        ("DELETE", "/api/v1/products", "GET, HEAD"),
        ("GET", "/api/v1/carts", "POST"),
        ("PUT", "/api/v1/carts/x", "GET, HEAD"),
        ("POST", "/api/v1/carts/x/lines/1", "DELETE, PATCH"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ):
        response = http.request(method, address)

        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == allowed


def test_bodies_over_one_mebibyte_are_413(http, buyer):
    """A body that is too large is refused, whether its length was announced or not; one of 1 MiB is read."""
    address = f"/api/v1/carts/{buyer.cart()}/lines"
    headers = {"Content-Type": "application/json"}
    just_right = b'{"sku": "X", "quantity": 1}'.ljust(_MIB)

    def unannounced():
        for _ in range(3 * 16):
            yield b" " * (_MIB // 16)

    problem(http.post(address, content=just_right, headers=headers), 404, "not_found")
    problem(http.post(address, content=just_right + b" ", headers=headers), 413, "body_too_large")
    problem(http.post(address, content=b" " * (3 * _MIB), headers=headers), 413, "body_too_large")
    problem(http.post(address, content=unannounced(), headers=headers), 413, "body_too_large")


def test_only_json_is_read(http, buyer):
    """A body of another media type is refused with 415; one without any is taken for JSON."""
    address = f"/api/v1/carts/{buyer.cart()}/lines"

    problem(http.post(address, data={"sku": "X"}), 415, "unsupported_media_type")
    problem(http.post(address, content=b"{}", headers={"Content-Type": "text/xml"}), 415, "unsupported_media_type")
    problem(http.post(address, content=b"{}"), 422, "validation_error")
    problem(
        http.post(address, content=b"{}", headers={"Content-Type": "application/json; charset=utf-8"}),
        422,
        "validation_error",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b'{"sku": "\\ud800", "quantity": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"NaN",
    ],
    ids=range(8),
)
def test_malformed_json_is_422(http, buyer, body):
    """What is no JSON is refused as what it is."""
    response = http.post(
        f"/api/v1/carts/{buyer.cart()}/lines", content=body, headers={"Content-Type": "application/json"}
    )

    problem(response, 422, "validation_error")


def test_refusals_are_not_stored(http):
    """No cache keeps a refusal, and each says by what it varies."""
    response = http.get("/api/v1/products/nothing-here")

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept-Language"


def test_too_many_parameters_are_refused(http):
    """A query of a thousand parameters is not read."""
    problem(http.get("/api/v1/products", params={f"p{number}": 1 for number in range(1000)}), 422, "validation_error")


def test_both_frameworks_say_the_same(http, served):
    """The OpenAPI document is one and the same, and describes every route of the API."""
    document = http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert httpx.get(f"{served.url}/openapi.json").headers["content-type"] == "application/json"
    assert {(method, path) for path, operations in document["paths"].items() for method in operations} == {
        ("get", "/api/v1/products"),
        ("get", "/api/v1/products/{ref}"),
        ("get", "/api/v1/categories"),
        ("get", "/api/v1/search/suggest"),
        ("post", "/api/v1/carts"),
        ("get", "/api/v1/carts/{cart_id}"),
        ("post", "/api/v1/carts/{cart_id}/lines"),
        ("patch", "/api/v1/carts/{cart_id}/lines/{line_id}"),
        ("delete", "/api/v1/carts/{cart_id}/lines/{line_id}"),
        ("post", "/api/v1/carts/{cart_id}/coupons"),
        ("delete", "/api/v1/carts/{cart_id}/coupons/{code}"),
        ("post", "/api/v1/carts/{cart_id}/quote"),
        ("post", "/api/v1/carts/{cart_id}/checkout"),
        ("get", "/api/v1/orders/{number}"),
        ("get", "/api/v1/users/{user_id}/orders"),
        ("post", "/api/v1/payments/{provider}/events"),
        ("post", "/admin/api/v1/orders/{number}/cancel"),
        ("post", "/admin/api/v1/orders/{number}/capture"),
        ("post", "/admin/api/v1/orders/{number}/fulfill"),
        ("post", "/admin/api/v1/orders/{number}/refund"),
        ("get", "/admin/api/v1/dashboard"),
        ("post", "/admin/api/v1/products/bulk"),
        ("post", "/admin/api/v1/exports"),
        ("get", "/admin/api/v1/jobs/{job_id}"),
        ("get", "/admin/api/v1/jobs/{job_id}/result"),
        *(("get", f"/admin/api/v1/reports/{kind}") for kind in ("sales", "products", "customers", "inventory")),
    }
