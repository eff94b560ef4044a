"""Jobs: done once, in whatever order workers live and die; bulk changes and exports."""

import csv
import io
import json
import threading
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core_sales import fill_orders, fill_products
from mestres_core import Commerce
from mestres_core.admin import bulk, exports, formats
from mestres_core.errors import CommerceError, NotFound, ValidationError
from mestres_core.jobs import service as jobs_service
from mestres_core.orders.models import order

_HEADER = "sku,name,category,price,stock,description,attributes.Torra\n"


def rows(first, last):
    return "".join(f"B{i},Café {i},Grãos > Micro,{100 + i},7,,Média\n" for i in range(first, last))


def done(shop, job):
    while shop.jobs.run():
        pass
    return shop.jobs.get(job.id)


def found(job):
    return [(each.row, each.error.field, each.error.reason) for each in job.errors]


def export(shop, kind, format_="csv"):
    job = done(shop, shop.jobs.export(kind, format=format_))
    assert job.status == "done"
    return b"".join(shop.jobs.result(job.id).chunks)


def test_right_rows_are_saved_and_wrong_ones_reported(shop):
    """Each wrong row is named with its line, field and reason; all the others are saved."""
    lines = (
        "B1,Café,Grãos > Micro,4590,7,Bom,Média",
        *("B2,,Grãos,1,,,", "B3,Café,,4.5,,,", "B4,Café,,5,-1,,", ",x,,1,,,", "B5,a", "B6,Fim,,6,,,"),
    )
    text = _HEADER + "\n".join(lines)
    job = shop.jobs.bulk(text.encode(), format="csv")
    assert (job.status, job.done, job.total) == ("queued", 0, 7)
    job = done(shop, job)

    assert (job.status, job.done, job.total, job.error_count) == ("done", 7, 7, 5)
    assert found(job) == [
        (3, "name", "required"),
        (4, "price", "not_integer"),
        (5, "stock", "too_small"),
        (6, "sku", "required"),
        (7, "row", "invalid"),
    ]
    saved = shop.catalog.get("cafe")
    assert (saved.card.price.amount, saved.card.category.name, saved.attributes) == (4590, "Micro", {"Torra": "Média"})
    assert {card.name for card in shop.catalog.list().items} == {"Café", "Fim"}
    assert shop.available("B1") == 7


@pytest.mark.parametrize("format_", ["ndjson", "json"])
def test_objects_are_what_the_catalogue_saves(shop, format_):
    """NDJSON and JSON take objects as catalog.save does, and flat ones."""
    objects = [
        {"name": "Dois", "key": "two", "variants": [{"sku": "D1", "price": 1}, {"sku": "D2", "price": 2, "stock": 3}]},
        {"sku": "F1", "name": "Um", "price": 5, "attributes": {"Torra": "Clara"}},
        {"name": "Nada", "variants": []},
        {"name": "Sem preço", "variants": [{"sku": "N1"}]},
        {"name": "Estranho", "sku": "E1", "price": 1, "colour": "red"},
        [1],
    ]
    text = "\n".join(map(json.dumps, objects)) if format_ == "ndjson" else json.dumps(objects)
    job = done(shop, shop.jobs.bulk(text.encode(), format=format_))

    assert found(job) == [
        (3, "variants", "required"),
        (4, "variants[0].price", "required"),
        (5, "colour", "unexpected"),
        (6, "row", "not_mapping"),
    ]
    assert [v.sku for v in shop.catalog.get("dois").variants] == ["D1", "D2"]


def test_saving_again_changes_nothing(shop):
    """The same file a second time announces no change and moves no stock."""
    body = (_HEADER + rows(0, 30)).encode()
    done(shop, shop.jobs.bulk(body, format="csv"))
    before = shop.outbox()
    job = done(shop, shop.jobs.bulk(body, format="csv"))

    assert (job.status, job.error_count) == ("done", 0)
    assert shop.outbox() == before


def test_a_flat_row_changes_the_product_of_its_sku(shop):
    """A row without a key changes the product that has its SKU, and never drops its other variants."""
    shop.product("P1", price=100, key="own-key")
    shop.catalog.save(name="Dois", variants=[{"sku": "T1", "price": 1}, {"sku": "T2", "price": 2}])
    text = "sku,name,price\nP1,Café P1,250\nT1,Dois,9\n"
    job = done(shop, shop.jobs.bulk(text.encode(), format="csv"))

    assert found(job) == [(3, "sku", "invalid")]
    assert shop.catalog.get("cafe-p1").card.price.amount == 250
    assert [v.price.amount for v in shop.catalog.get("dois").variants] == [1, 2]


def test_the_later_row_has_the_last_word(shop):
    """Of two rows for one SKU the later one stays."""
    done(shop, shop.jobs.bulk(b"sku,name,price\nA,Um,1\nB,Dois,2\nA,Um,3\n", format="csv"))

    assert shop.catalog.get("um").card.price.amount == 3


@pytest.mark.parametrize(
    ("body", "format_"),
    [
        (b"", "csv"),
        (b"sku,name,price\n", "csv"),
        (b"name,price\nx,1\n", "csv"),
        (b"sku,name,price,colour\nA,x,1,red\n", "csv"),
        (b"sku,sku,name,price\nA,A,x,1\n", "csv"),
        (b"sku,name,price\n\xff,x,1\n", "csv"),
        (b"{", "json"),
        (b"[" * 100_000, "json"),
        (b'{"a": 1}', "json"),
        (b"[NaN]", "json"),
        (b"\n\n", "ndjson"),
    ],
    ids=range(11),
)
def test_unusable_files_are_refused_at_once(sqlite_shop, body, format_):
    """What is no such file as a whole never becomes a job."""
    with pytest.raises(ValidationError):
        sqlite_shop.jobs.bulk(body, format=format_)


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\x00", "\ud800", "A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = (
    "key slug name category description attributes images featured active currency sku price stock variant".split()
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*_FIELDS, "variants", "\x00odd�"), _anything)),
    st.booleans(),
)
def test_no_row_is_unexpected(fields, named):
    """Whatever a row holds, it is a product or a ValidationError."""
    given_ = {"name": "x", "sku": "A", "price": 1} | fields if named else fields
    with suppress(ValidationError):
        bulk.to_draft(bulk.Row(1, given_))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=120), st.sampled_from(["csv", "ndjson", "json"]))
def test_no_file_is_unexpected(body, format_):
    """Whatever bytes a file holds, they are rows or a ValidationError."""
    with suppress(ValidationError):
        assert all(row.number > 0 for row in bulk.read_rows(bulk.lines_of(body), format_))


def test_errors_are_kept_up_to_a_bound(shop):
    """A thousand errors are kept; the count goes on."""
    text = "sku,name,price\n" + ",x,1\n" * 1200
    job = done(shop, shop.jobs.bulk(text.encode(), format="csv"))

    assert (len(job.errors), job.error_count, job.done) == (1000, 1200, 1200)


def test_a_dead_workers_job_goes_on_where_it_was(shop, monkeypatch):
    """A worker dies between two chunks: after its lease another one saves the rest, and nothing twice."""
    monkeypatch.setattr(bulk, "CHUNK", 10)
    job = shop.jobs.bulk((_HEADER + rows(0, 35) + ",x,,1,,,\n").encode(), format="csv")
    real, calls = bulk.save_rows, []

    def dies(services, chunk):
        calls.append(len(chunk))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(services, chunk)

    monkeypatch.setattr(bulk, "save_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        shop.jobs.run()
    stopped = shop.jobs.get(job.id)
    assert (stopped.status, stopped.done) == ("running", 20)
    assert shop.jobs.run() == 0  # its lease still holds
    shop.clock.advance(seconds=61)
    ended = done(shop, job)

    assert (ended.status, ended.done, ended.error_count) == ("done", 36, 1)
    assert calls == [10, 10, 10, 10, 6]
    assert len(shop.outbox()) == 35


def test_a_worker_that_lost_its_lease_writes_nothing(shop):
    """A worker that slept through its lease finds the job taken, and changes neither job nor products."""
    job = shop.jobs.bulk((_HEADER + rows(0, 20)).encode(), format="csv")
    claimed = shop.run(shop.jobs._claim)
    shop.clock.advance(seconds=61)
    ended = done(shop, job)
    shop.catalog.save(name="Café 0", key="B0", variants=[{"sku": "B0", "price": 999}])  # what it would undo
    before = shop.outbox()
    shop.jobs._do(claimed)

    assert shop.jobs.get(job.id) == ended
    assert shop.outbox() == before


def test_a_job_that_kills_workers_fails_in_the_end(shop, monkeypatch, caplog):
    """After five workers that died of it, a job is given up; one that raises fails at once."""
    job = shop.jobs.export("orders")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exports, "count", dies)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            shop.jobs.run()
        shop.clock.advance(seconds=61)
    assert done(shop, job).status == "failed"
    monkeypatch.setattr(exports, "count", lambda *_: 1 / 0)
    assert done(shop, shop.jobs.export("orders")).status == "failed"
    assert "ZeroDivisionError" in caplog.text


def test_many_workers_do_each_job_once(shop):
    """Six workers at once: every job is taken by one of them."""
    jobs = [shop.jobs.bulk((_HEADER + rows(i * 5, i * 5 + 5)).encode(), format="csv") for i in range(12)]
    taken, errors = [], []

    def work():
        try:
            while shop.jobs.run():
                taken.append(1)
        except CommerceError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(taken) == 12
    assert {shop.jobs.get(job.id).status for job in jobs} == {"done"}
    assert shop.catalog.list(per_page=1).total == 60


def test_exports_have_every_row_once(shop, monkeypatch):
    """Each kind has one row for each thing, in each format alike, however the pages fall."""
    fill_products(shop.core, 60)
    fill_orders(shop.core, 130)
    for kind, number in (("products", 60), ("inventory", 60), ("orders", 130), ("customers", 50)):
        lines = list(csv.DictReader(io.StringIO(export(shop, kind).decode())))
        objects = [json.loads(line) for line in export(shop, kind, "ndjson").decode().splitlines()]
        sheet = zipfile.ZipFile(io.BytesIO(export(shop, kind, "xlsx"))).read("xl/worksheets/sheet1.xml").decode()
        with shop.snapshot() as services:
            small = [row for page in exports.pages(services, kind, size=7) for row in page]

        assert len(lines) == len(objects) == len(small) == number
        assert len({json.dumps(each) for each in objects}) == number
        assert sheet.count("<row ") == number + 1
        assert tuple(lines[0]) == tuple(objects[0]) == exports.columns(kind)
    grand = shop.sql("SELECT SUM(grand_amount) FROM mc_order")[0][0]
    orders = csv.DictReader(io.StringIO(export(shop, "orders").decode()))
    assert sum(int(row["grand"]) for row in orders) == grand


def _order_rows(shop):
    """The rows of an export of orders, from the tables as they are and with the values as Python writes them."""
    amounts = [order.c[f"{name}_amount"] for name in ("items", "discount", "shipping", "tax", "grand")]
    states = [order.c.status, order.c.payment_status, order.c.fulfillment_status, order.c.currency]
    query = select(order.c.customer, order.c.address, order.c.shipping_method, order.c.number, order.c.created_at)
    with shop.engine.connect() as connection:
        for person, place, method, number, moment, *rest in connection.execute(
            query.add_columns(*states, *amounts).order_by(order.c.id)
        ):
            told = (person["name"], person["email"], place["city"], place["state"], method)
            yield number, moment.isoformat().replace("+00:00", "Z"), *rest, *told


def test_an_export_of_orders_is_what_the_tables_say(shop):
    """Byte for byte: moments with a fraction and without, names of many kinds, formulas among them."""
    shop.product(stock=20)
    names = ('Ana "Aninha", Souza', "=1+1", "José\r\nda Silva", "-Ana", "Ана 🌱", "\tAna", "a'b\\c;d|e")
    moments = (0, 0.5, 0.000001, 0.00001, 59.499999, 0.5, 86_400 * 200)
    shop.clock.advance(seconds=-shop.clock.now().microsecond / 1_000_000)
    for name, seconds in zip(names, moments, strict=True):
        shop.clock.advance(seconds=seconds)
        number = shop.buy().order.number
        with shop.engine.begin() as connection:
            person = {"name": name, "email": "ana@example.com"}
            connection.execute(update(order).where(order.c.number == number).values(customer=person))
    file = io.StringIO(newline="")
    rows = [exports.columns("orders"), *_order_rows(shop)]
    csv.writer(file).writerows([formats.safe_cell(value) for value in row] for row in rows)
    objects = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    assert export(shop, "orders").decode() == file.getvalue()
    assert [json.loads(line) for line in export(shop, "orders", "ndjson").decode().splitlines()] == objects
    assert {len(row[1]) for row in rows[1:]} == {len("2026-03-01T00:00:00Z"), len("2026-03-01T00:00:00.000001Z")}


def test_moments_of_an_export_are_in_utc_whatever_the_database_says(postgres_shop):
    """A zone that somebody gave the database changes nothing."""
    postgres_shop.product()
    postgres_shop.buy()
    before = export(postgres_shop, "orders")
    with postgres_shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.engine.url.database
        connection.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET timezone TO 'America/Sao_Paulo'")
    postgres_shop.engine.dispose()

    assert postgres_shop.sql("SHOW timezone") == [("America/Sao_Paulo",)]
    assert export(postgres_shop, "orders") == before


def test_exported_products_can_be_brought_in_again(shop):
    """An export of products is a bulk file that changes nothing; a changed price changes that product."""
    shop.product("=HYPERLINK", name="@Café", price=700)
    body = export(shop, "products")
    before = shop.outbox()
    job = done(shop, shop.jobs.bulk(body, format="csv"))
    assert (job.error_count, job.done) == (0, 1)
    assert shop.catalog.list().items[0].sku == "=HYPERLINK"
    done(shop, shop.jobs.bulk(body.replace(b"700", b"800"), format="csv"))
    assert shop.catalog.list().items[0].price.amount == 800
    assert len(shop.outbox()) > len(before)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    """What a spreadsheet would calculate is text in CSV and in XLSX; numbers stay numbers, even negative ones."""
    made = b"".join(formats.choose("csv").stream(["a", "b"], [[(text, -5)]])).decode()
    sheet = b"".join(formats.choose("xlsx").stream(["a", "b"], [[(text, -5)]]))
    xml = zipfile.ZipFile(io.BytesIO(sheet)).read("xl/worksheets/sheet1.xml").decode()

    assert next(iter(csv.reader(io.StringIO(made.split("\n", 1)[1], newline="")))) == [f"'{text}", "-5"]
    assert "<f>" not in xml
    assert "<v>-5</v>" in xml


def test_a_result_is_the_same_each_time(shop):
    """A finished export gives the same bytes again, though the shop has changed; its size is known before."""
    fill_products(shop.core, 20)
    job = done(shop, shop.jobs.export("products"))
    first = shop.jobs.result(job.id)
    data = b"".join(first.chunks)
    shop.product("NEW")

    assert len(data) == first.size == job.result_size
    assert b"".join(shop.jobs.result(job.id).chunks) == data


def test_results_are_deleted_after_a_week(shop):
    """A job that ended a week ago is gone, with its file."""
    job = done(shop, shop.jobs.export("products"))
    shop.clock.advance(days=8)
    shop.jobs.run()

    with pytest.raises(NotFound):
        shop.jobs.get(job.id)
    assert shop.sql("SELECT COUNT(*) FROM mc_job_part")[0][0] == 0


def test_memory_does_not_grow_with_the_rows(sqlite_shop):
    """Ten times the rows take no more memory to export, whatever the format."""

    def peak(format_, pages_):
        page = [(f"text {i}", i) for i in range(500)]
        tracemalloc.start()
        size = sum(len(each) for each in formats.choose(format_).stream(["a", "b"], (page for _ in range(pages_))))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    for format_ in ("csv", "ndjson", "xlsx"):
        peak(format_, 1)
        (small, little), (large, much) = peak(format_, 4), peak(format_, 40)
        assert large > 5 * small
        assert much < 2 * little + 300_000
    fill_products(sqlite_shop.core, 50)
    with sqlite_shop.snapshot() as services:
        assert [len(page) for page in exports.pages(services, "products", size=20)] == [20, 20, 10]


def test_bulk_is_quick(shop):
    """Rows are saved many at a time: one statement for ten of them at most, so ten thousand take seconds."""
    job = shop.jobs.bulk((_HEADER + rows(0, 1000)).encode(), format="csv")
    with shop.statements() as executed:
        job = done(shop, job)

    assert (job.done, job.error_count) == (1000, 0)
    assert len(executed) <= 100


@pytest.mark.parametrize(("kind", "format_", "field"), [("coupons", "csv", "kind"), ("orders", "pdf", "format")])
def test_unknown_exports_are_refused(sqlite_shop, kind, format_, field):
    """An unknown kind or format is named, with those that there are."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.jobs.export(kind, format=format_)
    assert caught.value.errors[0].field == field


def test_unknown_jobs_are_not_found(sqlite_shop):
    """There is no job of a guessed name, and no result before there is one."""
    for name in ("nothing", "a\0b", "\ud800", 5):
        with pytest.raises(NotFound):
            sqlite_shop.jobs.get(name)
    with pytest.raises(NotFound):
        sqlite_shop.jobs.result(sqlite_shop.jobs.export("orders").id)


def _stock(data):
    return sum(int(row["on_hand"]) for row in csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.scenario("C28")
@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_an_export_is_of_one_moment(shop, monkeypatch, format_):
    """Pieces that move between the first row and the last one while an export is made are counted once."""
    fill_products(shop.core, 60)
    before, first, last = shop.sql("SELECT SUM(on_hand), MIN(sku), MAX(sku) FROM mc_stock_level")[0]
    real, moved = exports.pages, []

    def pages(services, kind):
        for page in real(services, kind, size=7):
            yield page
            with shop.transaction() as writing:
                writing.inventory.receive(first, quantity=5)
                writing.inventory.set(last, on_hand=shop.core.inventory.level(last).on_hand + 3)
            shop.product(f"NEW{len(moved)}", stock=1)
            moved.append(8)

    monkeypatch.setattr(exports, "pages", pages)
    data = export(shop, "inventory", format_)
    rows = [json.loads(line) for line in data.decode().splitlines()] if format_ == "ndjson" else None
    found = _stock(data) if rows is None else sum(row["on_hand"] for row in rows)
    now = shop.sql("SELECT SUM(on_hand) FROM mc_stock_level")[0][0]

    assert len(moved) == 9
    assert (found, now) == (before, before + 9 * 9)


@pytest.mark.scenario("C28")
def test_an_export_whose_worker_died_is_made_again(shop, monkeypatch):
    """The next worker makes the whole file, again of one moment; nothing is left of the first attempt."""
    fill_products(shop.core, 30)
    job = shop.jobs.export("inventory")
    real = exports.pages

    def dies(services, kind):
        yield next(real(services, kind, size=5))
        raise KeyboardInterrupt

    monkeypatch.setattr(exports, "pages", dies)
    with pytest.raises(KeyboardInterrupt):
        shop.jobs.run()
    monkeypatch.undo()
    shop.clock.advance(seconds=61)
    job = done(shop, job)
    data = b"".join(shop.jobs.result(job.id).chunks)

    assert (job.status, job.done, job.total, len(data)) == ("done", 30, 30, job.result_size)
    assert len(list(csv.DictReader(io.StringIO(data.decode())))) == 30
    assert _stock(data) == shop.sql("SELECT SUM(on_hand) FROM mc_stock_level")[0][0]


@pytest.mark.scenario("C28")
def test_a_broken_download_goes_on(sqlite_shop, monkeypatch):
    """From any byte on, the rest of the file is what was missing; an offset beyond its end is refused."""
    monkeypatch.setattr(jobs_service, "_PART", 100)
    fill_products(sqlite_shop.core, 12)
    job = done(sqlite_shop, sqlite_shop.jobs.export("inventory"))
    whole = b"".join(sqlite_shop.jobs.result(job.id).chunks)

    for offset in (0, 1, 99, 100, 101, len(whole) - 1, len(whole)):
        rest = sqlite_shop.jobs.result(job.id, offset=offset)
        assert (b"".join(rest.chunks), rest.size) == (whole[offset:], len(whole))
    for wrong in (-1, len(whole) + 1, "5", None):
        with pytest.raises(ValidationError, match="offset"):
            sqlite_shop.jobs.result(job.id, offset=wrong)


def test_a_shop_in_memory_has_exports_too():
    """One connection for all: the snapshot is over before the file is stored."""
    with Commerce.open("sqlite://") as memory:
        fill_products(memory, 5)
        job = memory.jobs.export("inventory")
        assert memory.jobs.run() == 1
        assert memory.jobs.get(job.id).done == 5


def test_reads_of_a_snapshot_agree(shop):
    """All reads of a snapshot see the shop as it was at the first one, though others go on writing."""
    shop.product("A1", price=100, stock=7)
    with shop.snapshot() as then:
        first = then.catalog.list()
        shop.product("B1")
        shop.pricing.set_price("A1", amount=900)
        shop.inventory.receive("A1", quantity=3)
        assert (then.catalog.list(), then.inventory.level("A1").on_hand) == (first, 7)
        assert then.orders.list(count=True).total == 0
    assert [card.sku for card in shop.catalog.list()] == ["B1", "A1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, -2], [1, -2]),
        (["a", "=b", ""], ["a", "'=b", ""]),
        ([None, "-1", 5], [None, "'-1", 5]),
        ([True, False], ["true", "false"]),
        (['a "b"', "c,d", "e\r\nf", "+,"], ['a "b"', "c,d", "e\r\nf", "'+,"]),
        ([datetime(2026, 1, 2, 3, 4, 5, 6, UTC)] * 2, ["2026-01-02T03:04:05.000006Z"] * 2),
        ([1.5, Decimal("2.50"), date(2026, 1, 2)], [1.5, Decimal("2.50"), "2026-01-02"]),
    ],
    ids=range(7),
)
def test_columns_are_written_as_cells_are(values, expected):
    """A column at once gives the bytes that the standard library's writer makes of its cells, each made safe."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("x", "y"), *((formats.safe_cell(value), 7) for value in values)])
    pages = [[(value, 7) for value in values]]

    assert [formats.safe_cell(value) for value in values] == expected
    assert b"".join(formats.choose("csv").stream(["x", "y"], pages)).decode() == file.getvalue()
