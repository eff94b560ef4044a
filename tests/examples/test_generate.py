"""Generated catalogues and baskets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import islice

from mestres_core.catalog.drafts import check_drafts
from mestres_core.checkout.inputs import read_address, read_customer
from mestres_examples.catalogue import load
from mestres_examples.generate import baskets, cpf, products

DIGEST = """
import hashlib
from mestres_examples.generate import baskets, products
drafts = list(products(500))
skus = [v.sku for d in drafts for v in d.variants]
print(hashlib.sha256(repr((drafts, list(baskets(500, skus)))).encode()).hexdigest())
"""
SKUS = [f"S{n}" for n in range(100)]


def digest(seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True).stdout


def test_two_processes_generate_the_same():
    """The first 500 drafts and baskets are the same in processes that hash strings differently."""
    assert digest("1") == digest("2")


def test_more_products_begin_with_the_fewer():
    """Asking for more products adds to the end and changes none before it; the catalogue comes first."""
    assert list(products(400)) == list(islice(products(900), 400))
    assert tuple(products(len(load()))) == load()
    assert len(list(products(5))) == 5


def test_another_seed_gives_other_products():
    """The seed decides what is generated."""
    assert list(products(400, seed=1)) != list(products(400, seed=2))


def test_the_shop_takes_what_is_generated():
    """Generated products pass the catalogue's checks, keys and SKUs unique and slugs different."""
    drafts = list(products(3000))
    check_drafts(drafts)
    assert len({d.slug for d in drafts}) == 3000


def test_the_checkout_takes_the_baskets():
    """Customers and addresses pass the checkout's own checks; lines are one to five different known SKUs."""
    for basket in baskets(500, SKUS):
        read_customer({"name": basket.name, "email": basket.email, "document": basket.document})
        address = {name: getattr(basket.address, name) for name in basket.address.__slots__}
        read_address({"name": basket.name, **address})
        skus = [line.sku for line in basket.lines]
        assert 1 <= len(set(skus)) == len(skus) <= 5
        assert set(skus) <= set(SKUS)
        assert all(line.quantity >= 1 for line in basket.lines)
        assert basket.payment_token in {"tok_ok", "tok_declined"}


def test_popularity_is_skewed():
    """The tenth of the SKUs that stands first makes more than a third of all lines."""
    lines = Counter(line.sku for basket in baskets(2000, SKUS) for line in basket.lines)
    assert sum(lines[sku] for sku in SKUS[:10]) > sum(lines.values()) / 3


def test_no_skus_give_no_baskets():
    """Without anything to buy there are no orders."""
    assert list(baskets(5, [])) == []


def test_a_cpf_never_repeats_one_digit():
    """Bases of nine equal digits are avoided, since their CPFs are never issued."""
    assert len(set(cpf(111_111_111))) > 1
    assert cpf(111_444_777) == "11144477735"
