"""The ten lines that README promises are ten lines, and all that there is to type."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mestres_core
from docs.pages import READMES, ROOT, blocks


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_ten_lines_embed_a_shop(page, tmp_path):
    """The first block of the page is ten lines that run by themselves in an empty folder: a cart, then none."""
    code = next(blocks(page, "python")).code
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=_bare(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert len([line for line in code.splitlines() if line.strip()]) == 10
    assert "session.rollback()" in code
    assert (run.stderr, run.returncode) == ("", 0)
    assert run.stdout.splitlines() == ["9180", "None"]
    assert {file.name for file in tmp_path.iterdir()} <= {"app.py", "shop.db", "shop.db-shm", "shop.db-wal"}


_VISITS = """
import django

django.setup()
from django.core.management import call_command
from django.test import Client
from kiosk.shop import shop

call_command("migrate", verbosity=0)
shop().catalog.save(name="Café", variants=[{"sku": "CAFE", "price": 4590, "stock": 1}])
browser = Client()
ana, eve = ({"name": name, "email": f"{name}@x.com"} for name in ("ana", "eve"))
user = browser.post("/join", ana | {"code": "cafe"}).json()["user"]
print(shop().customers.of_reference(f"user:{user}").email)
print(browser.post("/join", eve).status_code, [each.email for each in shop().customers.list().items])
print(browser.post("/add/CAFE", {"user": user}).json()["total"])
refused = browser.post("/add/CAFE", {"user": user})
print(refused.status_code, refused["Content-Type"], refused.json()["code"])
print(shop().carts.of_owner(f"user:{user}").lines[0].quantity)
shop().close()
"""


def test_a_django_project_has_the_shop_beside_its_own_tables(tmp_path):
    """The files of the page, typed into an empty folder, are a project: a user of Django's is the shop's after the
    commit and never after a rollback, and a view takes several calls into one transaction."""
    (tmp_path / "kiosk").mkdir()
    for block in blocks(ROOT / "docs" / "embedding.md", "python"):
        first = block.code.partition("\n")[0].removeprefix("# ")
        if first.startswith("kiosk/"):
            (tmp_path / first).write_text(block.code, encoding="utf-8")
    environment = _bare() | {"DJANGO_SETTINGS_MODULE": "kiosk.settings"}
    environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), environment["PYTHONPATH"]))
    run = subprocess.run(
        [sys.executable, "-c", _VISITS],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "ana@x.com",
        "403 ['ana@x.com']",
        "4590",
        "409 application/problem+json insufficient_stock",
        "1",
    ]


def _bare():
    """An environment in which there is nothing but the package under test."""
    system = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return system | {"PYTHONPATH": str(Path(mestres_core.__file__).parents[1]), "PYTHONUTF8": "1"}
