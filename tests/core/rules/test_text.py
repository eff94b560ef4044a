"""Portuguese made comparable."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.text import fold, slug, stem, stems, words


@pytest.mark.parametrize(
    ("left", "right"), [("cafe", "Café"), ("cafe", "CAFÉ"), ("moido", "Moído"), ("graos", "grãos"), ("acao", "ação")]
)
def test_accents_and_capitals_do_not_count(left: str, right: str) -> None:
    """A word folds to the same letters however it is written."""
    assert left == fold(right)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("café", "cafés"),
        ("grão", "grãos"),
        ("especial", "especiais"),
        ("papel", "papéis"),
        ("funil", "funis"),
        ("torrefação", "torrefações"),
        ("embalagem", "embalagens"),
        ("cápsula", "cápsulas"),
        ("blend", "blends"),
        ("coador", "coadores"),
        ("pão", "pães"),
        ("moedor", "moedores"),
        ("moído", "moída"),
    ],
)
def test_plural_and_gender_do_not_count(one: str, many: str) -> None:
    """A word and its plural or feminine have one stem."""
    assert stems(one) == stems(many)


@pytest.mark.parametrize(("one", "other"), [("cafeteira", "café"), ("moca", "mocha"), ("torra", "torrefação")])
def test_different_words_stay_different(one: str, other: str) -> None:
    """Words that only look alike keep different stems."""
    assert stems(one) != stems(other)


def test_short_words_and_numbers_keep_their_ends() -> None:
    """Words below four letters, and numbers, are left alone."""
    assert ["gas", "mes", "250", "2000"] == [stem(word) for word in ("gas", "mes", "250", "2000")]


@given(st.text())
def test_folding_is_done_once(text: str) -> None:
    """Folding what is folded changes nothing; words hold only small letters and digits."""
    assert fold(text) == fold(fold(text))
    assert all(re.fullmatch("[a-z0-9]+", word) for word in words(text))


@given(st.text())
def test_a_slug_fits_an_address(text: str) -> None:
    """A slug is never empty, and is its own slug."""
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug(text))
    assert slug(text) == slug(slug(text))


def test_compatibility_letters_are_letters() -> None:
    """Signs that stand for letters fold to small letters too."""
    assert ["cafetm", "tel", "no", "5"] == words("Café™ ℡ № ⁵")


def test_a_slug_reads_like_the_name() -> None:
    """Words with hyphens between them; a name without any is `item`."""
    assert "cafe-cerrado-250-g" == slug("Café Cerrado 250 g")
    assert "item" == slug("☕")
