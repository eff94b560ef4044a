"""The address book of a customer.

Invariant: of the addresses at most one is the default for shipping and one for billing. Changes of one book follow
each other (the customer's row is locked); two unique indexes stand behind it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from mestres_core.customers.dto import ADDRESS_FIELDS, Address
from mestres_core.customers.inputs import check_address, is_id
from mestres_core.customers.models import address
from mestres_core.errors import NotFound
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks

MOST_ADDRESSES = 50
_DEFAULTS = ("default_shipping", "default_billing")
_SHOWN = tuple(
    address.c[name] for name in ("id", "customer_id", "label", *ADDRESS_FIELDS, "default_shipping", "default_billing")
)
_OF_CUSTOMER = (
    select(*_SHOWN)
    .where(address.c.customer_id == bindparam("customer_id"))
    .order_by(address.c.default_shipping.desc(), address.c.id)
)
_ONE = select(*_SHOWN).where(address.c.customer_id == bindparam("customer_id"), address.c.id == bindparam("id"))
_COUNT = select(func.count()).select_from(address).where(address.c.customer_id == bindparam("customer_id"))
_CLEAR = {
    name: update(address)
    .where(address.c.customer_id == bindparam("of"), address.c[name])
    .values({address.c[name]: False})
    for name in _DEFAULTS
}
_DEFAULT = {
    name: select(*_SHOWN).where(address.c.customer_id == bindparam("customer_id"), address.c[name])
    for name in _DEFAULTS
}


class Addresses(ABC):
    """The part of `CustomerService` that keeps address books."""

    _work: Work
    _session: Any

    @abstractmethod
    def get(self, customer_id: int) -> Any:
        """The customer."""

    @abstractmethod
    def lock(self, customer_id: int) -> Any:
        """The customer's row, held until the transaction ends."""

    def add_address(
        self,
        customer_id: int,
        *,
        label: str = "",
        default_shipping: bool = False,
        default_billing: bool = False,
        **fields: str,
    ) -> Address:
        """Write an address into a customer's book (at most 50); the first one is the default for everything.

        `fields` are those of `checkout.quote(address=...)`: name, street, number, district, city, state, postal_code (a
        CEP in Brazil), and perhaps complement and country (BR). Raises NotFound, ValidationError.
        """
        checks = Checks()
        label, defaults = _check_rest(checks, label, default_shipping, default_billing)
        checks.mapping("address", fields, ADDRESS_FIELDS)
        checked = check_address(checks, fields)
        checks.done()
        owner = self.lock(customer_id).id
        count = self._session.execute(_COUNT, {"customer_id": owner}).scalar_one()
        if count >= MOST_ADDRESSES:
            checks.wrong("addresses", "too_many", limit=MOST_ADDRESSES)
            checks.done()
        if not count:
            defaults = dict.fromkeys(_DEFAULTS, True)
        self._clear(owner, defaults)
        row = {"customer_id": owner, "label": label, **checked, **defaults, "created_at": self._work.clock.now()}
        made = self._session.execute(insert(address).values(row).returning(*_SHOWN)).one()
        return _show(made)

    def update_address(
        self,
        customer_id: int,
        address_id: int,
        *,
        label: str | None = None,
        default_shipping: bool | None = None,
        default_billing: bool | None = None,
        **fields: str,
    ) -> Address:
        """Change what is given of an address; orders keep theirs as it was. Raises NotFound, ValidationError."""
        owner = self.lock(customer_id).id
        known = self.address(owner, address_id)
        checks = Checks()
        checks.mapping("address", fields, ADDRESS_FIELDS)
        label, defaults = _check_rest(
            checks,
            known.label if label is None else label,
            known.default_shipping if default_shipping is None else default_shipping,
            known.default_billing if default_billing is None else default_billing,
        )
        checked = check_address(checks, {**known.fields, **fields})
        checks.done()
        self._clear(owner, defaults)
        change = update(address).where(address.c.id == known.id).values(label=label, **checked, **defaults)
        return _show(self._session.execute(change.returning(*_SHOWN)).one())

    def remove_address(self, customer_id: int, address_id: int) -> None:
        """Take an address out of the book; what it was the default for goes to the oldest one left.

        Raises NotFound.
        """
        owner = self.lock(customer_id).id
        known = self.address(owner, address_id)
        self._session.execute(delete(address).where(address.c.id == known.id))
        oldest = select(func.min(address.c.id)).where(address.c.customer_id == owner).scalar_subquery()
        lost = {name: True for name in _DEFAULTS if getattr(known, name)}
        if lost:
            self._session.execute(update(address).where(address.c.id == oldest).values(**lost))

    def addresses(self, customer_id: int) -> tuple[Address, ...]:
        """A customer's addresses, the default for shipping first. Raises NotFound."""
        owner = self.get(customer_id).id
        return tuple(_show(row) for row in self._session.execute(_OF_CUSTOMER, {"customer_id": owner}))

    def address(self, customer_id: int, address_id: int) -> Address:
        """One address of a customer. Raises NotFound, also for one of somebody else."""
        row = None
        if is_id(customer_id) and is_id(address_id):
            row = self._session.execute(_ONE, {"customer_id": customer_id, "id": address_id}).first()
        if row is None:
            raise NotFound("address", address_id)
        return _show(row)

    def default_address(self, customer_id: int, kind: str = "shipping") -> Address | None:
        """The default for `shipping` or `billing`, None in an empty book. Raises NotFound, ValidationError."""
        checks = Checks()
        checks.choice("kind", kind, ("shipping", "billing"))
        checks.done()
        owner = self.get(customer_id).id
        row = self._session.execute(_DEFAULT[f"default_{kind}"], {"customer_id": owner}).first()
        return None if row is None else _show(row)

    def _clear(self, owner: int, defaults: dict[str, bool]) -> None:
        for name, chosen in defaults.items():
            if chosen:
                self._session.execute(_CLEAR[name], {"of": owner})


def _check_rest(checks: Checks, label: Any, shipping: Any, billing: Any) -> tuple[str, dict[str, bool]]:
    label = checks.text("label", label, limit=60, required=False)
    for name, value in zip(_DEFAULTS, (shipping, billing), strict=True):
        if not isinstance(value, bool):
            checks.wrong(name, "not_boolean")
    return label, dict(zip(_DEFAULTS, (bool(shipping), bool(billing)), strict=True))


def _show(row: Any) -> Address:
    return Address(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
