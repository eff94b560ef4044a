"""Looking around: the front page, the list, one product, the search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mestres_core.contrib.http import Document, Reply, render
from mestres_examples.pages.client import Refused, part
from mestres_examples.pages.visit import Visit

_MOST_COUNTED = 10_000  # the API counts no further
_PER_PAGE = 24
_FACETS = 5
_FACET_VALUES = 6
_PRICE = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?")


def home(visit: Visit) -> Reply:
    """The featured products, and where to go from here."""

    def load() -> Document:
        cards = visit.api.shop.catalog.featured(limit=8)
        return Document.of({"products": [render.card(card) for card in cards]})

    document, _ = visit.api.reads.fetch("featured", ("catalog",), load)
    return visit.page("home.html", products=document.data()["products"], categories=_categories(visit))


def products(visit: Visit) -> Reply:
    """The list, narrowed by what the form says."""
    return _list(visit, "products.html", search="")


def offline(visit: Visit) -> Reply:
    """What a browser that has been here shows when it cannot reach the shop."""
    return visit.page("offline.html")


def search(visit: Visit) -> Reply:
    """The list of what matches the words."""
    words = visit.request.parameters().get("q", "").strip()
    if not words:
        return visit.redirect("/produtos")
    return _list(visit, "search.html", search=words)


def product(visit: Visit) -> Reply:
    """One product and its variants."""
    found = visit.client.get(f"/api/v1/products/{part(visit.parts['slug'])}")["data"]["product"]
    return visit.page("product.html", product=found, chosen=_first_available(found))


def _list(visit: Visit, template: str, search: str) -> Reply:
    given = visit.request.parameters()
    chosen = {
        "category": given.get("category", ""),
        "sort": given.get("sort", ""),
        "min_price": given.get("min_price", ""),
        "max_price": given.get("max_price", ""),
        "in_stock": given.get("in_stock", ""),
        **{name: value for name, value in given.items() if name.startswith("attr.")},
    }
    asked = {
        **chosen,
        "min_price": _minor(chosen["min_price"]),
        "max_price": _minor(chosen["max_price"]),
        "search": search,
        "page": given.get("page", "1"),
        "per_page": _PER_PAGE,
    }
    status, notice = 200, ""
    try:
        answer = visit.client.get("/api/v1/products", asked)
    except Refused as refused:
        status, notice = refused.status, refused.detail
        answer = {"data": {"products": []}, "meta": {"page": 1, "total": 0, "next_cursor": None}}
    meta = answer["meta"]
    return visit.page(
        template,
        status,
        products=answer["data"]["products"],
        facets=_telling(answer["data"].get("facets", {}), chosen),
        categories=_categories(visit),
        chosen=chosen,
        search=search,
        notice=notice,
        page=meta["page"],
        pages=max(1, -(-(_MOST_COUNTED if meta["total"] is None else meta["total"]) // _PER_PAGE)),
        total=meta["total"],
        corrected=meta.get("corrected"),
        relaxed=meta.get("relaxed"),
        instead=answer["data"].get("instead", []),
        instead_by=meta.get("instead_by"),
    )


def _telling(facets: Mapping[str, list[dict[str, Any]]], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The few facets that divide the result best, those already chosen first: many products to each value."""

    def rank(name: str) -> tuple[bool, float]:
        return f"attr.{name}" in chosen, sum(one["count"] for one in facets[name]) / len(facets[name])

    # The category has a field of its own.
    named = sorted((name for name in facets if facets[name] and name != "category"), key=rank, reverse=True)
    return {name: facets[name][:_FACET_VALUES] for name in named[:_FACETS]}


def _categories(visit: Visit) -> Any:
    return visit.client.get("/api/v1/categories")["data"]["categories"]


def _first_available(product: dict[str, Any]) -> str | None:
    return next((variant["sku"] for variant in product["variants"] if variant["available"] > 0), None)


def _minor(text: str) -> int | str:
    """What was typed as reais, in cents. What is no price goes on as it is, so that the API says what is wrong."""
    found = _PRICE.fullmatch(text.strip().removeprefix("R$").strip())
    return text if found is None else int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
