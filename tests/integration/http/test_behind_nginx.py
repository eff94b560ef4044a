"""The example apps behind the nginx of the operations kit."""

import httpx
import pytest

from integration.http.buying import Buyer
from mestres_perf.assets import FILES, Settings
from servers.nginx import nginx_program, running_nginx
from servers.process import Unavailable


@pytest.fixture
def front(served, require_part):
    """A client that speaks to the app through nginx."""
    try:
        nginx_program()
    except Unavailable as missing:
        require_part(False, str(missing))

    def configure(folder, port):
        upstream = served.url.removeprefix("http://")
        return FILES["nginx.conf"](Settings(upstreams=[upstream], port=port, pages="app", run_folder=str(folder)))

    with running_nginx(configure) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/produtos", "/static/site.css", "/health/live", "/metrics", "/api/v1/products"])
def test_everything_is_reached(front, path):
    """Pages, files, API, health and metrics of the app are all there through nginx."""
    answer = front.get(path)

    assert answer.status_code == 200
    assert answer.headers.get_list("X-Frame-Options") == ["DENY"]


def test_a_purchase(front, product):
    """A purchase through nginx is a purchase."""
    bought = Buyer(front).buy(product().variants[0].sku, quantity=2)

    assert bought.status_code == 201, bought.text


def test_forms_come_from_the_same_place(front, product):
    """A form sent from a page that nginx has passed on is not taken for a stranger's."""
    form = {"sku": product().variants[0].sku, "quantity": "1"}
    origin = str(front.base_url).rstrip("/")

    assert front.post("/carrinho", data=form, headers={"Origin": origin}).status_code == 303
    assert front.post("/carrinho", data=form, headers={"Origin": "http://elsewhere.example"}).status_code == 403


def test_compressed_answers_are_revalidated(front):
    """What nginx has compressed can still be asked for again by its ETag, and is then not sent again."""
    first = front.get("/api/v1/products")
    again = front.get("/api/v1/products", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["ETag"].startswith("W/") or "Content-Encoding" not in first.headers
    assert again.status_code == 304
