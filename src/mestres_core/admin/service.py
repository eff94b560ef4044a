"""The dashboard and the reports, in one unit of work."""

from __future__ import annotations

from datetime import date
from typing import Any

from mestres_core.admin.dashboard import make_dashboard
from mestres_core.admin.dto import Dashboard, Report
from mestres_core.admin.periods import check_period
from mestres_core.admin.reports import KINDS
from mestres_core.events.work import Work
from mestres_core.orders.service import OrderService
from mestres_core.rules.checks import Checks

_FEW = 5
_MOST_LISTED = 100


class AdminService:
    """Figures for the shop's own people. It only reads."""

    def __init__(self, work: Work, orders: OrderService) -> None:
        self._work = work
        self._orders = orders

    def dashboard(self, *, low_stock: int = _FEW, limit: int = 10) -> Dashboard:
        """The shop at a glance. Stock is low at `low_stock` pieces or fewer; lists have at most `limit` entries.

        Raises ValidationError.
        """
        checks = Checks()
        checks.whole("low_stock", low_stock, at_least=0, at_most=1_000_000)
        checks.whole("limit", limit, at_least=1, at_most=_MOST_LISTED)
        checks.done()
        return make_dashboard(self._work, self._orders, low_stock=low_stock, limit=limit)

    def report(
        self,
        kind: str,
        *,
        from_: date | str | None = None,
        to: date | str | None = None,
        group_by: str | None = None,
    ) -> Report[Any]:
        """A report over the days `from_` to `to`, both included (default: the 30 days up to today).

        Days are those of America/Sao_Paulo. `kind` and what its rows may be grouped by, the default first: sales (day,
        week, month), products (product, category), customers (customer), inventory (sku, category). Products,
        customers and stock are cut after 1000 rows, their totals are not. Raises ValidationError for the fields kind,
        from, to and group_by.
        """
        checks = Checks()
        chosen = KINDS[checks.choice("kind", kind, KINDS)]
        group = chosen.groups[0] if group_by is None else checks.choice("group_by", group_by, chosen.groups)
        period = check_period(checks, from_, to, now=self._work.clock.now())
        checks.done()
        return chosen.make(self._work, period, group)
