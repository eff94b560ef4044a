"""Channels: shop fronts of their own, each with a currency, a language and the products that it shows.

A product is listed in a channel while it is published there. The channel called "default", while nobody has made it,
shows everything: a shop with one front needs no channels. A cart takes what its channel shows; one whose channel nobody
has made takes everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, bindparam, delete, or_, select

from mestres_core.catalog.assortment import channel, publication
from mestres_core.catalog.dto import Channel, Publication
from mestres_core.catalog.finding import Changing, find_product
from mestres_core.catalog.models import card, product
from mestres_core.catalog.translations import DEFAULT_LOCALE, check_locale
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import CatalogChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.money import Money

DEFAULT = "default"
_ONE = select(channel).where(channel.c.code == bindparam("code"))
_OF_PRODUCT = (
    select(publication).where(publication.c.product_id == bindparam("product_id")).order_by(publication.c.channel)
)


def shown_in(code: Any, now: Any, *within: Any) -> ColumnElement[bool]:
    """For a statement over products: whether a cart of channel `code` may have one at `now`.

    `code` is a value, or a column of one of the tables that the statement is `within`.
    """
    here = select(publication.c.product_id).where(
        publication.c.product_id == product.c.id,
        publication.c.channel == code,
        channel.c.code == publication.c.channel,
        channel.c.active,
        publication.c.since <= now,
        or_(publication.c.until.is_(None), publication.c.until > now),
    )
    known = select(channel.c.code).where(channel.c.code == code).correlate(*within)
    return or_(~known.exists(), here.correlate(product, *within).exists())


class FrontPrices(Protocol):
    """Whoever knows what a channel asks; the composition root puts it in."""

    COLUMN: ColumnElement[Any]

    def asked(
        self, rows: Sequence[Sequence[Any]] | None, *, channel: str, currency: str, at: datetime
    ) -> Mapping[int, int]:
        """The price of a piece of each variant, from what `COLUMN` gave."""
        ...


class ChannelService:
    """Channels and what is published in them, in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def save(
        self, code: str, *, name: str = "", currency: str = "BRL", locale: str = DEFAULT_LOCALE, active: bool = True
    ) -> Channel:
        """Create a channel, or change the one with this `code`; what is published in it stays.

        Lists of it are in its currency and language unless others are asked for. Prices of its own: a price list with
        this channel (`pricing.save_list(..., channel=code)`). Raises ValidationError.
        """
        checks = Checks()
        values = {
            "code": checks.text("code", code, limit=40),
            "name": checks.text("name", name, limit=120, required=False) or code,
            "currency": currency,
            "locale": check_locale(checks, "locale", locale),
            "active": active,
        }
        try:
            Money(0, currency)
        except (ValueError, TypeError) as error:
            checks.wrong("currency", "invalid", reason=str(error))
        if not isinstance(active, bool):
            checks.wrong("active", "not_boolean")
        checks.done()
        query = upsert(self._work.dialect, channel).values(values)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_=values))
        self._work.outbox.announce(CatalogChanged("channel", 0))
        return self.get(str(values["code"]))

    def get(self, code: str) -> Channel:
        """A channel, active or not. Raises NotFound."""
        known = isinstance(code, str) and storable(code)
        row = self._session.execute(_ONE, {"code": code.strip()}).first() if known else None
        if row is None:
            raise NotFound("channel", code)
        return Channel(row.code, row.name, row.currency, row.locale, bool(row.active))

    def list(self) -> tuple[Channel, ...]:
        """Every channel, by code."""
        rows = self._session.execute(select(channel).order_by(channel.c.code))
        return tuple(Channel(row.code, row.name, row.currency, row.locale, bool(row.active)) for row in rows)

    def publish(
        self,
        product: int | str,
        *channels: str,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Publication, ...]:
        """Show a product in these channels from `since` (None: now) until `until` (None: without end).

        Published again it gets the new times. Returns all its publications. Raises NotFound, ValidationError.
        """
        checks = Checks()
        for field, moment in (("since", since), ("until", until)):
            if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
                checks.wrong(field, "invalid", reason="must be a datetime with a time zone")
        if not channels:
            checks.wrong("channels", "required")
        checks.done()
        begins = since or self._work.clock.now()
        if until is not None and until <= begins:
            raise ValidationError.of("until", "invalid", reason="must be after since")
        codes = sorted({self.get(code).code for code in channels})
        row = self._changing.lock(product)
        query = upsert(self._work.dialect, publication)
        query = query.on_conflict_do_update(
            index_elements=["channel", "product_id"],
            set_={"since": query.excluded.since, "until": query.excluded.until},
        )
        rows = [{"channel": code, "product_id": row.id, "since": begins, "until": until} for code in codes]
        self._session.execute(query, rows)
        self._changing.changed(row)
        return self.of(row.id)

    def unpublish(self, product: int | str, *channels: str) -> tuple[Publication, ...]:
        """No longer show a product in these channels. Returns the publications left. Raises NotFound."""
        codes = [self.get(code).code for code in channels]
        row = self._changing.lock(product)
        mine = publication.c.product_id == row.id
        self._session.execute(delete(publication).where(mine, publication.c.channel.in_(codes)))
        self._changing.changed(row)
        return self.of(row.id)

    def of(self, product: int | str) -> tuple[Publication, ...]:
        """Where a product is published, or will be, or was. Raises NotFound."""
        row = find_product(self._session, product)
        rows = self._session.execute(_OF_PRODUCT, {"product_id": row.id})
        return tuple(Publication(each.channel, each.product_id, each.since, each.until) for each in rows)

    def shows(self, code: str | None) -> tuple[Channel | None, Iterable[ColumnElement[bool]]]:
        """The channel, and what a card must meet to be listed in it. Raises NotFound, also when it is not active."""
        if code is None:
            return None, ()
        try:
            found = self.get(code)
        except NotFound:
            if code == DEFAULT:
                return None, ()
            raise
        if not found.active:
            raise NotFound("channel", code)
        now: Any = self._work.clock.now()
        here = select(publication.c.product_id).where(
            publication.c.channel == found.code,
            publication.c.since <= now,
            or_(publication.c.until.is_(None), publication.c.until > now),
        )
        return found, (card.c.product_id.in_(here),)
