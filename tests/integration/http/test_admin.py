"""The administrator's API: who may, figures, bulk changes, jobs, exports."""

import csv
import io
import json
import time

import httpx
import pytest

from integration.http.buying import money, problem
from mestres_core.contrib.http import Reply

_MIB = 1024 * 1024
_READS = (
    "/admin/api/v1/dashboard",
    *(f"/admin/api/v1/reports/{kind}" for kind in ("sales", "products", "customers", "inventory")),
    "/admin/api/v1/jobs/x",
    "/admin/api/v1/jobs/x/result",
)
_WRITES = ("/admin/api/v1/products/bulk", "/admin/api/v1/exports")


@pytest.fixture
def admin(served):
    """The administrator's client."""
    headers = {"Authorization": "Bearer admin-token", "Accept-Language": "en"}
    with httpx.Client(base_url=served.url, timeout=30, headers=headers) as client:
        yield client


@pytest.fixture
def finish(shop, admin):
    """Let a worker do what was accepted; gives the job as it ended."""

    def finish(accepted):
        assert accepted.status_code == 202, accepted.text
        shop.jobs.run(limit=100)
        job = admin.get(accepted.headers["location"]).json()["data"]["job"]
        assert job["id"] == accepted.json()["data"]["job"]["id"]
        return job

    return finish


def test_only_the_administrator_may(http):
    """Without a token 401, with another one 403, whatever else is wrong with the request; nothing is stored."""
    other = {"Authorization": "Bearer other"}
    for method, address in (*(("GET", read) for read in _READS), *(("POST", write) for write in _WRITES)):
        anonymous = http.request(method, f"{address}?from=x", content=b"{" if method == "POST" else None)

        problem(anonymous, 401, "unauthorized")
        problem(http.request(method, address, headers=other), 403, "forbidden")
        assert anonymous.headers["cache-control"] == "no-store"
        assert "bearer" in anonymous.headers["www-authenticate"].lower()


def test_the_dashboard_counts_a_purchase(admin, buyer, product):
    """A paid order is on the dashboard at once, which no cache may keep."""
    before = admin.get("/admin/api/v1/dashboard").json()["data"]["dashboard"]
    order = buyer.buy(product(stock=4).variants[0].sku).json()["data"]["order"]
    response = admin.get("/admin/api/v1/dashboard")
    after = response.json()["data"]["dashboard"]
    earned = after["sales"]["today"][0]["revenue"]["amount"] - before["sales"]["today"][0]["revenue"]["amount"]

    assert response.headers["cache-control"] == "no-store"
    assert money(earned) == order["totals"]["grand"]
    assert after["latest_orders"][0]["number"] == order["number"]
    assert set(after["sales"]) == {"today", "7_days", "30_days"}


def test_reports_have_rows_and_totals(admin, buyer, product):
    """Each report names its period and grouping; the total of the sales is the sum of their rows."""
    buyer.buy(product().variants[0].sku)
    for kind, group in (("sales", "month"), ("products", "category"), ("customers", "customer"), ("inventory", "sku")):
        response = admin.get(f"/admin/api/v1/reports/{kind}?from=2026-01-01&to=2035-12-31&group_by={group}")
        report = response.json()["data"]["report"]

        assert (report["kind"], report["from"], report["to"]) == (kind, "2026-01-01", "2035-12-31")
        assert report["group_by"] == group
        assert report["rows"]
    sales = admin.get("/admin/api/v1/reports/sales?from=2026-01-01&to=2035-12-31").json()["data"]["report"]
    assert sum(row["revenue"]["amount"] for row in sales["rows"]) == sales["totals"][0]["revenue"]["amount"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("from=2026-02-01&to=2026-01-01", "to"),
        ("group_by=hour", "group_by"),
        ("from=%00", "from"),
        ("from=" + "9" * 5000, "from"),
    ],
)
def test_wrong_queries_are_422(admin, query, field):
    """A wrong date or grouping is named by its parameter."""
    document = problem(admin.get(f"/admin/api/v1/reports/sales?{query}"), 422, "validation_error")

    assert [error["field"] for error in document["errors"]] == [field]


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_products_in_bulk(admin, finish, shop, kind):
    """Right rows become products, wrong ones are named in the job, in the language of whoever asks."""
    name = f"Lote {kind} {time.monotonic_ns()}"
    objects = [
        {"sku": f"BULK-{name}", "name": name, "price": 4590, "stock": 3},
        {"sku": "Z", "name": "z", "price": "x"},
    ]
    media_type, body = {
        "csv": ("text/csv; charset=utf-8", f"sku,name,price,stock\nBULK-{name},{name},4590,3\nZ,z,x,\n"),
        "ndjson": ("application/x-ndjson", "\n".join(map(json.dumps, objects))),
        "json": ("application/json", json.dumps({"products": objects})),
    }[kind]
    accepted = admin.post("/admin/api/v1/products/bulk", content=body, headers={"Content-Type": media_type})
    job = finish(accepted)
    row = 3 if kind == "csv" else 2
    found = admin.get("/api/v1/products", params={"search": name}).json()["data"]["products"]
    portuguese = admin.get(accepted.headers["location"], headers={"Accept-Language": "pt-BR"})

    assert (job["status"], job["done"], job["total"], job["error_count"]) == ("done", 2, 2, 1)
    assert job["errors"] == [{"row": row, "field": "price", "message": "must be a whole number"}]
    assert portuguese.json()["data"]["job"]["errors"][0]["message"] == "deve ser um número inteiro"
    assert [(each["name"], each["price"]) for each in found] == [(name, money(4590))]


def test_bulk_bodies_have_limits(admin):
    """Over 1 MiB 413, of another media type 415, unusable as a whole 422."""
    address = "/admin/api/v1/products/bulk"

    def post(body, media_type="text/csv"):
        return admin.post(address, content=body, headers={"Content-Type": media_type})

    problem(post(b"sku,name,price\n" + b"x" * _MIB), 413, "body_too_large")
    problem(post(b"x", "application/xml"), 415, "unsupported_media_type")
    for body in (b"", b"\xff", b"a,b\n1,2\n"):
        problem(post(body), 422, "validation_error")
    problem(post(b"[" * 99999, "application/json"), 422, "validation_error")


@pytest.mark.parametrize("kind", ["csv", "ndjson", "xlsx"])
def test_an_export_is_a_file(admin, finish, product, kind):
    """The job leads to the file, with its type, name and length; HEAD tells them without it."""
    made = product(name='=Café; "perigoso"')
    waiting = admin.post("/admin/api/v1/exports", json={"kind": "products", "format": kind})
    assert waiting.json()["data"]["job"]["result_url"] is None
    problem(admin.get(f"{waiting.headers['location']}/result"), 404, "not_found")
    job = finish(waiting)
    file, head = admin.get(job["result_url"]), admin.head(job["result_url"])

    assert job["done"] == job["total"] > 0
    assert file.headers["content-disposition"].endswith(f'.{kind}"')
    assert {"csv": "text/csv", "ndjson": "x-ndjson", "xlsx": "spreadsheetml"}[kind] in file.headers["content-type"]
    assert file.headers["cache-control"] == "no-store"
    assert (head.status_code, head.content) == (200, b"")
    assert int(file.headers["content-length"]) == int(head.headers["content-length"]) == len(file.content)
    if kind == "csv":
        rows = {row["sku"]: row for row in csv.DictReader(io.StringIO(file.text))}
        assert rows[made.variants[0].sku]["name"] == '\'=Café; "perigoso"'
    if kind == "xlsx":
        assert file.content[:2] == b"PK"
    if kind == "ndjson":
        size = len(file.content)
        for asked, status, body in (
            ("bytes=0-", 206, file.content),
            ("bytes=100-", 206, file.content[100:]),
            (f"bytes={size - 1}-", 206, file.content[-1:]),
            (f"bytes={size}-", 416, b""),
            ("bytes=0-5", 200, file.content),  # what is not said to go on is answered with the whole
            ("lines=1-", 200, file.content),
        ):
            part = admin.get(job["result_url"], headers={"Range": asked})
            assert (part.status_code, part.content) == (status, body)
            if status == 206:
                assert part.headers["content-range"] == f"bytes {size - len(body)}-{size - 1}/{size}"
                assert int(part.headers["content-length"]) == len(body)


@pytest.mark.parametrize(
    ("body", "field"), [({"kind": "secrets"}, "kind"), ({"kind": "orders", "format": "pdf"}, "format"), ({}, "kind")]
)
def test_unknown_exports_are_422(admin, body, field):
    """A wrong kind or format is named."""
    document = problem(admin.post("/admin/api/v1/exports", json=body), 422, "validation_error")

    assert [error["field"] for error in document["errors"]] == [field]


def test_unknown_jobs_are_404(admin):
    """A job that is none is not found, whatever its name."""
    for name in ("nothing", "a%00b", "%ed%a0%80", "9" * 500):
        problem(admin.get(f"/admin/api/v1/jobs/{name}"), 404, "not_found")
        problem(admin.get(f"/admin/api/v1/jobs/{name}/result"), 404, "not_found")


def test_a_stream_is_closed_when_its_reader_goes(admin, monkeypatch):
    """Chunks are sent as they are made; who leaves in the middle ends their making."""
    made, closed = [], []

    def chunks():
        try:
            while True:
                made.append(1)
                yield b"x" * 65536
        finally:
            closed.append(1)

    class Result:
        filename, media_type, size = "endless.csv", "text/csv", 2**40

        def __init__(self):
            self.chunks = chunks()

    monkeypatch.setattr("mestres_core.jobs.service.Jobs.result", lambda _self, _id, **_named: Result())
    assert admin.head("/admin/api/v1/jobs/x/result").headers["content-length"] == str(2**40)
    assert made == []
    with admin.stream("GET", "/admin/api/v1/jobs/x/result") as response:
        assert next(response.iter_raw(1000)) == b"x" * 1000
    deadline = time.monotonic() + 10
    while not closed and time.monotonic() < deadline:
        time.sleep(0.02)

    assert closed == [1]
    assert len(made) < 10_000


def test_headers_do_not_end_a_stream():
    """Headers added to a streaming reply keep its chunks."""
    chunks = iter([b"a"])

    assert Reply(200, chunks=chunks).with_headers(("A", "b")).chunks is chunks
