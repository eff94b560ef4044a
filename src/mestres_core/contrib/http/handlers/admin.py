"""What the shop's own people ask for: figures, bulk changes, exports."""

from __future__ import annotations

from mestres_core.contrib.http import figures
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.schemas import ReportQuery


def dashboard(call: Call) -> Reply:
    """The shop at a glance."""
    call.require_admin()
    return Document.of({"dashboard": figures.dashboard(call.shop.admin.dashboard())}).reply()


def sales(call: Call) -> Reply:
    """Sales by day, week or month."""
    return _report(call, "sales")


def products(call: Call) -> Reply:
    """What was sold, by product or category."""
    return _report(call, "products")


def customers(call: Call) -> Reply:
    """Who bought how much."""
    return _report(call, "customers")


def inventory(call: Call) -> Reply:
    """What is in stock and what was sold of it, by SKU or category."""
    return _report(call, "inventory")


def _report(call: Call, kind: str) -> Reply:
    call.require_admin()
    query: ReportQuery = call.query
    made = call.shop.admin.report(kind, from_=query.from_, to=query.to, group_by=query.group_by)
    return Document.of({"report": figures.report(made)}).reply()
