"""The table of everything the API answers. Frameworks register from it, and the OpenAPI document is built from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from mestres_core.admin.bulk import MEDIA_TYPES
from mestres_core.admin.formats import FORMATS
from mestres_core.contrib.http import schemas
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.handlers import admin, carts, catalog, checkout, orders
from mestres_core.contrib.http.messages import Reply

PREFIXES: Final = ("/api/v1", "/admin/api/v1")

# A shared cache may keep the catalogue, but asks every time whether it still holds: a 304 costs one tag comparison,
# and nobody sees a price that is no longer true.
_PUBLIC: Final = "public, no-cache"
_PRIVATE: Final = "private, no-cache"


def pattern_of(template: str) -> re.Pattern[str]:
    """A path template as a pattern: `{name}` stands for one part of the path."""
    parts = re.split(r"\{(\w+)\}", template)
    names = (f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile("".join(names), re.DOTALL)


@dataclass(frozen=True)
class Route:
    """One method of one path.

    `success` and `answer` describe its normal reply, `uploads` and `downloads` the media types of bodies that are
    files, `also` other statuses that carry the same answer, `problems` the refusals it may give.
    """

    method: str
    template: str
    handler: Callable[[Call], Reply]
    answer: str
    success: int = 200
    query: type[schemas.Query] | None = None
    body: type[schemas.Body] | None = None
    auth: Literal["none", "order", "user", "admin", "signature"] = "none"
    cache: str = "no-store"
    headers: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    uploads: tuple[str, ...] = ()
    downloads: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the paths of this route look like."""
        return pattern_of(self.template)


def find(routes: Iterable[Route], path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
    """The routes of a path by method, and the path's variable parts."""
    by_method: dict[str, Route] = {}
    params: dict[str, str] = {}
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found is not None:
            by_method[route.method] = route
            params = found.groupdict()
    return by_method, params


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/api/v1/products",
        catalog.products,
        answer="Products",
        query=schemas.ProductsQuery,
        cache=_PUBLIC,
        problems=(404, 422),
    ),
    Route("GET", "/api/v1/products/{ref}", catalog.product, answer="Product", cache=_PUBLIC, problems=(404,)),
    Route("GET", "/api/v1/categories", catalog.categories, answer="Categories", cache=_PUBLIC),
    Route(
        "GET",
        "/api/v1/search/suggest",
        catalog.suggest,
        answer="Suggestions",
        query=schemas.SuggestQuery,
        cache=_PUBLIC,
        problems=(422,),
    ),
    Route(
        "POST",
        "/api/v1/carts",
        carts.create,
        answer="Cart",
        success=201,
        body=schemas.NewCart,
        problems=(413, 415, 422),
    ),
    Route("GET", "/api/v1/carts/{cart_id}", carts.get, answer="Cart", cache=_PRIVATE, problems=(404,)),
    Route(
        "POST",
        "/api/v1/carts/{cart_id}/lines",
        carts.add_line,
        answer="Cart",
        body=schemas.NewLine,
        problems=(404, 409, 413, 415, 422),
    ),
    Route(
        "PATCH",
        "/api/v1/carts/{cart_id}/lines/{line_id}",
        carts.change_line,
        answer="Cart",
        body=schemas.LineChange,
        problems=(404, 409, 413, 415, 422),
    ),
    Route("DELETE", "/api/v1/carts/{cart_id}/lines/{line_id}", carts.remove_line, answer="Cart", problems=(404, 409)),
    Route(
        "POST",
        "/api/v1/carts/{cart_id}/coupons",
        carts.add_coupon,
        answer="Cart",
        body=schemas.NewCoupon,
        problems=(404, 409, 413, 415, 422),
    ),
    Route("DELETE", "/api/v1/carts/{cart_id}/coupons/{code}", carts.remove_coupon, answer="Cart", problems=(404, 409)),
    Route(
        "POST",
        "/api/v1/carts/{cart_id}/quote",
        checkout.quote,
        answer="Quote",
        body=schemas.QuoteRequest,
        problems=(404, 409, 413, 415, 422),
    ),
    Route(
        "POST",
        "/api/v1/carts/{cart_id}/checkout",
        checkout.place,
        answer="PlacedOrder",
        success=201,
        body=schemas.CheckoutRequest,
        headers=("Idempotency-Key",),
        problems=(402, 404, 409, 413, 415, 422),
    ),
    Route(
        "GET",
        "/api/v1/orders/{number}",
        checkout.read,
        answer="Order",
        auth="order",
        cache=_PRIVATE,
        problems=(401, 403, 404),
    ),
    Route(
        "GET",
        "/api/v1/users/{user_id}/orders",
        orders.of_user,
        answer="Orders",
        query=schemas.PageQuery,
        auth="user",
        cache=_PRIVATE,
        problems=(401, 403, 404, 422),
    ),
    Route(
        "POST",
        "/api/v1/payments/{provider}/events",
        checkout.receive,
        answer="Received",
        auth="signature",
        problems=(401, 404, 413, 422),
    ),
    *(
        Route(
            "POST",
            f"/admin/api/v1/orders/{{number}}/{action.__name__}",
            action,
            answer="Order",
            auth="admin",
            problems=(401, 403, 404, 409, 413, 503),
        )
        for action in (orders.cancel, orders.capture, orders.fulfill)
    ),
    Route(
        "POST",
        "/admin/api/v1/orders/{number}/refund",
        orders.refund,
        answer="RefundedOrder",
        also=(202,),
        body=schemas.RefundRequest,
        auth="admin",
        problems=(401, 403, 404, 409, 413, 415, 422),
    ),
    Route("GET", "/admin/api/v1/dashboard", admin.dashboard, answer="Dashboard", auth="admin", problems=(401, 403)),
    *(
        Route(
            "GET",
            f"/admin/api/v1/reports/{report.__name__}",
            report,
            answer="Report",
            query=schemas.ReportQuery,
            auth="admin",
            problems=(401, 403, 422),
        )
        for report in (admin.sales, admin.products, admin.customers, admin.inventory)
    ),
    Route(
        "POST",
        "/admin/api/v1/products/bulk",
        admin.bulk,
        answer="Job",
        success=202,
        uploads=tuple(MEDIA_TYPES),
        auth="admin",
        problems=(401, 403, 413, 415, 422),
    ),
    Route(
        "POST",
        "/admin/api/v1/exports",
        admin.export,
        answer="Job",
        success=202,
        body=schemas.ExportRequest,
        auth="admin",
        problems=(401, 403, 413, 415, 422),
    ),
    Route("GET", "/admin/api/v1/jobs/{job_id}", admin.job, answer="Job", auth="admin", problems=(401, 403, 404)),
    Route(
        "GET",
        "/admin/api/v1/jobs/{job_id}/result",
        admin.result,
        answer="File",
        downloads=tuple(each.media_type.partition(";")[0] for each in FORMATS.values()),
        auth="admin",
        problems=(401, 403, 404),
    ),
)
