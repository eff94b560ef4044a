"""The storefront as a browser without JavaScript uses it: links, forms, cookies."""

import contextlib
import re
import threading
import uuid

import httpx
import pytest

from integration.http.buying import ADDRESS, CUSTOMER
from mestres_core.contrib.http import Request
from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop, wire
from mestres_perf import MemorySessions, Sessions


@pytest.fixture
def visitor(served):
    """A browser that follows redirects and keeps cookies."""
    with httpx.Client(base_url=served.url, timeout=30, follow_redirects=True, headers={"Origin": served.url}) as client:
        yield client


def _hidden(page):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))


def _delivery():
    address = {f"address.{name}": value for name, value in ADDRESS.items() if name != "country"}
    return {**address, **{f"customer.{name}": value for name, value in CUSTOMER.items()}}


def _buy(visitor, sku, **payment):
    visitor.post("/carrinho", data={"sku": sku, "quantity": "1"})
    page = visitor.post("/checkout", data=_delivery())
    assert "Pagamento" in page.text
    return visitor.post("/checkout/confirmar", data={**_hidden(page), "shipping_method": "pac", **payment})


@pytest.mark.parametrize("address", ["/", "/produtos", "/busca?q=cafe", "/carrinho", "/produtos?page=2&sort=price"])
def test_pages_are_there(visitor, address):
    """Every page is HTML in Portuguese that runs only the shop's own scripts and may not be framed."""
    page = visitor.get(address)

    assert page.status_code == 200
    assert '<html lang="pt-BR">' in page.text
    assert set(re.findall("<script[^>]*>", page.text)) == set(
        re.findall('<script src="/static/[^"]+" defer>', page.text)
    )
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_purchase_by_card(visitor, product):
    """From the product's page to a paid order by forms alone."""
    made = product(name="Café da Página", stock=3)

    shown = visitor.get(f"/produto/{made.slug}")
    page = _buy(visitor, made.variants[0].sku, method="card", token="tok_ok")

    assert "Café da Página" in shown.text
    assert "R$ 45,90" in shown.text
    assert page.status_code == 200
    assert re.search(r'data-state="payment">pago<', page.text)
    assert "access_token" not in str(page.url)
    assert "carrinho está vazio" in visitor.get("/carrinho").text


def test_a_form_sent_twice_is_one_order(visitor, product):
    """Sending the confirmation again leads to the same order."""
    visitor.post("/carrinho", data={"sku": product(stock=3).variants[0].sku, "quantity": "1"})
    form = {**_hidden(visitor.post("/checkout", data=_delivery())), "method": "card", "token": "tok_ok"}

    first = visitor.post("/checkout/confirmar", data=form)
    second = visitor.post("/checkout/confirmar", data=form)

    assert first.url == second.url
    assert "/pedido/" in first.url.path


def test_pix_can_be_paid_in_a_demonstration(visitor, product):
    """The order's page shows the code; the button lets the provider report it paid."""
    page = _buy(visitor, product().variants[0].sku, method="pix")
    paid = visitor.post(f"{page.url.path}/pix")

    assert "000201" in page.text
    assert re.search(r'data-state="payment">aguardando<', page.text)
    assert re.search(r'data-state="payment">pago<', paid.text)


def test_a_declined_card_can_be_tried_again(visitor, product):
    """After a refusal the buyer is back at the payment, with a cart that can still be bought."""
    refused = _buy(visitor, product(stock=1).variants[0].sku, method="card", token="tok_declined")
    page = visitor.post("/checkout/confirmar", data={**_hidden(refused), "method": "card", "token": "tok_ok"})

    assert refused.status_code == 402
    assert "recusado" in refused.text
    assert re.search(r'data-state="payment">pago<', page.text)


def test_a_changed_total_is_shown_before_it_is_paid(shop, visitor, product):
    """When the price has changed meanwhile, the new total is shown and must be confirmed."""
    made = product(price=1000)
    sku = made.variants[0].sku
    visitor.post("/carrinho", data={"sku": sku, "quantity": "1"})
    page = visitor.post("/checkout", data=_delivery())
    shop.catalog.save(name=made.name, category="Grãos", variants=[{"sku": sku, "price": 7777, "weight_grams": 250}])

    changed = visitor.post("/checkout/confirmar", data={**_hidden(page), "method": "card", "token": "tok_ok"})
    paid = visitor.post("/checkout/confirmar", data={**_hidden(changed), "method": "card", "token": "tok_ok"})

    assert changed.status_code == 409
    assert "R$ 77,77" in changed.text
    assert "/pedido/" in paid.url.path


def test_wrong_fields_are_marked(visitor, product):
    """What is wrong is said at its field, and what was typed is kept."""
    visitor.post("/carrinho", data={"sku": product().variants[0].sku, "quantity": "1"})
    page = visitor.post("/checkout", data={**_delivery(), "address.postal_code": "123", "address.city": "<b>Cidade"})

    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert "oito dígitos" in page.text
    assert "&lt;b&gt;Cidade" in page.text
    assert "<b>Cidade" not in page.text


def test_more_than_there_is_says_how_many(visitor, product):
    """Asking for too many pieces says how many there are."""
    page = visitor.post("/carrinho", data={"sku": product(stock=2).variants[0].sku, "quantity": "3"})

    assert page.status_code == 409
    assert "Só há 2" in page.text


def test_cookies_are_closed_to_scripts_and_other_sites(visitor, product):
    """The session's cookie is HttpOnly and SameSite=Lax, and is set only once there is a cart."""
    assert "set-cookie" not in visitor.get("/carrinho").headers
    answer = visitor.post("/carrinho", data={"sku": product().variants[0].sku, "quantity": "1"}, follow_redirects=False)

    assert answer.headers["set-cookie"].startswith("sessao=")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Lax" in answer.headers["set-cookie"]
    assert "Secure" not in answer.headers["set-cookie"]


def test_another_process_knows_the_cart(database_url, redis_db):
    """Two processes on one Redis serve one visitor: the session with the cart is read where it was not written."""
    environment = {
        "MESTRES_DATABASE_URL": database_url,
        "MESTRES_REDIS_URL": redis_db,
        "MESTRES_REDIS_TIMEOUT": "2",
        "MESTRES_SESSION_SECRET": "the same in both of them",
    }
    with contextlib.ExitStack() as stack:
        sites = []
        for _ in range(2):
            settings = Settings.from_environment(environment)
            parts = wire(stack.enter_context(open_shop(settings)), settings)
            stack.enter_context(parts.caches)
            sites.append(parts.site)
        sites[0].api.shop.catalog.save(name="Café Dividido", variants=[{"sku": "A", "price": 1, "stock": 9}])
        form = {"content-type": "application/x-www-form-urlencoded"}
        added = sites[0].handle(Request("POST", "/carrinho", "", form, b"sku=A&quantity=1", scheme="https"))
        cookie = added.header("Set-Cookie")
        name = cookie.partition(";")[0]

        assert cookie.endswith("HttpOnly; SameSite=Lax; Secure")
        assert "Café Dividido" in sites[1].handle(Request("GET", "/carrinho", "", {"cookie": name})).body.decode()
        assert "Café Dividido" not in sites[1].handle(Request("GET", "/carrinho")).body.decode()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_forms_of_other_sites_are_refused(visitor, product, origin):
    """A form that another site sends changes nothing."""
    answer = visitor.post(
        "/carrinho", data={"sku": product().variants[0].sku, "quantity": "1"}, headers={"Origin": origin}
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_orders_are_shown_to_their_browser_only(served, visitor, product):
    """Somebody else sees no order, and does not learn whether it exists."""
    page = _buy(visitor, product().variants[0].sku, method="card", token="tok_ok")
    strange = httpx.get(f"{served.url}{page.url.path}")
    unknown = httpx.get(f"{served.url}/pedido/MC-0000000000")

    assert (strange.status_code, unknown.status_code) == (404, 404)
    assert strange.text == unknown.text


@pytest.mark.parametrize("address", ["/nada", "/produto/nada", "/static/nada.css", "/produto/a/b"])
def test_unknown_pages_are_404_in_portuguese(visitor, address):
    """A page that does not exist says so in the shop's own look."""
    page = visitor.get(address)

    assert page.status_code == 404
    assert "Não encontrado" in page.text


def test_the_style_sheet_is_served(visitor):
    """The one style sheet is there."""
    assert visitor.get("/static/site.css").headers["content-type"].startswith("text/css")


def test_health_says_that_the_shop_may_be_used(visitor):
    """Both health addresses answer 200 while the database does."""
    assert visitor.get("/health/live").status_code == 200
    assert visitor.get("/health/ready").status_code == 200


def test_a_coupon_in_the_cart(visitor, product, shop):
    """A visitor's coupon shows what it takes off, a wrong one says why it does not, and it can be taken out."""
    code = shop.promotions.save_coupon(f"P{uuid.uuid4().hex[:8]}", percent=10).code
    visitor.post("/carrinho", data={"sku": product(price=4590).variants[0].sku, "quantity": "1"})
    assert "não é um cupom" in visitor.post("/carrinho/cupom", data={"code": "NADA"}).text
    inside = visitor.post("/carrinho/cupom", data={"code": code}, follow_redirects=True).text
    assert f"Cupom {code}" in inside
    assert "R$ 41,31" in inside
    assert (
        f"Cupom {code}"
        not in visitor.post("/carrinho/cupom", data={"code": code, "action": "remove"}, follow_redirects=True).text
    )


def test_the_admin_page_opens_to_its_token(visitor, product):
    """The right token opens the figures, and is kept by no browser; signing out ends it, and the cart stays."""
    made = product(stock=2, name="Quase Acabado")
    _buy(visitor, made.variants[0].sku, method="card", token="tok_ok")
    visitor.post("/carrinho", data={"sku": made.variants[0].sku, "quantity": "1"})
    asked = visitor.get("/admin")
    before = visitor.cookies["sessao"]
    entered = visitor.post("/admin", data={"token": "admin-token"}, follow_redirects=False)
    page = visitor.get("/admin")
    inside = visitor.cookies["sessao"]
    stolen = httpx.get(visitor.base_url.join("/admin"), headers={"Cookie": f"sessao={before}"})
    visitor.post("/admin", data={"sair": "1"})
    late = httpx.get(visitor.base_url.join("/admin"), headers={"Cookie": f"sessao={inside}"})

    assert 'type="password"' in asked.text
    assert (entered.status_code, entered.headers["location"]) == (303, "/admin")
    assert all(word in entered.headers["set-cookie"] for word in ("sessao=", "HttpOnly", "SameSite=Lax"))
    assert "admin-token" not in entered.headers["set-cookie"]
    assert all('type="password"' in answer.text for answer in (stolen, late))
    assert "Quase Acabado" in visitor.get("/carrinho").text
    assert re.search(r'data-figure="orders-today">[1-9]', page.text)
    assert "Estoque baixo" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert 'type="password"' in visitor.get("/admin").text


@pytest.mark.parametrize("token", ["wrong", "", "ção", "a\nb", "☕", "%00"])
def test_wrong_admin_tokens_are_403(visitor, token):
    """Another token gets a page that says so, and no session; neither does a session's name that was made up."""
    typed = visitor.post("/admin", data={"token": token})
    forged = visitor.get("/admin", headers={"Cookie": "sessao=somebody.AAAA"})

    assert typed.status_code == 403
    assert "não é o da administração" in typed.text
    assert 'type="password"' in forged.text
    for page in (typed, forged):
        assert "set-cookie" not in page.headers


@pytest.mark.scenario("E1")
def test_requests_side_by_side_keep_what_both_write(served, product):
    """A first cart, and something else that is kept in the session while that is being made: both are there."""
    settings = Settings(database_url="sqlite://", admin_token="admin-token", cache=False)
    site = wire(served.shop, settings).site
    form = {"content-type": "application/x-www-form-urlencoded"}
    first = site.sessions.load("")
    first["seen"] = True
    cookie = {"cookie": site.sessions.save(first, secure=False).partition(";")[0]}
    body = f"sku={product().variants[0].sku}&quantity=1".encode()
    held, going_on = threading.Event(), threading.Event()

    def slowly(visit, reply, saved=site._saved):
        held.set()
        assert going_on.wait(30)
        return saved(visit, reply)

    object.__setattr__(site, "_saved", slowly)
    slow = threading.Thread(target=site.handle, args=(Request("POST", "/carrinho", "", {**form, **cookie}, body),))
    slow.start()
    assert held.wait(30)
    object.__delattr__(site, "_saved")
    session = site.sessions.load(cookie["cookie"].partition("=")[2])
    session["language"] = "pt"
    site.sessions.save(session, secure=False)
    going_on.set()
    slow.join(30)
    session = site.sessions.load(cookie["cookie"].partition("=")[2])

    assert session["language"] == "pt"
    assert session["cart"]


@pytest.mark.scenario("E1")
@pytest.mark.parametrize(("when_down", "status"), [("anonymous", 200), ("refuse", 503)])
def test_without_redis_visitors_are_anonymous_or_refused(database_url, when_down, status):
    """While Redis is away a visitor with a session sees the shop as a stranger, or 503; a stranger sees it anyway."""
    environment = {
        "MESTRES_DATABASE_URL": database_url,
        "MESTRES_REDIS_URL": "redis://127.0.0.1:1/0",
        "MESTRES_SESSION_SECRET": "a secret that is known here",
        "MESTRES_SESSION_WHEN_DOWN": when_down,
        "MESTRES_CACHE": "0",
    }
    settings = Settings.from_environment(environment)
    known = Sessions(MemorySessions(), secret="a secret that is known here", cookie="sessao")
    session = known.load("")
    session["a"] = 1
    cookie = known.save(session, secure=False).partition(";")[0]
    with open_shop(settings) as shop:
        parts = wire(shop, settings)
        with parts.caches:
            assert parts.site.handle(Request("GET", "/carrinho", "", {"cookie": cookie})).status == status
            assert parts.site.handle(Request("GET", "/carrinho")).status == 200
