"""Figures, exports and bulk changes from the outside."""

import csv
import io
import json
import subprocess
import sys

import pytest

from core_sales import fill_orders, fill_products
from mestres_core import Commerce
from mestres_core.cli import main


@pytest.fixture
def url(quick_path, fill):
    """A shop with 30 products and 100 orders."""
    address = f"sqlite:///{quick_path / 'shop.db'}"
    fill(address)
    with Commerce.open(address) as shop:
        fill_products(shop, 30)
        fill_orders(shop, 100, days=20)
    return address


@pytest.fixture
def command(url, capsysbinary):
    """`command("report", "sales")`: the exit code and what was printed."""

    def run(*words):
        code = main([*words, "--database", url])
        return code, capsysbinary.readouterr().out.decode()

    return run


def test_the_dashboard_is_json(command):
    """`mestres dashboard` prints the same figures as the API."""
    code, text = command("dashboard")

    assert code == 0
    assert json.loads(text)["sales"]["30_days"][0]["orders"] > 0


def test_a_report_in_three_formats(command):
    """A report is a table for people, CSV in minor units, or JSON; all have the same rows."""
    table, rows, whole = (command("report", "sales", "--format", kind)[1] for kind in ("table", "csv", "json"))
    lines = list(csv.DictReader(io.StringIO(rows)))
    report = json.loads(whole)

    assert [row["period"] for row in lines] == [row["period"] for row in report["rows"]]
    assert [int(row["revenue"]) for row in lines] == [row["revenue"]["amount"] for row in report["rows"]]
    assert {row["currency"] for row in lines} == {"BRL", "USD"}
    assert table.splitlines()[0].split()[0] == "orders"
    assert "total: " in table
    for kind in ("products", "customers", "inventory"):
        assert command("report", kind)[0] == 0
    assert "nothing in this period" in command("report", "sales", "--from", "2001-01-01", "--to", "2001-01-31")[1]


def test_wrong_dates_are_refused(command, capsysbinary):
    """A wrong date is one sentence on standard error and exit code 1."""
    assert main(["report", "sales", "--from", "soon", "--database", "sqlite://"]) == 1
    assert b"from" in capsysbinary.readouterr().err


def test_an_export_streams_to_standard_output_or_a_file(command, tmp_path):
    """The file has the same bytes as standard output."""
    code, text = command("export", "orders", "--format", "csv")
    assert command("export", "orders", "--output", str(tmp_path / "orders.csv")) == (0, "")

    assert code == 0
    assert len(text.splitlines()) == 101
    assert (tmp_path / "orders.csv").read_bytes().decode() == text
    assert command("export", "products", "--format", "xlsx", "--output", str(tmp_path / "p.xlsx"))[0] == 0
    assert command("export", "orders", "--output", str(tmp_path / "no" / "such"))[0] == 1


@pytest.mark.process
def test_a_reader_that_has_seen_enough_is_no_error(url):
    """`mestres export ... | head` ends quietly."""
    program = [sys.executable, "-m", "mestres_core.cli", "export", "orders", "--database", url]
    program[1:3] = ["-c", "import sys; from mestres_core.cli import main; sys.exit(main(sys.argv[1:]))"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_products_in_bulk(command, tmp_path):
    """Right rows are saved and counted, wrong ones named; a second run changes nothing."""
    file = tmp_path / "more.csv"
    file.write_text("sku,name,price\n" + "".join(f"N{i},Novo {i},{i}\n" for i in range(700)) + "X,Xis,muito\n")
    first, second = command("products", "bulk", str(file)), command("products", "bulk", str(file))

    assert first[1].splitlines() == [
        "701 rows: 700 created, 0 updated, 0 unchanged, 1 wrong",
        "  row 702: price must be a whole number",
    ]
    assert second[1].startswith("701 rows: 0 created, 0 updated, 700 unchanged, 1 wrong\n")


def test_a_file_that_is_none_is_refused(command, tmp_path):
    """A missing file, or one whose name tells no format, is one sentence and exit code 1."""
    assert command("products", "bulk", str(tmp_path / "none.csv"))[0] == 1
    assert command("products", "bulk", str(tmp_path / "what.dat"))[0] == 1
