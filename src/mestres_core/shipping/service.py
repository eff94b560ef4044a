"""Shipping: the shop's zones and methods, and what there is for a cart.

Zones and methods are rules: they are kept in memory under the rulebook's stamp. A shop without zones sends by its
`TableRater`; a host's own rater, of any other kind, is asked instead of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, delete, select

from mestres_core.db import rulebook
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import ExtensionFailed, NotFound
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.money import Money
from mestres_core.rules.shipping import Method, ShippingItem, ShippingTable, Zone
from mestres_core.shipping.dto import ShippingMethod, ShippingOption, ShippingZone
from mestres_core.shipping.inputs import read_address, read_currency, read_items, read_method, read_zone
from mestres_core.shipping.models import method, zone
from mestres_core.shipping.rating import TableRater
from mestres_core.typing import ShippingRater

__all__ = ["NOTHING_TO_SEND", "ShippingService", "TableRater"]

NOTHING_TO_SEND = "digital"
"""The way to send a cart in which all goods are digital."""
_LONGEST_ID = 40
_ZONES = select(zone).order_by(zone.c.code)
_METHODS = select(method).order_by(method.c.zone_id, method.c.code, method.c.currency)
_ZONE_ID = select(zone.c.id).where(zone.c.code == bindparam("code"))
_REMOVE_METHODS = delete(method).where(method.c.zone_id == bindparam("of"))
_REMOVE_ZONE = delete(zone).where(zone.c.id == bindparam("of"))
_TERMS = (
    "name days currency base per_kg per_item minimum maximum free_over max_weight_grams max_side_mm max_sides_mm"
    " min_weight_grams max_items_total"
).split()


class ShippingService:
    """Shipping in one unit of work."""

    def __init__(self, work: Work, *, rater: ShippingRater) -> None:
        self._work = work
        self._session = work.session
        self._rater = rater

    def set_zone(
        self,
        code: str,
        *,
        name: str = "",
        countries: Iterable[str] = (),
        regions: Iterable[str] = (),
        postal_codes: Iterable[str | tuple[str, str]] = (),
    ) -> ShippingZone:
        """Create a zone, or change the one with this code; its methods stay.

        An address is in it when it meets each condition that is given: one of the `countries` (ISO), one of the
        `regions` (UF), one of the `postal_codes`: each a pair of the first and the last, or one code; the beginning of
        a code stands for all that begin so. Regions and postal codes need a country. Raises ValidationError.
        """
        row = read_zone(code=code, name=name, countries=countries, regions=regions, postal_codes=postal_codes)
        query = upsert(self._work.dialect, zone).values(row)
        changed = {field: query.excluded[field] for field in row if field != "code"}
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_=changed))
        self._touch()
        return next(each for each in self.zones() if each.code == row["code"])

    def remove_zone(self, code: str) -> None:
        """Forget a zone and its methods. Raises NotFound."""
        found = self._zone_id(code)
        self._session.execute(_REMOVE_METHODS, {"of": found})
        self._session.execute(_REMOVE_ZONE, {"of": found})
        self._touch()

    def set_method(
        self,
        code: str,
        *,
        zone: str,
        name: str,
        days: int,
        currency: str = "BRL",
        base: int = 0,
        by_weight: Iterable[tuple[int, int]] = (),
        per_kg: int | None = None,
        by_price: Iterable[tuple[int, int]] = (),
        percent: Decimal | float | str = 0,
        per_item: int = 0,
        minimum: int = 0,
        maximum: int | None = None,
        free_over: int | None = None,
        max_weight_grams: int | None = None,
        max_side_mm: int | None = None,
        max_sides_mm: int | None = None,
        min_weight_grams: int = 0,
        max_items_total: int | None = None,
        active: bool = True,
    ) -> ShippingMethod:
        """Create a way to send things into `zone` in `days` working days, or change the one with this code there.

        Amounts are minor units of `currency`. For each parcel: `base`, and of `by_weight`, pairs (grams at most,
        amount), the first that suffices; beyond the last `per_kg` for every started kilogram, without it no such
        parcel. Once: of `by_price`, pairs (goods from this value on, amount), the last one reached, `percent` of the
        goods' value, and `per_item` for every piece. The sum is at least `minimum`, at most `maximum`, and nothing from
        `free_over` on. Values are those after discounts.

        A parcel weighs at most `max_weight_grams`: more goods go in several. A piece heavier than that, with a side
        longer than `max_side_mm` or three sides longer than `max_sides_mm` together, is not sent. Goods lighter than
        `min_weight_grams` or worth more than `max_items_total` all together are not offered it. With `active` False
        the method is not offered in this zone, even where a wider zone has it. Raises ValidationError, NotFound.
        """
        row = read_method(**{name: value for name, value in locals().items() if name != "self"})
        values = {**row, "zone_id": self._zone_id(zone)}
        query = upsert(self._work.dialect, method).values(values)
        keys = ["zone_id", "code", "currency"]
        changed = {field: query.excluded[field] for field in values if field not in keys}
        self._session.execute(query.on_conflict_do_update(index_elements=keys, set_=changed))
        self._touch()
        wanted = (row["code"], row["currency"])
        return next(each for each in self.methods(zone=zone) if (each.code, each.currency) == wanted)

    def remove_method(self, code: str, *, zone: str, currency: str = "BRL") -> None:
        """Forget a method of a zone. Raises NotFound."""
        here = (method.c.zone_id == self._zone_id(zone), method.c.code == str(code), method.c.currency == str(currency))
        known = storable(str(code) + str(currency))
        if not known or self._session.execute(delete(method).where(*here).returning(method.c.id)).first() is None:
            raise NotFound("shipping method", code)
        self._touch()

    def zones(self) -> tuple[ShippingZone, ...]:
        """Every zone with its methods, by code."""
        rows = self._session.execute(_ZONES).all()
        codes = {row.id: row.code for row in rows}
        methods: dict[str, list[ShippingMethod]] = {code: [] for code in codes.values()}
        for row in self._session.execute(_METHODS):
            methods[codes[row.zone_id]].append(_method(row, codes[row.zone_id]))
        return tuple(
            ShippingZone(
                code=row.code,
                name=row.name,
                countries=tuple(row.countries),
                regions=tuple(row.regions),
                postal_codes=_pairs(row.postal_codes),
                methods=tuple(methods[row.code]),
            )
            for row in rows
        )

    def methods(self, *, zone: str | None = None) -> tuple[ShippingMethod, ...]:
        """Every method, or those of one zone, by zone and code. Raises NotFound for an unknown zone."""
        if zone is not None:
            self._zone_id(zone)
        return tuple(each for one in self.zones() if zone in (None, one.code) for each in one.methods)

    def preview(
        self,
        items: Iterable[ShippingItem | Mapping[str, Any]],
        *,
        address: Mapping[str, str],
        items_total: int = 0,
        currency: str = "BRL",
    ) -> tuple[ShippingOption, ...]:
        """The ways to send goods to an address, the cheapest first; none when they cannot be sent there.

        An item has `weight_grams`, and may have `quantity` (1), `length_mm`, `width_mm`, `height_mm`, `digital` (it is
        not sent), `location` (where it is sent from). `items_total` is what they cost after discounts, in minor units.
        Of the address country, state and postal code count. Raises ValidationError.
        """
        checks = Checks()
        goods = read_items(checks, items)
        place = read_address(checks, address)
        read_currency(checks, currency)
        checks.whole("items_total", items_total, at_least=0, at_most=BIGGEST_AMOUNT)
        checks.done()
        return self.options(goods, items_total=items_total, currency=currency, address=place)

    def options(
        self,
        items: Sequence[ShippingItem],
        *,
        items_total: int,
        currency: str,
        address: Mapping[str, str],
        stamp: str | None = None,
    ) -> tuple[ShippingOption, ...]:
        """As `preview`, for callers that have checked their goods; with the rulebook's `stamp` without a statement."""
        sent = [item for item in items if not item.digital]
        if items and not sent:
            return (ShippingOption(NOTHING_TO_SEND, "Digital", Money(0, currency), 0, 0),)
        if not isinstance(self._rater, TableRater):
            return _answered(self._ask(sent, items_total, currency, address), currency)
        table = self._table(stamp)
        if not table:
            return _answered(self._ask(sent, items_total, currency, address), currency)
        offers = table.offers(sent, value=items_total, currency=currency, address=address)
        return tuple(
            ShippingOption(
                each.method.code, each.method.name, Money(each.amount, currency), each.method.days, each.parcels
            )
            for each in offers
        )

    def _ask(self, sent: Sequence[ShippingItem], items_total: int, currency: str, address: Mapping[str, str]) -> Any:
        by_parcels = getattr(self._rater, "parcels", None)
        if by_parcels is not None:
            return by_parcels(items=sent, items_total=items_total, currency=currency, address=address)
        weight = sum(item.weight_grams * item.quantity for item in sent)
        return self._rater.options(weight_grams=weight, items_total=items_total, currency=currency, address=address)

    def _zone_id(self, code: object) -> int:
        known = isinstance(code, str) and storable(code)
        found = self._session.execute(_ZONE_ID, {"code": code}).scalar() if known else None
        if found is None:
            raise NotFound("shipping zone", code)
        return int(found)

    def _touch(self) -> None:
        rulebook.touch(self._session, self._work.ids)

    def _table(self, stamp: str | None) -> ShippingTable:
        known = rulebook.stamp_of(self._session) if stamp is None else stamp
        return self._work.rulebook.chapter("shipping", known, self._load)

    def _load(self) -> ShippingTable:
        of_zone: dict[int, list[tuple[str, str, Method | None]]] = {}
        for row in self._session.execute(_METHODS):
            offered = _terms(row) if row.active else None
            of_zone.setdefault(row.zone_id, []).append((row.code, row.currency, offered))
        return ShippingTable(
            (
                Zone(
                    code=row.code,
                    countries=tuple(row.countries),
                    regions=tuple(row.regions),
                    postal_codes=_pairs(row.postal_codes),
                ),
                of_zone.get(row.id, []),
            )
            for row in self._session.execute(_ZONES)
        )


def _answered(answer: Any, currency: str) -> tuple[ShippingOption, ...]:
    """What a host's rater answered. Raises ExtensionFailed for what is no way to send something for this currency."""
    if not isinstance(answer, Iterable):
        raise ExtensionFailed("the shipping rater", f"a sequence of ShippingOption is expected, not {answer!r}")
    options = tuple(answer)
    for each in options:
        if not _is_option(each, currency):
            reason = f"a ShippingOption in {currency} that costs nothing or more is expected, not {each!r}"
            raise ExtensionFailed("the shipping rater", reason)
    return options


def _is_option(value: Any, currency: str) -> bool:
    return (
        isinstance(value, ShippingOption)
        and isinstance(value.id, str)
        and 0 < len(value.id) <= _LONGEST_ID
        and isinstance(value.name, str)
        and isinstance(value.price, Money)
        and value.price.currency == currency
        and 0 <= value.price.amount <= BIGGEST_AMOUNT
        and type(value.days) is int
        and type(value.parcels) is int
    )


def _pairs(value: Any) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in value)


def _terms(row: Any) -> Method:
    return Method(
        code=row.code,
        ppm=row.ppm,
        by_weight=_pairs(row.by_weight),
        by_price=_pairs(row.by_price),
        **{name: getattr(row, name) for name in _TERMS},
    )


def _method(row: Any, zone_code: str) -> ShippingMethod:
    return ShippingMethod(
        code=row.code,
        zone=zone_code,
        percent=Decimal(row.ppm) / 10_000,
        by_weight=_pairs(row.by_weight),
        by_price=_pairs(row.by_price),
        active=row.active,
        **{name: getattr(row, name) for name in _TERMS},
    )
