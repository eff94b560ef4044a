"""Proving the index and making it anew."""

import threading

import pytest
from sqlalchemy import delete, text, update

from core_shop import TestShop
from mestres_core.catalog.models import category, form, product, stem, word
from mestres_core.cli import main
from mestres_examples import catalogue


def _skus(shop: TestShop, query: str) -> list[str]:
    return [card.sku for card in shop.search.products(query).items]


def _change(shop: TestShop, statement: object) -> None:
    with shop.transaction() as tx:
        tx.outbox.session.execute(statement)


@pytest.fixture
def full(shop: TestShop) -> TestShop:
    shop.product("A", name="Café Caramelo", category="Grãos", attributes={"Torra": "Clara"}, description="Doce.")
    shop.product("B", name="Moedor manual", category="Moedores")
    return shop


def test_what_is_saved_is_indexed_right(full: TestShop) -> None:
    """Also what is saved again with other texts, and the whole demo catalogue."""
    assert full.search.check().clean
    full.catalog.save(name="Café Doce", key="A", variants=[{"sku": "A", "price": 1}, {"sku": "A2", "price": 2}])
    full.catalog.save_many(list(catalogue.load())[:150])
    seen: list[tuple[int, int]] = []
    report = full.search.check(progress=lambda done, total: seen.append((done, total)))
    assert report.clean, report
    assert seen[-1] == (report.products, report.products)


def test_a_changed_text_is_noticed_and_put_right(full: TestShop) -> None:
    """A product that was changed past the shop, a renamed category, a lost word."""
    _change(full, update(product).where(product.c.name == "Moedor manual").values(name="Triturador"))
    _change(full, update(category).where(category.c.name == "Grãos").values(name="Sementes"))
    _change(full, delete(form).where(form.c.word == "clara"))
    _change(full, delete(word).where(word.c.word == "clara"))
    _change(full, delete(stem).where(stem.c.stem == "caramelo"))
    report = full.search.check()
    assert (len(report.stale), report.clean) == (2, False)
    assert {"clara", "caramelo"} <= set(report.missing_words)
    assert _skus(full, "cara") == []
    seen: list[tuple[int, int]] = []
    assert full.search.rebuild(progress=lambda done, total: seen.append((done, total))) == 2
    assert seen == [(2, 2)]
    assert full.search.check().clean
    assert (_skus(full, "triturador"), _skus(full, "semente"), _skus(full, "clarra")) == (["B"], ["A"], ["A"])
    assert _skus(full, "cara") == ["A"]
    assert full.search.rebuild() == 0


def test_words_that_no_product_has_any_more_go(full: TestShop) -> None:
    """A mistyped word is put right by what can be found; how many have a word is counted anew."""
    for _ in range(3):
        full.catalog.save(name="Café Doce", key="A", variants=[{"sku": "A", "price": 1}], description=str(_))
    assert full.search.spellings("caramlo") == ("caramelo",)
    full.search.rebuild()
    assert full.search.spellings("caramlo") == ()
    rows = full.read(lambda s: s.outbox.session.execute(word.select()).all())
    assert {row.word: row.products for row in rows}["cafe"] == 1
    assert full.search.spellings("moedro") == ("moedor",)


def test_what_is_saved_during_a_rebuild_is_not_lost(full: TestShop) -> None:
    """Words that come while it counts stay, wherever it was."""

    def save(done: int, total: int) -> None:
        full.catalog.save(name="Abacaxi maduro", key="A", variants=[{"sku": "A", "price": 1}])

    full.search.rebuild(progress=save)
    assert full.search.spellings("abacaxxi") == ("abacaxi",)
    assert (_skus(full, "abacaxi"), full.search.check().clean) == (["A"], True)


def test_it_can_be_searched_during_a_rebuild(full: TestShop) -> None:
    """No transaction is open between two chunks: others read and write."""
    answers: list[list[str]] = []

    def ask(done: int, total: int) -> None:
        thread = threading.Thread(target=lambda: answers.append(_skus(full, "caramelo")))
        thread.start()
        thread.join()

    full.search.rebuild(progress=ask)
    assert answers == [["A"]]


def test_in_a_transaction_all_of_it_is_taken_back(full: TestShop) -> None:
    """In a host's transaction the rebuild is part of it."""
    _change(full, update(product).where(product.c.name == "Moedor manual").values(name="Triturador"))
    with pytest.raises(ZeroDivisionError), full.transaction() as tx:
        assert tx.search.rebuild() == 1
        raise ZeroDivisionError
    assert len(full.search.check().stale) == 1


def test_a_damaged_full_text_index_is_noticed(sqlite_shop: TestShop) -> None:
    """On SQLite the index is a table of its own; a rebuild makes it agree again."""
    sqlite_shop.product("A", name="Café Caramelo")
    _change(sqlite_shop, text("INSERT INTO mc_search_document (mc_search_document) VALUES ('delete-all')"))
    assert _skus(sqlite_shop, "caramelo") == []
    report = sqlite_shop.search.check()
    assert (report.document_index, report.clean) == (False, False)
    sqlite_shop.search.rebuild()
    assert (sqlite_shop.search.check().clean, _skus(sqlite_shop, "caramelo")) == (True, ["A"])


def test_the_command_line(full: TestShop, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`mestres search check` fails for a wrong index, `rebuild` puts it right, `log` shows what was asked."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["search", *arguments, "--database", database_url])
        return code, capsys.readouterr().out

    assert run("check") == (0, "2 products: the index is right\n")
    _change(full, update(product).where(product.c.name == "Moedor manual").values(name="Triturador"))
    code, out = run("check")
    assert (code, "NOT right" in out, "triturador" in out) == (1, True, True)
    assert run("rebuild") == (0, "1 products were indexed anew\n")
    assert run("check")[0] == 0
    full.search.products("xilofone")
    full.search.flush()
    code, out = run("log", "--without-results")
    assert (code, out.splitlines()[1].split()) == (0, ["1", "1", "xilofone"])


def test_a_category_is_found_by_its_new_name_and_place(full: TestShop) -> None:
    """Once the outbox is delivered, its products and those of what is below it are; nothing else is touched."""
    full.product("C", name="Especial", category=["Grãos", "Microlotes"])
    while full.relay():
        pass
    full.categories.rename("graos", name="Sementes")
    while full.relay():
        pass
    assert (sorted(_skus(full, "semente")), full.search.check().clean) == (["A", "C"], True)
    full.categories.move("microlotes", parent="moedores")
    while full.relay():
        pass
    assert (_skus(full, "semente"), full.search.check().clean) == (["A"], True)
    full.categories.remove("microlotes", move_products_to="graos")
    assert (sorted(_skus(full, "semente")), full.search.check().clean) == (["A", "C"], True)


def test_an_attribute_that_is_set_is_found_at_once(full: TestShop) -> None:
    """In the transaction that sets it."""
    number = full.search.products("caramelo").items[0].id
    full.attributes.set(number, {"Torra": "Escura", "Processo": "Natural"})
    assert (_skus(full, "natural"), _skus(full, "clara"), full.search.check().clean) == (["A"], [], True)
