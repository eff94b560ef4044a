"""Taxes: the shop's rates, and what they take of lines.

Rates are rules: they are kept in memory under the rulebook's stamp, so taxing a cart sends no statement when the caller
has read the stamp with the cart. No rates, no taxes.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, column, delete, insert, select, table

from mestres_core.db import rulebook
from mestres_core.db.base import PREFIX
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound, ProviderFailed, ValidationError
from mestres_core.events.work import Work
from mestres_core.rules.br.icms import STATES, icms
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.money import Money, Rounding
from mestres_core.rules.rounding import within
from mestres_core.rules.tax import EXCLUSIVE, GROSS, Rate, Taxable, Taxed, tax
from mestres_core.rules.tax_rates import STANDARD, Place, RateRule, RateTable
from mestres_core.tax.dto import OrderTax, TaxPreview, TaxRate, TaxSettings
from mestres_core.tax.inputs import ALWAYS, read_lines, read_place, read_rate, read_span
from mestres_core.tax.models import order_tax, rate
from mestres_core.typing import RoundingPolicy, TaxCalculator, TaxLine

INDIVIDUAL = "individual"
BUSINESS = "business"
_KEY = ("tax_class", "name", "country", "region", "origin", "customer_type", "starts_at")
_CHANGED = ("ppm", "mode", "informational", "compound", "position", "ends_at")
_RATES = select(rate).order_by(rate.c.tax_class, rate.c.position, rate.c.name, rate.c.id)
_RATE_OF_KEY = select(rate).where(*(rate.c[name] == bindparam(name) for name in _KEY))
_REMOVE = delete(rate).where(rate.c.id == bindparam("of")).returning(rate.c.id)
# Orders are a room above this one: what is asked of them is said by name.
_order = table(f"{PREFIX}order", column("id"), column("number"), column("currency"))
_PARTS = (
    select(order_tax, _order.c.currency)
    .select_from(order_tax.join(_order, _order.c.id == order_tax.c.order_id))
    .where(_order.c.number == bindparam("number"))
    .order_by(order_tax.c.id)
)
_KEEP = insert(order_tax)


class TaxService:
    """Taxes in one unit of work."""

    def __init__(
        self,
        work: Work,
        *,
        calculator: TaxCalculator | None,
        settings: TaxSettings,
        rounding: RoundingPolicy | None = None,
    ) -> None:
        self._work = work
        self._session = work.session
        self._calculator = calculator
        self._settings = settings
        self._rounding = rounding

    def set_rate(
        self,
        name: str,
        *,
        percent: Decimal | float | str,
        tax_class: str = STANDARD,
        mode: str = EXCLUSIVE,
        country: str = "",
        region: str = "",
        origin: str = "",
        customer_type: str = "",
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        informational: bool = False,
        compound: bool = False,
        position: int = 0,
    ) -> TaxRate:
        """Create a rate, or change the one of this name for the same class, place, customers and beginning.

        `percent` is from 0 to 1000, with at most four decimals; `mode` is exclusive (added), inclusive (the price
        contains it, as part of the net) or gross (contains it, as part of the price itself). Place: `country` (two
        letters) and `region` (UF) of the address, `origin` (UF) of the goods; `customer_type` is individual, business
        or a word of your own. It holds from `starts_at` until before `ends_at` (aware). To change a rate from a day on,
        set it with that `starts_at`: it replaces the earlier one from then. Compound rates stand on those of a lower
        `position`. Raises ValidationError.
        """
        row = read_rate(**{name: value for name, value in locals().items() if name != "self"})
        self._save([row])
        saved = self._session.execute(_RATE_OF_KEY, {key: _stored(row)[key] for key in _KEY}).one()
        return _rate(saved)

    def set_icms(
        self,
        origin: str,
        *,
        internal: Mapping[str, Decimal | float | str],
        tax_class: str = STANDARD,
        imported: bool = False,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> tuple[TaxRate, ...]:
        """Set ICMS and DIFAL of goods sent from one state of Brazil to each other.

        `internal` has each state's internal rate in per cent, for the states that are sold to and the origin. Customers
        of type business do not pay DIFAL through the shop. Raises ValidationError.
        """
        checks = Checks()
        checks.choice("origin", origin, STATES)
        if not isinstance(internal, Mapping):
            checks.wrong("internal", "required" if internal is None else "not_mapping")
            internal = {}
        rates = {}
        for state, percent in internal.items():
            checks.choice("internal", state, STATES)
            rates[state] = checks.ppm(f"internal.{str(state)[:40]}", percent, at_most=99)
        if not checks.errors and origin not in rates:
            checks.wrong(f"internal.{str(origin)[:40]}", "required")
        checks.text("tax_class", tax_class, limit=40)
        if not isinstance(imported, bool):
            checks.wrong("imported", "not_boolean")
        read_span(checks, starts_at, ends_at)
        checks.done()
        rows = [
            {
                "name": each.name,
                "tax_class": tax_class.strip(),
                "country": "BR",
                "region": state,
                "origin": origin,
                "customer_type": INDIVIDUAL if each.name == "DIFAL" else "",
                "ppm": each.ppm,
                "mode": GROSS,
                "informational": False,
                "compound": False,
                "position": 0,
                "starts_at": starts_at,
                "ends_at": ends_at,
            }
            for state in rates
            for each in icms(origin, state, rates, imported=imported)
        ]
        self._save(rows)
        keys = {tuple(_stored(row)[key] for key in _KEY) for row in rows}
        found = self._session.execute(_RATES).all()
        return tuple(_rate(row) for row in found if tuple(getattr(row, key) for key in _KEY) in keys)

    def rates(self, *, tax_class: str | None = None, at: datetime | None = None) -> tuple[TaxRate, ...]:
        """Every rate, or those of one class, or those that hold at `at` (aware). Raises ValidationError."""
        checks = Checks()
        if tax_class is not None:
            tax_class = checks.text("tax_class", tax_class, limit=40)
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            checks.wrong("at", "invalid", reason="must be a datetime with a time zone")
        checks.done()
        found = (_rate(row) for row in self._session.execute(_RATES))
        return tuple(
            each
            for each in found
            if (tax_class is None or each.tax_class == tax_class)
            and (at is None or ((each.starts_at or at) <= at and (each.ends_at is None or at < each.ends_at)))
        )

    def remove_rate(self, rate_id: int) -> None:
        """Forget a rate; orders keep what they were taxed. Raises NotFound."""
        known = type(rate_id) is int and 0 < rate_id <= BIGGEST_ID
        if not known or self._session.execute(_REMOVE, {"of": rate_id}).first() is None:
            raise NotFound("tax rate", rate_id)
        rulebook.touch(self._session, self._work.ids)

    def preview(
        self,
        lines: Iterable[TaxLine | Mapping[str, Any]],
        *,
        address: Mapping[str, str],
        currency: str = "BRL",
        customer_type: str = INDIVIDUAL,
        at: datetime | None = None,
    ) -> TaxPreview:
        """What lines would be taxed when sent to an address.

        A line has `amount` (minor units after discounts, all pieces together), and may have `quantity` (1), `tax_class`
        ("standard"; "shipping" for sending), `key`, `sku`, `codes`. Of the address country and state count. `at` is now
        unless given. Raises ValidationError, ProviderFailed when a calculator of the host's fails; in the host's own
        transaction TaxesNeeded when it is a remote one.
        """
        checks = Checks()
        checked = read_lines(checks, lines)
        read_place(checks, address)
        checks.text("customer_type", customer_type, limit=20, required=False)
        try:
            Money(0, currency)
        except (ValueError, TypeError) as error:
            checks.wrong("currency", "invalid", reason=str(error))
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            checks.wrong("at", "invalid", reason="must be a datetime with a time zone")
        checks.done()
        taxed = self.calculate(checked, address=address, currency=currency, customer_type=customer_type, at=at)
        by_name: dict[str, int] = {}
        for each in taxed:
            for part, amount in each.parts:
                by_name[part.name] = by_name.get(part.name, 0) + amount
        return TaxPreview(
            lines=taxed,
            added=Money(sum(each.added for each in taxed), currency),
            included=Money(sum(each.included for each in taxed), currency),
            by_name=tuple(by_name.items()),
        )

    def applies(self, stamp: str) -> bool:
        """Whether there is any tax: the host's calculator, or a rate. `stamp` is the rulebook's."""
        return self._calculator is not None or bool(self._table(stamp))

    def calculate(
        self,
        lines: Sequence[TaxLine],
        *,
        address: Mapping[str, str],
        currency: str,
        customer_type: str = INDIVIDUAL,
        at: datetime | None = None,
        stamp: str | None = None,
    ) -> tuple[Taxed, ...]:
        """The taxes of lines, in their order, by the host's calculator or by the rates.

        For callers that have checked their lines. With `stamp` (of the rulebook, read in this transaction) the rates
        cost no statement. Raises TaxesNeeded when a remote calculator has to be asked first (tax/remote.py),
        ProviderFailed when its answer does not add up, ValidationError when the rates on the gross price are 100 %
        together.
        """
        moment = at or self._work.clock.now()
        if self._calculator is not None:
            answer = self._calculator.calculate(
                lines,
                address=address,
                currency=currency,
                at=moment,
                customer_type=customer_type,
                origin=self._settings.origin,
            )
            return checked_answer(lines, answer)
        known = self._table(stamp)
        place = Place(
            country=address.get("country") or "BR",
            region=(address.get("state") or "").upper(),
            origin=self._settings.origin,
            customer_type=customer_type,
        )
        rates = {name: known.rates(name, place, moment) for name in {line.tax_class for line in lines}} if known else {}
        rounding = self._settings.round if self._rounding is None else within(self._rounding.round, currency)
        return self._tax(lines, rates, rounding)

    def keep(self, order_id: int, parts: Iterable[tuple[int | None, Taxed]]) -> None:
        """Write down the taxes of an order, in its own transaction: (order line's id, None for sending; its taxes).

        One statement, and none when there are no taxes. For the checkout: nothing is checked.
        """
        rows = [
            {
                "order_id": order_id,
                "line_id": line_id,
                "name": each.name,
                "ppm": each.ppm,
                "mode": each.mode,
                "informational": each.informational,
                "amount": amount,
            }
            for line_id, taxed in parts
            for each, amount in taxed.parts
        ]
        if rows:
            self._session.connection().execute(_KEEP, rows)

    def of_order(self, number: str) -> tuple[OrderTax, ...]:
        """The taxes of an order, part by part, as they were when it was placed; none for one that was not taxed."""
        if not isinstance(number, str) or not storable(number):
            return ()
        return tuple(
            OrderTax(
                line_id=row.line_id,
                name=row.name,
                ppm=row.ppm,
                mode=row.mode,
                informational=row.informational,
                amount=Money(row.amount, row.currency),
            )
            for row in self._session.execute(_PARTS, {"number": number})
        )

    def _tax(
        self, lines: Sequence[TaxLine], rates: Mapping[str, tuple[Rate, ...]], rounding: Rounding
    ) -> tuple[Taxed, ...]:
        taxables = [
            Taxable(key=line.key, amount=line.amount, quantity=line.quantity, rates=rates.get(line.tax_class, ()))
            for line in lines
        ]
        try:
            return tax(taxables, level=self._settings.level, rounding=rounding)
        except ValueError as error:  # rates that are right each by itself, and 100 % together
            raise ValidationError.of("rates", "invalid", reason=str(error)) from None

    def _table(self, stamp: str | None) -> RateTable:
        known = rulebook.stamp_of(self._session) if stamp is None else stamp
        return self._work.rulebook.chapter("tax", known, self._load)

    def _load(self) -> RateTable:
        return RateTable(
            RateRule(
                rate=Rate(
                    name=row.name,
                    ppm=row.ppm,
                    mode=row.mode,
                    informational=row.informational,
                    compound=row.compound,
                ),
                tax_class=row.tax_class,
                country=row.country,
                region=row.region,
                origin=row.origin,
                customer_type=row.customer_type,
                starts_at=None if row.starts_at == ALWAYS else row.starts_at,
                ends_at=row.ends_at,
                position=row.position,
            )
            for row in self._session.execute(_RATES)
        )

    def _save(self, rows: builtins.list[dict[str, Any]]) -> None:
        query = upsert(self._work.dialect, rate).values([_stored(row) for row in rows])
        query = query.on_conflict_do_update(
            index_elements=builtins.list(_KEY), set_={name: query.excluded[name] for name in _CHANGED}
        )
        self._session.execute(query)
        rulebook.touch(self._session, self._work.ids)


def checked_answer(lines: Sequence[TaxLine], answer: Iterable[Taxed]) -> tuple[Taxed, ...]:
    """What a host's calculator answered, when it adds up to these lines. Raises ProviderFailed when it does not."""
    taxed = tuple(answer) if isinstance(answer, Iterable) else ()
    right = len(taxed) == len(lines) and all(
        isinstance(each, Taxed)
        and each.key == line.key
        and each.gross - each.added == line.amount
        and each.net + each.added + each.included == each.gross
        and all(type(amount) is int and amount >= 0 for _, amount in each.parts)
        for line, each in zip(lines, taxed, strict=True)
    )
    if not right:
        raise ProviderFailed("tax calculator")
    return taxed


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "starts_at": row["starts_at"] or ALWAYS}


def _rate(row: Any) -> TaxRate:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's mapping
    if values["starts_at"] == ALWAYS:
        values["starts_at"] = None
    return TaxRate(**values)
