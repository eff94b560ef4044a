"""Reviews: what is said of a product, and what the shop's own people let be shown."""

from __future__ import annotations

from mestres_core.catalog.dto import Page
from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.handlers.catalog import product_id
from mestres_core.contrib.http.handlers.customers import number_of
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.schemas import PendingQuery, Rejection, ReviewsQuery
from mestres_core.reviews.dto import Review


def of_product(call: Call) -> Reply:
    """The approved reviews of a product, and how many stars it has."""
    query: ReviewsQuery = call.query
    of = product_id(call)
    page = call.shop.reviews.of_product(of, **query.model_dump())
    data = {
        "reviews": [render.review(each) for each in page.items],
        "summary": render.rating_summary(call.shop.reviews.summary(of)),
    }
    return Document.of(data, _meta(page)).reply()


def pending(call: Call) -> Reply:
    """The reviews that wait for the shop, oldest first."""
    query: PendingQuery = call.query
    page = call.shop.reviews.pending(per_page=query.per_page, cursor=query.cursor)
    return Document.of({"reviews": [render.moderated_review(each) for each in page.items]}, _meta(page)).reply()


def approve(call: Call) -> Reply:
    """The review is shown, whatever became of it before."""
    return _moderated(call.shop.reviews.approve(number_of(call, "review_id", "review")))


def reject(call: Call) -> Reply:
    """The review is not shown, or not any more."""
    body: Rejection = call.body
    return _moderated(call.shop.reviews.reject(number_of(call, "review_id", "review"), reason=body.reason))


def _moderated(review: Review) -> Reply:
    return Document.of({"review": render.moderated_review(review)}).reply()


def _meta(page: Page[Review]) -> dict[str, object]:
    return {"page": page.page, "per_page": page.per_page, "total": page.total, "next_cursor": page.next_cursor}
