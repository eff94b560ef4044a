"""No input whatever makes a 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.http.buying import ADDRESS, CUSTOMER
from mestres_core.contrib.http import MAX_BODY, ROUTES, Request

_AS_LONG_AS_IT_TAKES = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

_numbers = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
)
_texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "'; DROP TABLE x; --", "%", "../..", "\u202e", "🫘" * 90]
    ),
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_json = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=8,
)


def _mostly(good):
    """Objects of the right shape in which any part may be anything, missing, or more."""
    parts = {
        name: st.one_of(st.just(value), _mostly(value) if isinstance(value, dict) else _scalars, _json)
        for name, value in good.items()
    }
    return st.builds(
        lambda shape, more: {**more, **shape},
        st.fixed_dictionaries({}, optional=parts),
        st.dictionaries(_texts, _json, max_size=1),
    )


_LINE = {"sku": "SKU", "quantity": 1}
_PRODUCT = {"sku": "HOSTILE", "name": "x", "price": 1, "stock": 1, "attributes": {"a": "b"}, "category": ["c"]}
_CHECKOUT = {"quote_hash": "0" * 64, "customer": CUSTOMER, "payment": {"method": "card", "token": "tok_ok"}}


def _encoded(value):
    return json.dumps(value).encode()


def _not_ours(response):
    assert response.status_code < 500, (response.request.method, response.request.url, response.text)
    # A header that is no HTTP at all is refused by the server, in its own words.
    assert response.status_code == 400 or response.content == b"" or response.json()


@pytest.fixture
def cart(buyer, product):
    """A cart that could be bought."""
    return buyer.cart(sku=product(stock=1000).variants[0].sku)


@_AS_LONG_AS_IT_TAKES
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "page",
                "per_page",
                "sort",
                "category",
                "search",
                "min_price",
                "max_price",
                "in_stock",
                "cursor",
                "attr.torra",
                "attr.",
                "q",
            ]
        ),
        st.one_of(_texts, _numbers.map(str)),
        max_size=4,
    )
)
def test_query_parameters(http, parameters):
    """Any query of the reads is answered or refused."""
    cleaned = {name: value.encode("utf-8", "surrogatepass") for name, value in parameters.items()}
    query = "&".join(f"{name}=" + "".join(f"%{byte:02x}" for byte in value) for name, value in cleaned.items())
    for address in ("/api/v1/products", "/api/v1/search/suggest", "/busca", "/produtos"):
        response = http.get(f"{address}?{query}")
        assert response.status_code < 500, response.text


@_AS_LONG_AS_IT_TAKES
@given(st.one_of(_texts.filter(bool), _numbers.map(str)))
def test_path_parameters(http, part):
    """Any id is answered or refused."""
    raw = "".join(f"%{byte:02x}" for byte in part.encode("utf-8", "surrogatepass"))
    for method, address, body in (
        ("GET", f"/api/v1/products/{raw}", None),
        ("GET", f"/api/v1/carts/{raw}", None),
        ("POST", f"/api/v1/carts/{raw}/lines", _LINE),
        ("POST", f"/api/v1/carts/{raw}/quote", {"address": ADDRESS}),
        ("POST", f"/api/v1/carts/{raw}/checkout", _CHECKOUT),
        ("PATCH", f"/api/v1/carts/x/lines/{raw}", {"quantity": 1}),
        ("DELETE", f"/api/v1/carts/x/lines/{raw}", None),
        ("POST", f"/api/v1/payments/{raw}/events", {}),
        ("GET", f"/api/v1/orders/{raw}", None),
        ("GET", f"/produto/{raw}", None),
        ("GET", f"/pedido/{raw}", None),
    ):
        headers = {"Idempotency-Key": "k", "Authorization": "Bearer admin-token"}
        response = http.request(method, address, json=body, headers=headers)
        assert response.status_code < 500, (method, address, response.text)


@_AS_LONG_AS_IT_TAKES
@given(st.one_of(_mostly(_LINE), _json))
def test_line_bodies(http, cart, body):
    """Any line is added or refused."""
    _not_ours(http.post(f"/api/v1/carts/{cart}/lines", content=_encoded(body)))
    _not_ours(http.patch(f"/api/v1/carts/{cart}/lines/1", content=_encoded(body)))
    _not_ours(http.post("/api/v1/carts", content=_encoded(body)))


@_AS_LONG_AS_IT_TAKES
@given(st.one_of(_mostly({"address": ADDRESS, "shipping_method": "pac"}), _json))
def test_quote_bodies(http, cart, body):
    """Any address is quoted or refused."""
    _not_ours(http.post(f"/api/v1/carts/{cart}/quote", content=_encoded(body)))


@_AS_LONG_AS_IT_TAKES
@given(
    st.one_of(_mostly(_CHECKOUT), _json),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30),
)
def test_checkout_bodies_and_keys(http, cart, body, key):
    """Any checkout is placed or refused, whatever its key."""
    headers = {b"Idempotency-Key": key.strip().encode("latin-1")}
    _not_ours(http.post(f"/api/v1/carts/{cart}/checkout", content=_encoded(body), headers=headers))


@_AS_LONG_AS_IT_TAKES
@given(
    st.one_of(st.binary(max_size=100), _json.map(_encoded), st.lists(_mostly(_PRODUCT), max_size=3).map(_encoded)),
    st.sampled_from(["text/csv", "application/x-ndjson", "application/json"]),
)
def test_bulk_files(http, shop, body, media_type):
    """Any file is taken or refused, and what was taken is done."""
    headers = {"Authorization": "Bearer admin-token", "Content-Type": media_type}
    response = http.post("/admin/api/v1/products/bulk", content=body, headers=headers)
    _not_ours(response)
    if response.status_code == 202:
        shop.jobs.run(limit=10)
        assert http.get(response.headers["location"], headers=headers).json()["data"]["job"]["status"] == "done"


@_AS_LONG_AS_IT_TAKES
@given(st.binary(max_size=200))
def test_bytes_that_are_no_text(http, cart, body):
    """Any bytes are refused where JSON, a signed event or a form is wanted."""
    for address in (f"/api/v1/carts/{cart}/lines", f"/api/v1/carts/{cart}/checkout", "/api/v1/payments/pix/events"):
        _not_ours(http.post(address, content=body, headers={"Idempotency-Key": "k", "Mestres-Signature": "t=1,v1=x"}))
    for address in ("/carrinho", "/carrinho/1", "/checkout", "/checkout/confirmar"):
        assert http.post(address, content=body).status_code < 500


@_AS_LONG_AS_IT_TAKES
@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40).map(str.strip))
def test_header_values(http, value):
    """Any value of the headers that are read is answered or refused."""
    names = (b"Authorization", b"Accept-Language", b"If-None-Match", b"Content-Type", b"Cookie", b"Mestres-Signature")
    headers = dict.fromkeys(names, value.encode("latin-1"))
    _not_ours(http.get("/api/v1/products", headers=headers))
    _not_ours(http.get("/api/v1/orders/MC-1", headers=headers))
    _not_ours(http.post("/api/v1/payments/card/events", content=b"{}", headers=headers))
    assert http.get("/carrinho", headers=headers).status_code < 500
    assert http.get("/pedido/MC-1", headers=headers).status_code < 500


@_AS_LONG_AS_IT_TAKES
@given(st.data())
def test_whole_requests(shop, data):
    """Any request that a framework could hand over is answered by the API itself."""
    from mestres_core.contrib.http import Api

    api = Api(shop, admin_token="admin-token")
    route = data.draw(st.sampled_from(ROUTES))
    path = route.template
    for name in ("ref", "cart_id", "line_id", "number", "provider", "job_id"):
        path = path.replace(f"{{{name}}}", data.draw(_texts.filter(lambda text: text and "/" not in text)))
    request = Request(
        method=route.method,
        path=path,
        query_string=data.draw(_texts),
        headers=data.draw(
            st.dictionaries(st.sampled_from(["authorization", "idempotency-key", "if-none-match"]), _texts)
        ),
        body=data.draw(st.one_of(st.binary(max_size=50), _json.map(_encoded), st.just(b" " * (MAX_BODY + 1)))),
    )

    assert api.handle(request).status < 500
