"""Products, categories and search: everything that may be read through a cache."""

from __future__ import annotations

from typing import Any

from mestres_core.catalog.dto import Page, ProductCard
from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call, Read
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.schemas import LARGEST, ProductsQuery, SuggestQuery, is_storable
from mestres_core.errors import NotFound

_DIGITS_OF_LARGEST = 19


def products(call: Call) -> Reply:
    """A page of products; with `search` the ones that match, and facets."""
    query: ProductsQuery = call.query
    tag = "search" if query.search else "catalog"
    return call.cached(f"products:{query.model_dump_json()}", (tag,), lambda: _products(call, query))


def product(call: Call) -> Reply:
    """One product with its variants."""
    reference = _reference(call.params["ref"])
    if isinstance(reference, int):
        return call.cached(*_product(call, reference))
    # A document is kept under its product's id, because that is what a change names. A slug stays with its product for
    # good, so the id that it led to once is the id that it leads to.
    known = call.slugs.get(reference)
    if known is None:
        known = call.shop.catalog.get(reference).id
        call.slugs.learn(reference, known)
    return call.cached(*_product(call, known))


def categories(call: Call) -> Reply:
    """The whole tree."""

    def load() -> Document:
        return Document.of({"categories": [render.category(one) for one in call.shop.catalog.categories()]})

    return call.cached("categories", ("catalog",), load)


def suggest(call: Call) -> Reply:
    """Completions of what has been typed."""
    query: SuggestQuery = call.query

    def load() -> Document:
        found = call.shop.search.suggest(query.q, limit=query.limit) if query.q else ()
        return Document.of({"suggestions": [render.suggestion(one) for one in found]})

    return call.cached(f"suggest:{query.model_dump_json()}", ("search",), load)


def _products(call: Call, query: ProductsQuery) -> Document:
    page: Page[ProductCard]
    data: dict[str, Any]
    filters: dict[str, Any] = {
        "category": query.category,
        "page": query.page,
        "per_page": query.per_page,
        "cursor": query.cursor,
        "min_price": query.min_price,
        "max_price": query.max_price,
        "in_stock": query.in_stock,
        "attributes": query.attributes or None,
    }
    if query.search:
        page = call.shop.search.products(
            query.search, sort=query.sort or "relevance", highlight=bool(query.highlight), **filters
        )
        data = {
            "products": [render.card(card) for card in page.items],
            "facets": render.facets(page.facets),
            "instead": [render.card(card) for card in page.instead],
        }
        if query.highlight:
            data["highlights"] = render.highlights(page.highlights)
    else:
        sort = "newest" if query.sort in (None, "relevance") else query.sort
        page = call.shop.catalog.list(sort=sort, **filters)
        data = {"products": [render.card(card) for card in page.items]}
    meta: dict[str, Any] = {
        "page": page.page,
        "per_page": page.per_page,
        "total": page.total,
        "next_cursor": page.next_cursor,
    }
    if query.search:
        meta |= {"corrected": page.corrected, "relaxed": page.relaxed, "instead_by": page.instead_by}
    return Document.of(data, meta)


def _product(call: Call, product_id: int) -> Read:
    def load() -> Document:
        return Document.of({"product": render.product(call.shop.catalog.get(product_id))})

    return f"product:{product_id}", (f"product:{product_id}",), load


def _reference(text: str) -> int | str:
    """An id or a slug. What can be neither names no product."""
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) <= _DIGITS_OF_LARGEST else LARGEST + 1
        if number > LARGEST:
            raise NotFound("product", text)
        return number
    if not is_storable(text):
        raise NotFound("product", text)
    return text
