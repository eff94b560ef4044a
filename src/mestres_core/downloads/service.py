"""Files of digital goods: what comes with a variant, delivered after the payment, counted when it is fetched.

The fact of the payment delivers them, from the outbox: at least once, so `deliver` is asked again without harm.

Invariants: nothing is granted for an order that is not paid; a grant is fetched no oftener than it may be, by a
conditional UPDATE with a CHECK behind it; what a grant allows is asked of the order each time, so that a refund or a
cancellation ends it at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, func, or_, select, update

from mestres_core.catalog.finding import find_variant
from mestres_core.catalog.models import variant
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.downloads.dto import Download, DownloadGrant, Fetched
from mestres_core.downloads.models import download, grant
from mestres_core.errors import Conflict, IllegalTransition, NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.orders.models import line, order
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable

MOST_FILES = 50
PAID = ("paid", "partially_refunded", "refund_due")
"""The payment states in which files may be fetched: what is owed to the buyer holds nothing up."""

_COLUMNS = (download, variant.c.sku)
_FILES = (
    select(*_COLUMNS)
    .select_from(download.join(variant, variant.c.id == download.c.variant_id))
    .where(download.c.variant_id == bindparam("variant_id"), download.c.active)
    .order_by(download.c.position, download.c.id)
)
_ORDER = select(order.c.id, order.c.number, order.c.status, order.c.payment_status).where(
    order.c.number == bindparam("number")
)
_PIECES = line.c.quantity - line.c.credited_quantity  # those that were called off are credited, too
_DUE = (
    select(
        line.c.id.label("line_id"),
        _PIECES.label("pieces"),
        download.c.id.label("download_id"),
        download.c.most_downloads,
        download.c.days,
    )
    .select_from(line.join(download, and_(download.c.variant_id == line.c.variant_id, download.c.active)))
    .where(line.c.order_id == bindparam("order_id"), _PIECES > 0)
    .order_by(line.c.id, download.c.position, download.c.id)
)
_UNDELIVERED = (
    select(line.c.id)
    .select_from(
        order.join(line, line.c.order_id == order.c.id).join(
            download, and_(download.c.variant_id == line.c.variant_id, download.c.active)
        )
    )
    .where(
        order.c.number == bindparam("number"),
        order.c.status.in_(("placed", "completed")),
        order.c.payment_status.in_(PAID),
        _PIECES > 0,
        ~select(grant.c.id).where(grant.c.line_id == line.c.id, grant.c.download_id == download.c.id).exists(),
    )
    .limit(1)
)
_GRANTED = (
    select(grant, download.c.name, download.c.location, line.c.sku, _PIECES.label("pieces"), *_ORDER.selected_columns)
    .select_from(
        grant.join(download, download.c.id == grant.c.download_id)
        .join(line, line.c.id == grant.c.line_id)
        .join(order, order.c.id == line.c.order_id)
    )
    .order_by(line.c.id, download.c.position, download.c.id)
)
_OF_ORDER = _GRANTED.where(order.c.number == bindparam("number"), _PIECES > 0)
_BY_TOKEN = _GRANTED.where(grant.c.token == bindparam("token"))
_USE = (
    update(grant)
    .where(
        grant.c.token == bindparam("of"),
        or_(grant.c.most_downloads.is_(None), grant.c.used < grant.c.most_downloads),
        or_(grant.c.expires_at.is_(None), grant.c.expires_at > bindparam("now", type_=grant.c.expires_at.type)),
    )
    .values(used=case((grant.c.most_downloads.is_(None), grant.c.used), else_=grant.c.used + 1))
    .returning(grant.c.used, grant.c.most_downloads)
)
_LAST = select(func.coalesce(func.max(download.c.position), -1), func.count()).where(
    download.c.variant_id == bindparam("variant_id"), download.c.active
)


class DownloadService:
    """Files of digital goods in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def attach(
        self, sku: str, *, name: str, location: str, most_downloads: int | None = None, days: int | None = None
    ) -> Download:
        """Have a file come with every piece of a digital variant.

        `location` is the host's own name for it (a path, a key of a store). It may be fetched `most_downloads` times
        for each piece bought (None: no limit), for `days` after delivery (None: for ever). Raises NotFound,
        ValidationError, also for goods that are sent.
        """
        checks = Checks()
        name = checks.text("name", name, limit=120)
        location = checks.text("location", location, limit=500)
        if most_downloads is not None:
            checks.whole("most_downloads", most_downloads, at_least=1, at_most=10_000)
        if days is not None:
            checks.whole("days", days, at_least=1, at_most=36_500)
        checks.done()
        found = find_variant(self._session, sku)
        if not found.digital:
            raise ValidationError.of("sku", "invalid", reason="is not digital: save its variant with digital=True")
        last, count = self._session.execute(_LAST, {"variant_id": found.id}).one()
        if count >= MOST_FILES:
            raise ValidationError.of("sku", "too_many", limit=MOST_FILES)
        values = {
            "variant_id": found.id,
            "name": name,
            "location": location,
            "most_downloads": most_downloads,
            "days": days,
            "active": True,
            "position": last + 1,
        }
        self._session.execute(upsert(self._work.dialect, download).values(values))
        return self.files(sku)[-1]

    def files(self, sku: str) -> tuple[Download, ...]:
        """What comes with a variant, in order. Raises NotFound."""
        found = find_variant(self._session, sku)
        rows = self._session.execute(_FILES, {"variant_id": found.id})
        return tuple(Download(r.id, r.sku, r.name, r.location, r.most_downloads, r.days) for r in rows)

    def detach(self, download_id: int) -> None:
        """No longer give a file to new buyers; those who have it keep it. Raises NotFound."""
        known = type(download_id) is int and 0 < download_id <= BIGGEST_ID
        mine = (download.c.id == download_id, download.c.active)
        query = update(download).where(*mine).values(active=False).returning(download.c.id)
        if not known or self._session.execute(query).first() is None:
            raise NotFound("download", download_id)

    def undelivered(self, number: str) -> bool:
        """Whether a paid order entitles its buyer to files that were not granted yet; no order, no files."""
        known = isinstance(number, str) and storable(number)
        return known and self._session.execute(_UNDELIVERED, {"number": number}).first() is not None

    def deliver(self, number: str) -> tuple[DownloadGrant, ...]:
        """Grant what a paid order entitles its buyer to, once: asked again, it answers the same.

        The relay does it when the order is paid, before subscribers hear of it. Raises NotFound for the order,
        IllegalTransition when it is not paid.
        """
        known = isinstance(number, str) and storable(number)
        row = self._session.execute(_ORDER, {"number": number}).first() if known else None
        if row is None:
            raise NotFound("order", number)
        if not _may(row):
            raise IllegalTransition(what=f"order {number}", state=row.payment_status, target="delivered")
        now = self._work.clock.now()
        rows = [
            {
                "token": self._work.ids.token(),
                "line_id": due.line_id,
                "download_id": due.download_id,
                "most_downloads": None if due.most_downloads is None else due.most_downloads * due.pieces,
                "used": 0,
                "expires_at": None if due.days is None else now + timedelta(days=due.days),
                "created_at": now,
            }
            for due in self._session.execute(_DUE, {"order_id": row.id})
        ]
        if rows:
            query = upsert(self._work.dialect, grant)
            self._session.execute(query.on_conflict_do_nothing(index_elements=["line_id", "download_id"]), rows)
        return tuple(map(_grant, self._session.execute(_OF_ORDER, {"number": number})))

    def fetch(self, token: str) -> Fetched:
        """Count one download and say what to send. Raises NotFound for the token, Conflict when it is spent or over.

        The order is asked each time: once it is refunded or cancelled nothing is given any more.
        """
        known = isinstance(token, str) and storable(token)
        row = self._session.execute(_BY_TOKEN, {"token": token}).first() if known else None
        if row is None:
            raise NotFound("download", token)
        if not _may(row) or row.pieces < 1:
            raise Conflict(message=f"order {row.number} is not paid")
        used = self._session.execute(_USE, {"of": token, "now": self._work.clock.now()}).first()
        if used is None:
            over = row.expires_at is not None and row.expires_at <= self._work.clock.now()
            raise Conflict(message="the time to download is over" if over else "all its downloads are used")
        left = None if used.most_downloads is None else used.most_downloads - used.used
        return Fetched(row.name, row.location, left)


def _may(row: Any) -> bool:
    return row.status in ("placed", "completed") and row.payment_status in PAID


def _grant(row: Any) -> DownloadGrant:
    left = None if row.most_downloads is None else row.most_downloads - row.used
    return DownloadGrant(row.token, row.number, row.sku, row.name, left, row.expires_at)
