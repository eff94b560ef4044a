"""Customers: guests who have bought, and accounts of the host's users.

Invariants: an e-mail address, whatever its capitals, is one customer, also when two first orders come at once; a
`reference` (the host's own name for a user) is one customer.

Anybody can type anybody's address at a checkout. So having bought with an address opens nothing: the list of a
customer's orders is for the holder of a token, and a token is given out only by the host, who knows its users. For the
same reason a guest becomes an account only when the host says that the user has proved the address (`verified`).

A customer that was merged into another one lives on as a second address of it: whatever is asked for the old row
number, or bought with the old address, is the other's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from mestres_core.catalog.dto import Page
from mestres_core.customers.addresses import Addresses
from mestres_core.customers.consents import Consents
from mestres_core.customers.dto import Customer, Erasure, Merge
from mestres_core.customers.groups import Groups
from mestres_core.customers.inputs import check_document, check_phone, is_id
from mestres_core.customers.models import customer
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import CustomerChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable

_COLUMNS = (
    customer.c.id,
    customer.c.email,
    customer.c.name,
    customer.c.document,
    customer.c.created_at,
    customer.c.reference,
    customer.c.customer_group,
    customer.c.phone,
    customer.c.erased_at,
)
_ITSELF = func.coalesce(customer.c.merged_into, customer.c.id)
_asked = customer.alias("asked")
_ID_OF = func.coalesce(_asked.c.merged_into, _asked.c.id)
_BY_ID = select(*_COLUMNS).where(
    customer.c.id == select(_ID_OF).where(_asked.c.id == bindparam("id")).scalar_subquery()
)
_BY_EMAIL = select(*_COLUMNS).where(
    customer.c.id == select(_ID_OF).where(_asked.c.email == bindparam("email")).scalar_subquery()
)
_BY_REFERENCE = select(*_COLUMNS).where(customer.c.reference == bindparam("reference"))
_LOCK = select(*_COLUMNS, customer.c.merged_into).where(customer.c.id == bindparam("id")).with_for_update()
_TOKEN = select(customer.c.token_hash).where(customer.c.id == bindparam("id"))
_MOST_PER_PAGE = 100
# How the databases name the index that two accounts of one user break, whatever the prefix of the tables.
_REFERENCE_TAKEN = ("_customer_reference", "_customer.reference")


def _know(dialect: str) -> Any:
    """Insert, or an update that changes nothing: only so does a row that was there already come back.

    Not even the address is set to itself. PostgreSQL would lock the row against those who only refer to it, such as the
    same buyer's other order, which waits for the goods that we hold.
    """
    query = upsert(dialect, customer)
    same = query.on_conflict_do_update(index_elements=["email"], set_={"created_at": customer.c.created_at})
    return same.returning(_ITSELF)


_KNOW = {dialect: _know(dialect) for dialect in ("sqlite", "postgresql")}


class Keeper(Protocol):
    """Whoever knows every room that holds something about a person; the composition root puts it in."""

    def merge(self, source: int, target: int) -> Mapping[str, int]:
        """Move all that is `source`'s to `target`."""
        ...

    def export(self, customer: Customer) -> dict[str, Any]:
        """All that is held about a customer."""
        ...

    def erase(self, customer: Customer, *, open_orders: str) -> Erasure:
        """Erase a customer."""
        ...


class CustomerService(Groups, Addresses, Consents):
    """Customers in one unit of work."""

    keeper: Keeper

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session: Any = work.session

    def get(self, customer_id: int) -> Customer:
        """The customer with this id. Raises NotFound."""
        row = self._session.execute(_BY_ID, {"id": customer_id}).first() if is_id(customer_id) else None
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

    def of_reference(self, reference: str) -> Customer:
        """The account of a user of the host. Raises NotFound."""
        row = self._of_reference(reference)
        if row is None:
            raise NotFound("customer", reference)
        return Customer(*row)

    def list(
        self, *, group: str | None = None, guests: bool | None = None, per_page: int = 20, cursor: str | None = None
    ) -> Page[Customer]:
        """Customers, newest first: those of a group, only guests (True) or only accounts (False).

        `cursor` is the `next_cursor` of the page before; nothing is counted. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("per_page", per_page, at_least=1, at_most=_MOST_PER_PAGE)
        group = None if group is None else checks.text("group", group, limit=40)
        if guests is not None and not isinstance(guests, bool):
            checks.wrong("guests", "not_boolean")
        after = read_cursor(checks, cursor)
        checks.done()
        query = select(*_COLUMNS).where(customer.c.merged_into.is_(None), customer.c.erased_at.is_(None))
        if group is not None:
            query = query.where(customer.c.customer_group == group)
        if guests is not None:
            query = query.where(customer.c.reference.is_(None) == guests)
        if after is not None:
            query = query.where(customer.c.id < after)
        rows = self._session.execute(query.order_by(customer.c.id.desc()).limit(per_page + 1)).all()
        following = str(rows[per_page - 1].id) if len(rows) > per_page else None
        return Page(tuple(Customer(*row) for row in rows[:per_page]), 1, per_page, None, following)

    def create(
        self,
        *,
        email: str,
        name: str = "",
        document: str = "",
        phone: str = "",
        reference: str | None = None,
        group: str | None = None,
    ) -> Customer:
        """A new customer: a guest, or with a `reference` the account of that user of the host (at most 120 characters).

        `document` is a CPF or CNPJ, `group` the code of a group. Raises ValidationError, also (`duplicate`) for an
        address or a reference that somebody has already.
        """
        checks = Checks()
        row: dict[str, Any] = {
            "email": folded(checks.email("email", email)),
            "name": checks.text("name", name, limit=120, required=False),
            "document": check_document(checks, document),
            "phone": check_phone(checks, phone),
            "reference": None if reference is None else checks.text("reference", reference, limit=120),
            "customer_group": None if group is None else self._check_group(checks, group),
            "created_at": self._work.clock.now(),
        }
        self._check_free(checks, row["email"], row["reference"], but=0)
        checks.done()
        made = self._write(insert(customer).values(row).returning(*_COLUMNS), row)
        self._work.outbox.announce(CustomerChanged(made.id))
        return made

    def update(
        self,
        customer_id: int,
        *,
        email: str | None = None,
        name: str | None = None,
        document: str | None = None,
        phone: str | None = None,
        group: str | None = None,
    ) -> Customer:
        """Change what is given; None leaves a field as it is, the empty text clears it (not the e-mail address).

        Orders keep what they were placed with. Raises NotFound, ValidationError.
        """
        checks = Checks()
        values: dict[str, Any] = {}
        if email is not None:
            values["email"] = folded(checks.email("email", email))
        if name is not None:
            values["name"] = checks.text("name", name, limit=120, required=False)
        if document is not None:
            values["document"] = check_document(checks, document)
        if phone is not None:
            values["phone"] = check_phone(checks, phone)
        if group is not None:
            values["customer_group"] = self._check_group(checks, group)
        checks.done()
        row = self.lock(customer_id)
        if not values:
            return self.get(row.id)
        if "email" in values:
            self._check_free(checks, values["email"], None, but=row.id)
            checks.done()
        change = update(customer).where(customer.c.id == row.id).values(**values).returning(*_COLUMNS)
        changed = self._write(change, values)
        self._work.outbox.announce(CustomerChanged(row.id))
        return changed

    def account(self, reference: str, *, email: str, name: str = "", verified: bool = False) -> Customer:
        """The account of a user of the host, made when there is none yet: to be called when somebody signs in.

        The host says with `verified` that the user has proved the address to be theirs: only then does a guest who
        bought with it become the account, with all their orders. Raises ValidationError: `email` is a `duplicate` when
        it is another account's, or a guest's and not verified.
        """
        checks = Checks()
        reference = checks.text("reference", reference, limit=120)
        address = folded(checks.email("email", email))
        name = checks.text("name", name, limit=120, required=False)
        if not isinstance(verified, bool):
            checks.wrong("verified", "not_boolean")
        checks.done()
        known = self._of_reference(reference)
        if known is not None:
            return Customer(*known)
        guest = self._session.execute(_BY_EMAIL, {"email": address}).first()
        if guest is None:
            return self._create_once(reference, address, name)
        if guest.reference == reference:  # made just now by another request of the same user
            return Customer(*guest)
        if not verified or guest.reference is not None:
            raise ValidationError.of("email", "duplicate", value=address)
        return self.attach(guest.id, reference)

    def _create_once(self, reference: str, email: str, name: str) -> Customer:
        try:
            return self.create(email=email, name=name, reference=reference)
        except ValidationError:
            made = self._of_reference(reference)  # by another request of the same user, just now
            if made is None:
                raise
            return Customer(*made)

    def attach(self, customer_id: int, reference: str) -> Customer:
        """Make a guest the account of a user; asked again nothing changes.

        Raises NotFound, and ValidationError when the customer or the user has another one already.
        """
        checks = Checks()
        reference = checks.text("reference", reference, limit=120)
        checks.done()
        row = self.lock(customer_id)
        if row.reference == reference:
            return self.get(row.id)
        if row.reference is not None:
            raise ValidationError.of("customer_id", "invalid", reason="the customer is another user's account")
        self._check_free(checks, None, reference, but=row.id)
        checks.done()
        values = {"reference": reference}
        change = update(customer).where(customer.c.id == row.id).values(**values).returning(*_COLUMNS)
        made = self._write(change, values)
        self._work.outbox.announce(CustomerChanged(row.id))
        return made

    def merge(self, customer_id: int, *, into: int) -> Merge:
        """Join a guest to an account (or to another guest): orders, credit, reviews, lists and addresses move over.

        The guest's address stays a second address of the other: who buys with it, buys as the other. Asked again,
        nothing changes. Raises NotFound, and ValidationError for an account of its own or for one and the same.
        """
        if not is_id(customer_id) or not is_id(into):
            raise NotFound("customer", into if is_id(customer_id) else customer_id)
        rows = {each: self.lock_row(each) for each in sorted({customer_id, into})}
        for each, row in rows.items():
            if row is None:
                raise NotFound("customer", each)
        source, target = rows[customer_id], rows[into]
        checks = Checks()
        if customer_id == into:
            checks.wrong("into", "invalid", reason="a customer cannot be merged into itself")
        elif target.merged_into is not None or target.erased_at is not None:
            checks.wrong("into", "invalid", reason="that customer was merged or erased")
        elif source.merged_into == target.id:
            return Merge(self.get(into), {})
        elif source.merged_into is not None or source.erased_at is not None:
            checks.wrong("customer_id", "invalid", reason="that customer was merged or erased")
        elif source.reference is not None:
            checks.wrong("customer_id", "invalid", reason="only a guest can be merged; this is a user's account")
        checks.done()
        moved = self.keeper.merge(source.id, target.id)
        self._work.outbox.announce(CustomerChanged(source.id), CustomerChanged(target.id))
        return Merge(self.get(target.id), moved)

    def export(self, customer_id: int) -> dict[str, Any]:
        """Everything that is held about a customer, as JSON takes it (LGPD art. 18, II and V). Raises NotFound."""
        self.lock(customer_id, erased=True)
        return self.keeper.export(self.get(customer_id))

    def erase(self, customer_id: int, *, open_orders: str = "erase") -> Erasure:
        """Erase what names or finds a customer (LGPD art. 18, VI), and keep what the law wants kept, without the name.

        Orders, payments and taxes stay as they are but for the person in them. `open_orders` says what becomes of
        orders that are still to be paid or sent: `erase` them too, though nobody knows then where to send them, or
        `refuse` the whole erasure. Asked again, nothing changes. Raises NotFound, ErasureRefused, ValidationError.
        """
        checks = Checks()
        checks.choice("open_orders", open_orders, ("erase", "refuse"))
        checks.done()
        row = self.lock(customer_id, erased=True)
        return self.keeper.erase(self.get(row.id), open_orders=open_orders)

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
        of = self.lock(customer_id).id
        self._session.execute(update(customer).where(customer.c.id == of).values(token_hash=_hash(token)))
        return token

    def opens(self, customer_id: int, token: str) -> bool:
        """Whether this is the customer's token."""
        kept = self._session.execute(_TOKEN, {"id": customer_id}).scalar() if is_id(customer_id) else None
        return kept is not None and hmac.compare_digest(str(kept), _hash(token))

    def lock(self, customer_id: int, *, erased: bool = False) -> Any:
        """The row of a customer, held until the transaction ends; of a merged one the other's.

        Raises NotFound, also for an erased one unless those are wanted, too.
        """
        row = self.lock_row(customer_id) if is_id(customer_id) else None
        if row is not None and row.merged_into is not None:
            row = self.lock_row(row.merged_into)
        if row is None or (row.erased_at is not None and not erased):
            raise NotFound("customer", customer_id)
        return row

    def lock_row(self, customer_id: int) -> Any:
        """The very row with this number, held; None when there is none."""
        return self._session.execute(_LOCK, {"id": customer_id}).first()

    def _of_reference(self, reference: str) -> Any:
        known = isinstance(reference, str) and storable(reference)
        return self._session.execute(_BY_REFERENCE, {"reference": reference}).first() if known else None

    def _check_free(self, checks: Checks, email: str | None, reference: str | None, *, but: int) -> None:
        if checks.errors:
            return
        for name, value in (("email", email), ("reference", reference)):
            if value is None:
                continue
            taken = select(customer.c.id).where(customer.c[name] == value, customer.c.id != but)
            if self._session.execute(taken).first() is not None:
                checks.wrong(name, "duplicate", value=value)

    def _write(self, statement: Any, values: Mapping[str, Any]) -> Customer:
        """Write a customer. Two at once may want one address: the second is told so, and its transaction goes on."""
        connection = self._session.connection()
        try:
            with connection.begin_nested():
                return Customer(*connection.execute(statement).one())
        except IntegrityError as error:
            of_reference = any(name in str(error.orig) for name in _REFERENCE_TAKEN)
            field = "reference" if of_reference else "email"
            raise ValidationError.of(field, "duplicate", value=values.get(field)) from error


def read_cursor(checks: Checks, cursor: Any) -> int | None:
    """The row number that a page ended with."""
    if cursor is None:
        return None
    if isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and is_id(int(cursor[:19])):
        return int(cursor[:19])
    checks.wrong("cursor", "invalid", reason="not a cursor of this list")
    return None


def folded(email: str) -> str:
    """An address as it is kept: in small letters."""
    return email.strip().lower()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
