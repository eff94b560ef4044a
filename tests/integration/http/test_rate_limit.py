"""Too many requests."""

import httpx


def test_who_asks_too_often_is_told_how_long_to_wait(serve):
    """Past its burst a client gets 429 with Retry-After, in its language, whatever it asks for."""
    with serve(rate_limit="3/h") as url, httpx.Client(base_url=url) as client:
        assert [client.get("/api/v1/categories").status_code for _ in range(3)] == [200, 200, 200]
        refused = client.get("/api/v1/nothing", headers={"Accept-Language": "en"})

        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 1200
        assert refused.headers["Content-Type"].startswith("application/problem+json")
        assert (refused.json()["code"], refused.json()["title"]) == ("too_many_requests", "Too many requests")
        assert client.post("/api/v1/carts").status_code == 429


def test_pages_and_probes_are_not_limited(serve):
    """The limit is the API's own: the storefront, which asks the API from inside, and health checks go on."""
    with serve(rate_limit="1/h") as url, httpx.Client(base_url=url) as client:
        assert [client.get("/").status_code for _ in range(5)] == [200] * 5
        assert client.get("/health/ready").status_code == 200


def test_without_the_setting_nobody_is_limited(serve):
    """No limit is the default: the proxy in front has one."""
    with serve() as url, httpx.Client(base_url=url) as client:
        assert {client.get("/api/v1/categories").status_code for _ in range(100)} == {200}
