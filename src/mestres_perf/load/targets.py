"""Measure a running shop against the targets of its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mestres_perf.load._client import Client, closed_loop
from mestres_perf.load._results import Measured, latency, share
from mestres_perf.load._visits import BUY_EVERY, Record, plan, visit
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo

_SLA = MESTRES_CAFE_SLA
_HIT = frozenset({"hit", "stale"})
_CLIENT_ERRORS = range(400, 500)
_NOT_FOUND = 404
_ADMIN_CALLS = 20
_ADMIN_PATHS = (
    (_SLA.features.admin_operations.dashboard_load, "/admin/api/v1/dashboard"),
    (_SLA.features.admin_operations.report_generation, "/admin/api/v1/reports/sales"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """A shop beside its targets. `rate` is requests in a second, as many as this one client got through."""

    rows: tuple[Measured, ...]
    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        """Requests in a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def check(
    url: str,
    *,
    visits: int = 1000,
    concurrency: int = 4,
    read_only: bool = False,
    admin_token: str | None = None,
    done: Callable[[], object] = lambda: None,
) -> Check:
    """Send `visits` visitors to a shop, `concurrency` at once; `done` is called after each.

    Each page and product is read once before, uncounted: the targets speak of a shop that is in use. Latencies of
    features are judged at the 95th percentile. `read_only` makes no carts and no orders. Raises UnusableTarget.
    """
    purchases = 0 if read_only else -(-visits // BUY_EVERY)
    with Client(url) as client:
        known = plan(client, purchases=purchases)
        for path in known.in_use():
            client.get(path)
    record = Record()

    def work(client: Client, number: int) -> None:
        visit(client, number, known, record)

    seconds = closed_loop(url, work, count=visits, workers=concurrency, done=done)
    rows = [*_overall(record, read_only=read_only), *_features(record, read_only=read_only)]
    if admin_token is not None:
        rows += _admin(url, admin_token)
    return Check(tuple(rows), len(record.all()), seconds)


def _overall(record: Record, *, read_only: bool) -> Iterator[Measured]:
    answers = record.all()
    for slo in (_SLA.api.p50, _SLA.api.p95, _SLA.api.p99):
        yield latency(slo, answers)
    yield share(_SLA.errors.http_4xx, (answer.status in _CLIENT_ERRORS for answer in answers))
    # To a visitor a connection that breaks is a failure of the server.
    yield share(_SLA.errors.http_5xx, (answer.failed and answer.status not in _CLIENT_ERRORS for answer in answers))
    if not read_only:
        payments = record.of(_SLA.features.checkout_process.payment_processing)
        yield share(_SLA.errors.payment_failures, (answer.failed for answer in payments))


def _features(record: Record, *, read_only: bool) -> Iterator[Measured]:
    features = _SLA.features
    listing, detail, search = features.product_listing, features.product_detail, features.search
    cart, buying = features.cart_operations, features.checkout_process
    for page in (listing, detail):
        yield latency(page.response_time, record.of(page.response_time))
        answers = record.of(page.response_time)
        yield share(page.cache_hit_ratio, (answer.cache in _HIT for answer in answers))
    searches = (search.simple_search, search.filtered_search, search.autocomplete, search.fuzzy_search)
    writes: tuple[Slo, ...] = (
        cart.add_item,
        cart.update_quantity,
        cart.remove_item,
        buying.cart_to_checkout,
        buying.payment_processing,
        buying.order_confirmation,
    )
    for slo in (*searches, *(() if read_only else writes)):
        yield latency(slo, record.of(slo))


def _admin(url: str, token: str) -> Iterator[Measured]:
    with Client(url) as client:
        for slo, path in _ADMIN_PATHS:
            answers = [client.get(path, Authorization=f"Bearer {token}") for _ in range(_ADMIN_CALLS)]
            offered = any(answer.status != _NOT_FOUND for answer in answers)
            yield latency(slo, answers) if offered else Measured(slo, None, 0, optional=True)
    # Both change or copy the whole catalogue: nothing that a check should do to a running shop.
    for slo in (_SLA.features.admin_operations.bulk_operations, _SLA.features.admin_operations.data_export):
        yield Measured(slo, None, 0, optional=True)
