"""The API against its own description, by somebody who knows nothing else: schemathesis."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration.http.conftest import ADMIN

pytestmark = pytest.mark.process

_ST = Path(sys.executable).with_name("st")
# "Accepts what the description allows" is not asked: that a cart is empty or a price has changed no schema can say.
_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def _examples():
    return "60" if os.environ.get("MESTRES_STRESS") == "long" else "6"


def _config(buyer, product):
    """Names of things that exist: a generator would never guess one."""
    bought = product(stock=500)
    sku = bought.variants[0].sku
    paid = buyer.buy(sku).json()["data"]["order"]
    cart = buyer.add(buyer.cart(), sku).json()["data"]["cart"]
    known = {
        "ref": [str(bought.id), bought.slug],
        "cart_id": [cart["id"]],
        "line_id": [str(cart["lines"][0]["id"])],
        "number": [paid["number"]],
        "provider": ["pix", "card"],
    }
    lists = "".join(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in known.items())
    uses = "".join(f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}\n' for name in known)
    return f"{lists}[parameters]\n{uses}"


@pytest.mark.parametrize("served", [("fastapi", "postgresql"), ("flask", "sqlite")], indirect=True, ids="-".join)
def test_nothing_that_the_description_allows_or_forbids_breaks_the_api(served, buyer, product, tmp_path):
    """Generated requests, valid and not, never get a 5xx, and every answer is one that the description names."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(_config(buyer, product))
    command = [_ST, "--config-file", config, "run", f"{served.url}/openapi.json", "--checks", _CHECKS]
    command += ["--header", f"Authorization: Bearer {ADMIN}", "--phases", "coverage,fuzzing"]
    command += ["--max-examples", _examples(), "--seed", "1", "--no-color"]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
