"""Showing where the words are."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_shop import TestShop
from mestres_core.rules.highlighting import LONGEST_SNIPPET, marked, snippet, spans
from mestres_core.rules.text import stems


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("Cafés do Cerrado", "café", "<mark>Cafés</mark> do Cerrado"),
        ("Torra MÉDIA & clara", "medios", "Torra <mark>MÉDIA</mark> &amp; clara"),
        ("Pacote de 1 kg.", "1000g", "Pacote de <mark>1 kg</mark>."),
        ("<b>café</b>", "cafe", "&lt;b&gt;<mark>café</mark>&lt;/b&gt;"),
        ("Cafe\u0301 bom", "cafe", "<mark>Cafe\u0301</mark> bom"),
        ("Straße ﬁno", "strasse", "<mark>Straße</mark> ﬁno"),
        ("nada disso", "café", "nada disso"),
    ],
)
def test_what_was_found_is_marked(text: str, query: str, shown: str) -> None:
    """As it is written, whatever its accents, number and gender are; the rest is escaped."""
    assert marked(text, spans(text, stems(query))) == shown


def test_a_beginning_marks_the_whole_word() -> None:
    """What begins so was found by it."""
    assert marked("Cafeteira azul", spans("Cafeteira azul", [], ["caf"])) == "<mark>Cafeteira</mark> azul"


def test_a_snippet_is_around_the_first_place() -> None:
    """It is short, ends between words and says where it was cut."""
    text = f"{'antes ' * 60}moinho {'depois ' * 60}"
    shown = snippet(text, spans(text, ["moinho"]))
    assert "<mark>moinho</mark>" in shown
    assert shown.startswith("… antes ")
    assert shown.endswith("depois …")
    assert len(re.sub("</?mark>", "", shown)) <= LONGEST_SNIPPET + 6


@given(st.text(max_size=400), st.text(max_size=5))
def test_nothing_is_lost_or_let_through(text: str, query: str) -> None:
    """Without its marks, the HTML is the text; of a snippet, a piece of it."""
    where = spans(text, stems(query), ["a"])
    assert html.unescape(re.sub("</?mark>", "", marked(text, where))) == html.unescape(html.escape(text))
    piece = snippet(text, where).removeprefix("… ").removesuffix(" …")
    assert html.unescape(re.sub("</?mark>", "", piece)) in html.unescape(html.escape(text))


def test_a_page_has_highlights_when_they_are_asked_for(shop: TestShop) -> None:
    """By the number of the product, also for what was put right."""
    shop.product("A", name="Café Caramelo", description="Doce como <caramelo>.")
    assert shop.search.products("caramelo").highlights == {}
    page = shop.search.products("caramleo", highlight=True)
    found = page.highlights[page.items[0].id]
    assert found.name == "Café <mark>Caramelo</mark>"
    assert found.snippet == "Doce como &lt;<mark>caramelo</mark>&gt;."
    assert shop.search.products("xilofone", highlight=True).highlights == {}
