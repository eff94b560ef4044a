"""Customers.

Invariant: an e-mail address, whatever its capitals, is one customer, also when two first orders come at once.

Anybody can type anybody's address at a checkout. So having bought with an address opens nothing: the list of a
customer's orders is for the holder of a token, and a token is given out only by the host, who knows its users.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from mestres_core.customers.dto import Customer
from mestres_core.customers.models import customer
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_ID, storable

_COLUMNS = (customer.c.id, customer.c.email, customer.c.name, customer.c.document, customer.c.created_at)
_BY_ID = select(*_COLUMNS).where(customer.c.id == bindparam("id"))
_BY_EMAIL = select(*_COLUMNS).where(customer.c.email == bindparam("email"))
_TOKEN = select(customer.c.token_hash).where(customer.c.id == bindparam("id"))


def _know(dialect: str) -> Any:
    """Insert, or an update that changes nothing: only so does a row that was there already come back."""
    query = upsert(dialect, customer)
    same = query.on_conflict_do_update(index_elements=["email"], set_={"email": query.excluded.email})
    return same.returning(customer.c.id)


_KNOW = {dialect: _know(dialect) for dialect in ("sqlite", "postgresql")}


class CustomerService:
    """Customers in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def get(self, customer_id: int) -> Customer:
        """The customer with this id. Raises NotFound."""
        row = self._session.execute(_BY_ID, {"id": customer_id}).first() if _is_id(customer_id) else None
        if row is None:
            raise NotFound("customer", customer_id)
        return Customer(*row)

    def find(self, email: str) -> Customer:
        """The customer with this e-mail address, in any capitals. Raises NotFound."""
        known = isinstance(email, str) and storable(email)
        row = self._session.execute(_BY_EMAIL, {"email": folded(email)}).first() if known else None
        if row is None:
            raise NotFound("customer", email)
        return Customer(*row)

    def know(self, buyer: Mapping[str, str]) -> int:
        """The id of who buys (a checked {name, email, document}), written down when the address is new."""
        row = {
            "email": folded(buyer["email"]),
            "name": buyer["name"],
            "document": buyer.get("document", ""),
            "created_at": self._work.clock.now(),
        }
        return int(self._session.execute(_KNOW[self._work.dialect], row).scalar_one())

    def token(self, customer_id: int) -> str:
        """A new token that opens this customer's orders; an earlier one opens nothing any more. Raises NotFound.

        Only its hash is kept: it is told once.
        """
        token = self._work.ids.token()
        known = _is_id(customer_id)
        change = update(customer).where(customer.c.id == customer_id).values(token_hash=_hash(token))
        if not known or self._session.execute(change.returning(customer.c.id)).first() is None:
            raise NotFound("customer", customer_id)
        return token

    def opens(self, customer_id: int, token: str) -> bool:
        """Whether this is the customer's token."""
        kept = self._session.execute(_TOKEN, {"id": customer_id}).scalar() if _is_id(customer_id) else None
        return kept is not None and hmac.compare_digest(str(kept), _hash(token))


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= BIGGEST_ID


def folded(email: str) -> str:
    """An address as it is kept: in small letters."""
    return email.strip().lower()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
