"""`mestres catalog import` from the outside."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pytest

from mestres_core import Commerce, CommerceError
from mestres_core.cli import catalog

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"

MAPPING = """
[key]
prefix = "t"
columns = ["id"]
[fields]
nome = { column = "name", required = true }
preco = { column = "price", kind = "number", required = true }
[product]
name = ["{nome}"]
sku = "{nome}"
[price]
field = "preco"
"""


@pytest.fixture
def command(tmp_path, quick_path, fill, capsys):
    """Runs `catalog import` on the CSV text given; gives the exit code and what was printed."""
    (tmp_path / "mapping.toml").write_text(MAPPING)
    url = f"sqlite:///{quick_path / 'shop.db'}"
    fill(url)

    def run(text, *extra, file="file.csv"):
        if text is not None:
            (tmp_path / file).write_text(text)
        top = argparse.ArgumentParser()
        catalog.add_to(top.add_subparsers(required=True))
        words = ["catalog", "import", str(tmp_path / file), "--map", str(tmp_path / "mapping.toml"), "--database", url]
        options = top.parse_args([*words, *extra])
        return options.run(options), capsys.readouterr().out

    run.folder = tmp_path
    run.url = url
    return run


def test_importing_twice_changes_nothing(command):
    """The second import of the same file finds every product unchanged."""
    text = "id,name,price\n1,A,100\n2,B,200\n3,,300\n"
    assert command(text)[1].startswith("3 rows: 2 created, 0 updated, 0 unchanged, 1 rejected\n")
    assert command(text)[1].startswith("3 rows: 0 created, 0 updated, 2 unchanged, 1 rejected\n")
    assert command(text.replace("200", "250"))[1].startswith("3 rows: 0 created, 1 updated, 1 unchanged, 1 rejected\n")


def test_rejections_do_not_fail_the_command_and_are_all_reported(command):
    """The exit code is 0 with rejections; twenty are shown and the report has every one."""
    text = "id,name,price\n" + "".join(f"{n},,1\n" for n in range(25))
    report = command.folder / "report.csv"
    code, out = command(text, "--report", str(report))
    assert code == 0
    assert "and 5 more" in out
    assert len(out.splitlines()) == 23
    rows = list(csv.DictReader(report.read_text(encoding="utf-8").splitlines()))
    assert [int(row["line"]) for row in rows] == list(range(2, 27))
    assert rows[0]["field"] == "nome"


def test_a_dry_run_touches_no_database(command):
    """--dry-run checks every row and does not even make the database."""
    code, out = command("id,name,price\n1,A,100\n", "--dry-run")
    assert (code, out) == (0, "1 rows: 1 usable, 0 rejected (dry run: nothing was saved)\n")
    assert not (command.folder / "shop.db").exists()


def test_a_sku_of_another_product_rejects_only_its_row(command):
    """What the shop itself refuses becomes a rejection with its line, and the rest of the chunk is saved."""
    with Commerce.open(command.url) as shop:
        shop.catalog.save(name="Outro", variants=[{"sku": "B", "price": 1}])
    _, out = command("id,name,price\n1,A,100\n2,B,200\n3,C,300\n")
    assert out.startswith("3 rows: 2 created, 0 updated, 0 unchanged, 1 rejected\n")
    assert "already taken: B" in out


def test_an_unusable_file_or_mapping_is_one_clear_message(command):
    """A wrong file raises the error that the command line prints with exit code 1."""
    with pytest.raises(CommerceError, match=r"no column 'name', 'price'; the mapping may use: 'id'"):
        command("id\n1\n")
    with pytest.raises(CommerceError, match="No such file"):
        command(None, file="missing.csv")


def test_the_real_lots_import_twice(command):
    """The real arabica file gives 1309 products once, and nothing new the second time."""
    path = DATA / "cqi_arabica.csv.gz"
    if not path.exists():
        pytest.skip("no ../shared/data beside the checkout")
    extra = ("--map", str(ROOT / "examples/mappings/cqi_arabica.toml"))
    (command.folder / "lots.gz").write_bytes(path.read_bytes())
    first = command(None, *extra, file="lots.gz")[1].splitlines()[0]
    second = command(None, *extra, file="lots.gz")[1].splitlines()[0]
    assert first == "1311 rows: 1309 created, 0 updated, 0 unchanged, 2 rejected"
    assert second == "1311 rows: 0 created, 0 updated, 1309 unchanged, 2 rejected"
