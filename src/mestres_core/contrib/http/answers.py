"""The shapes of the API's answers, as JSON Schema for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_YES_NO: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer"}}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _extended(base: str, **properties: Schema) -> Schema:
    return {"allOf": [_ref(base), _object(**properties)]}


def _answer(meta: Schema | None = None, /, **data: Schema) -> Schema:
    return _object(data=_object(**data), meta=meta or {"type": "object"})


_FACETS: Schema = {"type": "object", "additionalProperties": _list(_object(value=_TEXT, count=_WHOLE))}
_PAGE = _object(page=_WHOLE, per_page=_WHOLE, total=_or_null(_WHOLE), next_cursor=_or_null(_TEXT))
_PRODUCTS = _answer(_PAGE, products=_list(_ref("ProductCard")))
_PRODUCTS["properties"]["data"]["properties"] |= {
    "facets": _FACETS,
    "instead": _list(_ref("ProductCard")),
    "highlights": {"type": "object", "additionalProperties": _object(name=_TEXT, snippet=_TEXT)},
}
_PAGE["properties"] |= {"corrected": _or_null(_TEXT), "relaxed": _YES_NO, "instead_by": _or_null(_TEXT)}

_NOUNS: dict[str, Schema] = {
    "Money": _object(amount={"type": "integer", "description": "Minor units"}, currency=_TEXT, formatted=_TEXT),
    "CategoryRef": _object(id=_WHOLE, slug=_TEXT, name=_TEXT),
    "Category": _object(id=_WHOLE, slug=_TEXT, name=_TEXT, children=_list(_ref("Category"))),
    "ProductCard": _object(
        id=_WHOLE,
        slug=_TEXT,
        sku=_TEXT,
        name=_TEXT,
        price=_ref("Money"),
        category=_or_null(_ref("CategoryRef")),
        image=_or_null(_TEXT),
        in_stock=_YES_NO,
        rating=_or_null({"type": "number"}),
    ),
    "Variant": _object(
        id=_WHOLE,
        sku=_TEXT,
        name=_TEXT,
        price=_ref("Money"),
        available={"type": "integer", "description": "Pieces that can be bought now"},
    ),
    "Product": _extended(
        "ProductCard",
        description=_TEXT,
        attributes=_TEXTS,
        variants=_list(_ref("Variant")),
        images=_list(_object(url=_TEXT, alt=_TEXT)),
    ),
    "Suggestion": _object(text=_TEXT, kind={"enum": ["product", "category", "query"]}, id={}),
    "Line": _object(id=_WHOLE, sku=_TEXT, name=_TEXT, quantity=_WHOLE, unit_price=_ref("Money"), total=_ref("Money")),
    "Totals": _object(**dict.fromkeys(("items", "discount", "shipping", "tax", "grand"), _ref("Money"))),
    "Cart": _object(
        id=_TEXT,
        currency=_TEXT,
        version=_WHOLE,
        status=_TEXT,
        lines=_list(_ref("Line")),
        coupons=_list(_object(code=_TEXT, discount=_ref("Money"), reason=_or_null(_TEXT))),
        totals=_ref("Totals"),
    ),
    "ShippingMethod": _object(id=_TEXT, name=_TEXT, price=_ref("Money"), days=_WHOLE),
    "Quote": _object(
        hash=_TEXT,
        cart_id=_TEXT,
        lines=_list(_ref("Line")),
        totals=_ref("Totals"),
        address=_TEXTS,
        shipping_method=_TEXT,
        shipping_methods=_list(_ref("ShippingMethod")),
        expires_at=_MOMENT,
    ),
    "Payment": _object(
        id=_TEXT,
        provider=_TEXT,
        method=_TEXT,
        amount=_ref("Money"),
        status=_TEXT,
        action={"type": "object", "description": "What the buyer does next; for PIX its `br_code`"},
    ),
    "Order": _object(
        number=_TEXT,
        status=_TEXT,
        payment_status=_TEXT,
        fulfillment_status=_TEXT,
        customer={**_object(id=_WHOLE, name=_TEXT, email=_TEXT)},
        address=_TEXTS,
        shipping_method=_TEXT,
        lines=_list(_ref("Line")),
        totals=_ref("Totals"),
        coupons=_list(_object(code=_TEXT, discount=_ref("Money"))),
        payments=_list(_ref("Payment")),
        refunded=_ref("Money"),
        created_at=_MOMENT,
    ),
    "OrderSummary": _object(
        number=_TEXT,
        status=_TEXT,
        payment_status=_TEXT,
        items_count=_WHOLE,
        total=_ref("Money"),
        created_at=_MOMENT,
    ),
    "PlacedOrder": _extended("Order", access_token=_TEXT),
    "Sales": _object(
        orders=_WHOLE,
        paid_orders=_WHOLE,
        **dict.fromkeys(("gross", "refunds", "revenue", "average_ticket"), _ref("Money")),
    ),
    "SoldProduct": _object(id=_or_null(_WHOLE), name=_TEXT, quantity=_WHOLE, revenue=_ref("Money")),
    "Dashboard": _object(
        made_at=_MOMENT,
        sales=_object(**dict.fromkeys(("today", "7_days", "30_days"), _list(_ref("Sales")))),
        orders_by_status=_COUNTS,
        top_products=_list(_ref("SoldProduct")),
        low_stock=_list(_object(sku=_TEXT, name=_TEXT, available=_WHOLE)),
        low_stock_count=_WHOLE,
        latest_orders=_list(_ref("OrderSummary")),
        carts=_WHOLE,
        carts_ordered=_WHOLE,
        conversion=_or_null({"type": "number"}),
        payments_by_status=_COUNTS,
        payment_failure_share=_or_null({"type": "number"}),
    ),
    "Report": {
        **_object(
            kind=_TEXT,
            **{"from": {"type": "string", "format": "date"}, "to": {"type": "string", "format": "date"}},
            group_by=_TEXT,
            rows=_list({"type": "object"}),
            totals=_list({"type": "object"}),
            truncated=_YES_NO,
        ),
        "description": "The fields of rows and totals depend on `kind`: docs/admin.md names them",
    },
    "Job": _object(
        id=_TEXT,
        kind={"enum": ["bulk", "export"]},
        status={"enum": ["queued", "running", "done", "failed"]},
        done=_WHOLE,
        total=_or_null(_WHOLE),
        errors=_list(_object(row=_WHOLE, field=_TEXT, message=_TEXT)),
        error_count={"type": "integer", "description": "More than there are `errors` when these were cut at 1000"},
        result_url=_or_null(_TEXT),
        created_at=_MOMENT,
        started_at=_or_null(_MOMENT),
        finished_at=_or_null(_MOMENT),
    ),
    "Problem": {
        **_object(type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT, code=_TEXT),
        "description": "RFC 9457. Further members depend on `code`: errors, available, quote, order",
    },
}
_NOUNS["Problem"]["properties"]["errors"] = _list(_object(field=_TEXT, message=_TEXT))

SCHEMAS: Final[dict[str, Schema]] = {
    **_NOUNS,
    "ProductsAnswer": _PRODUCTS,
    "ProductAnswer": _answer(product=_ref("Product")),
    "CategoriesAnswer": _answer(categories=_list(_ref("Category"))),
    "SuggestionsAnswer": _answer(suggestions=_list(_ref("Suggestion"))),
    "CartAnswer": _answer(cart=_ref("Cart")),
    "QuoteAnswer": _answer(quote=_ref("Quote")),
    "OrderAnswer": _answer(order=_ref("Order")),
    "OrdersAnswer": _answer(_PAGE, orders=_list(_ref("OrderSummary"))),
    "RefundedOrderAnswer": _answer(order=_ref("Order"), refund=_object(id=_TEXT, amount=_ref("Money"), status=_TEXT)),
    "PlacedOrderAnswer": _answer(_object(replayed=_YES_NO), order=_ref("PlacedOrder")),
    "DashboardAnswer": _answer(dashboard=_ref("Dashboard")),
    "ReportAnswer": _answer(report=_ref("Report")),
    "JobAnswer": _answer(job=_ref("Job")),
    "ReceivedAnswer": _answer(received=_YES_NO),
}
