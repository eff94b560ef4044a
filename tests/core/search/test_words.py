"""What the rules for words know of Portuguese, on 32,000 words that were not written for them."""

import sys
from pathlib import Path

import pytest

from core_shop import TestShop
from mestres_core.rules.portuguese import stem
from mestres_core.rules.synonyms import Synonyms
from mestres_core.rules.text import fold, indexed, stems
from mestres_core.rules.typos import LONG, asked_forms, distance, kept_forms, sounding
from mestres_core.search.asking import terms

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import search_words

real_words = pytest.mark.skipif(
    not search_words.WORDS.exists(), reason=f"no {search_words.WORDS.name} beside the checkout"
)


@pytest.fixture(scope="module")
def listed() -> list[str]:
    """The words of the list."""
    return search_words.read()


@real_words
def test_plurals_meet_and_others_do_not(listed: list[str]) -> None:
    """Of the pairs that the grammar makes of real words 97 % have one stem; under 1 % of the words lose their own."""
    many, both = (search_words.pairs(listed, rule) for rule in (search_words.plurals, search_words.feminines))
    for least, found in ((0.97, many), (0.95, both)):
        apart, number = search_words.meeting(found)
        assert number > 1000
        assert len(apart) / number < 1 - least, apart
    _, lost = search_words.merged(listed, [*many, *both, *search_words.pairs(listed, search_words.cousins)])
    assert lost / len({fold(word) for word in listed}) < 0.01


@real_words
@pytest.mark.parametrize(("edits", "least"), [(1, 0.95), (2, 0.85)])
def test_mistyped_words_are_put_right(listed: list[str], edits: int, least: float) -> None:
    """With one random edit, or two in long words, the right word is among the first five."""
    vocabulary = sorted({word for word in map(fold, listed[::5]) if len(word) >= 4 and word.isalpha()})
    kept: dict[str, list[str]] = {}
    for word in vocabulary:
        for form in kept_forms(word):
            kept.setdefault(form, []).append(word)

    def find(typed: str) -> list[str]:
        near = {word for form in asked_forms(typed) for word in kept.get(form, ())}
        far = ((distance(typed, word), word) for word in near)
        return [word for _, word in sorted(each for each in far if each[0] is not None)]

    found = search_words.mistype(vocabulary, find, edits=edits, number=400, seed=5)
    assert found.tried > 300
    assert found.in_five / found.tried >= least, found.missed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("torre", "torres"),
        ("inglês", "inglesas"),
        ("país", "países"),
        ("fácil", "fáceis"),
        ("catuaí", "catuaís"),
        ("azul", "azuis"),
        ("raiz", "raízes"),
        ("irmão", "irmãs"),
        ("produtor", "produtoras"),
        ("luz", "luzes"),
        ("item", "itens"),
        ("250g", "250 g"),
        ("1kg", "1.000 gramas"),
        ("1,5 litro", "1500ml"),
        ("meio quilo", "500 g"),
        ("1.200 m", "1200 m"),
    ],
)
def test_the_same_thing_has_the_same_stems(one: str, other: str) -> None:
    """Number, gender and the writing of quantities do not count."""
    assert stems(one) == stems(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("casa", "caso"),
        ("saco", "saca"),
        ("torra", "torre"),
        ("mão", "mães"),
        ("mesa", "mês"),
        ("aço", "ação"),
        ("1 kg", "1 g"),
        ("100 ml", "100 g"),
    ],
)
def test_different_things_keep_different_stems(one: str, other: str) -> None:
    """What looks alike and is something else stays apart."""
    assert stems(one) != stems(other)


def test_units_are_found_alone() -> None:
    """A product of 1 kg is found by "quilo" too; a stem of a stem is the same."""
    assert {"1000g", stem("quilo")} <= set(indexed("Café 1 kg"))
    assert stems("kg") == stems("quilos")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("chicara", "xicara"), ("aseito", "aceito"), ("familha", "familia"), ("kafé", "cafe")],
)
def test_words_that_sound_alike_are_near(typed: str, meant: str) -> None:
    """Letters that stand for one sound in Portuguese are no mistake of their own."""
    assert sounding(fold(typed)) == sounding(meant)
    assert distance(fold(typed), meant) is not None
    assert asked_forms(fold(typed)) & kept_forms(meant)


def test_two_edits_are_forgiven_in_long_words_only() -> None:
    """Eight letters allow two edits, seven one."""
    assert distance("cppuccno", "cappuccino") is not None
    assert distance("caranelno", "caramelo") is not None
    assert len("caramel") < LONG
    assert distance("caranek", "caramel") is None


def test_a_plural_of_a_known_word_is_known(shop: TestShop) -> None:
    """What the catalogue has in another number is no mistake; the likeliest spelling comes first."""
    shop.product("A", name="Torrefação Caramelo", description="Xícara. Bote. Pote.")
    for right in ("torrefações", "caramelos", "xicaras"):
        assert shop.search.spellings(right) == (), right
    assert shop.search.spellings("chicara") == ("xicara",)
    assert shop.search.spellings("torefasao") == ("torrefacao",)
    assert shop.search.products("chicaras").corrected == "xicara"


def test_synonyms_are_asked_for(shop: TestShop) -> None:
    """What means the same finds the same, phrases too; a shop's own groups take the place of ours."""
    shop.product("A", name="Espresso forte")
    shop.product("B", name="Prensa francesa")
    assert [card.sku for card in shop.search.products("expresso").items] == ["A"]
    assert [card.sku for card in shop.search.products("french press").items] == ["B"]
    own = Synonyms([("cafeteira de êmbolo", "prensa"), ("jarra para leite", "leiteira")])
    assert terms("uma cafeteira de êmbolo", own)[0].others == ((stem("prensa"),),)
    for typed in ("jarra para leite", "jarra de leite", "jarra leite"):  # what says nothing counts in neither
        assert terms(typed, own)[0].others == ((stem("leiteira"),),)


def test_what_is_said_of_a_country_is_its_name(shop: TestShop) -> None:
    """Coffee is asked for by its country in many ways, in any number and gender, and written together."""
    for sku, country in (("ET", "Etiópia"), ("CR", "Costa Rica"), ("KE", "Quênia"), ("BA", "Bahia")):
        shop.product(sku, name=f"Café {country}")
    asked = {
        "etíopes": "ET",
        "ethiopia": "ET",
        "costarriquenho": "CR",
        "costarica": "CR",
        "kenya": "KE",
        "baianas": "BA",
    }
    found = {words: [card.sku for card in shop.search.products(words).items] for words in asked}
    assert found == {words: [sku] for words, sku in asked.items()}
