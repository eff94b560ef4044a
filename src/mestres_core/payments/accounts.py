"""Gift cards and store credit: accounts that the shop itself keeps.

Invariants: a balance is never below zero, whatever runs at once, and is the sum of the account's entries. Money is
taken by a conditional update; a CHECK constraint stands behind it. Accounts are locked in the order of their ids.

A gift card's code is money to whoever holds it: it has 80 random bits, only its hash is kept, and it is told once.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from mestres_core.customers.service import CustomerService
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import AccountNotUsable, IdempotencyConflict, InsufficientFunds, NotFound
from mestres_core.events.work import Work
from mestres_core.payments.dto import Account, AccountEntry, IssuedGiftCard
from mestres_core.payments.models import account, entry
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.money import Money

GIFT_CARD, STORE_CREDIT = "gift_card", "store_credit"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is taken for a digit
_READ_AS = str.maketrans("OIL", "011", "- ")
_SHORTEST, _LONGEST_CODE = 8, 40
_BY_ID = select(account).where(account.c.id == bindparam("of"))
_BY_CODE = select(account).where(account.c.code_hash == bindparam("code_hash"))
_CREDIT_OF = select(account).where(
    account.c.kind == STORE_CREDIT,
    account.c.customer_id == bindparam("customer_id"),
    account.c.currency == bindparam("currency"),
)
_TAKE = (
    update(account)
    .where(account.c.id == bindparam("of"), account.c.balance >= bindparam("less"), account.c.active)
    .values(balance=account.c.balance - bindparam("less"))
    .returning(account.c.balance)
)
_PUT = update(account).where(account.c.id == bindparam("of")).values(balance=account.c.balance + bindparam("more"))
_ENTRIES = select(entry).where(entry.c.account_id == bindparam("of")).order_by(entry.c.id)
_EARLIER = select(entry).where(entry.c.account_id == bindparam("of"), entry.c.idempotency_key == bindparam("key"))


class Accounts:
    """What both kinds of accounts stand on: reading, taking and putting, each with its entry."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def by_code(self, code: str) -> Any:
        """The row of a gift card, None when there is none with this code (in any capitals, dashes or not)."""
        if not isinstance(code, str) or not storable(code):
            return None
        return self._session.execute(_BY_CODE, {"code_hash": _hash(folded(code))}).first()

    def credit_of(self, customer_id: int, currency: str) -> Any:
        """The row of a customer's store credit, None when there never was any."""
        return self._session.execute(_CREDIT_OF, {"customer_id": customer_id, "currency": currency}).first()

    def refusal(self, row: Any, currency: str) -> str | None:
        """Why an account pays for nothing now: currency, inactive, expired; None when it does."""
        if row.currency != currency:
            return "currency"
        if not row.active:
            return "inactive"
        expired = row.expires_at is not None and row.expires_at <= self._work.clock.now()
        return "expired" if expired else None

    def take(
        self, row: Any, amount: int, *, payment_id: str | None = None, reference: str = "", key: str | None = None
    ) -> None:
        """Take `amount` minor units. Raises InsufficientFunds when they are not there, which changes nothing."""
        left = self._session.execute(_TAKE, {"of": row.id, "less": amount}).first()
        if left is None:
            now = self._session.execute(_BY_ID, {"of": row.id}).one()
            raise InsufficientFunds(account=now.hint or row.kind, requested=amount, available=now.balance)
        self._enter(row.id, "debit", -amount, payment_id=payment_id, reference=reference, key=key)

    def put(
        self,
        account_id: int,
        kind: str,
        amount: int,
        *,
        payment_id: str | None = None,
        reference: str = "",
        key: str | None = None,
    ) -> None:
        """Put `amount` minor units in, also when the account is expired or switched off: it is the buyer's money."""
        self._session.execute(_PUT, {"of": account_id, "more": amount})
        self._enter(account_id, kind, amount, payment_id=payment_id, reference=reference, key=key)

    def entries(self, row: Any) -> tuple[AccountEntry, ...]:
        """What has happened to an account, oldest first."""
        return tuple(
            AccountEntry(each.kind, Money(each.amount, row.currency), each.payment_id, each.reference, each.created_at)
            for each in self._session.execute(_ENTRIES, {"of": row.id})
        )

    def told_before(self, row: Any, kind: str, amount: int, key: str | None) -> bool:
        """Whether this very change was made under this key. Raises IdempotencyConflict when another was."""
        if key is None:
            return False
        earlier = self._session.execute(_EARLIER, {"of": row.id, "key": key}).first()
        if earlier is None:
            return False
        if (earlier.kind, abs(earlier.amount)) != (kind, amount):
            raise IdempotencyConflict(key)
        return True

    def shown(self, account_id: int) -> Account:
        """An account as it is now."""
        return show(self._session.execute(_BY_ID, {"of": account_id}).one())

    def _enter(
        self, account_id: int, kind: str, amount: int, *, payment_id: str | None, reference: str, key: str | None
    ) -> None:
        row = {
            "account_id": account_id,
            "kind": kind,
            "amount": amount,
            "payment_id": payment_id,
            "reference": reference,
            "idempotency_key": key,
            "created_at": self._work.clock.now(),
        }
        self._session.execute(insert(entry), row)


class GiftCardService:
    """Gift cards in one unit of work. Amounts are minor units of the card's currency.

    A code is taken in any capitals, with dashes and blanks or without; O, I and L are read as 0, 1 and 1.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._accounts = Accounts(work)

    def issue(
        self,
        *,
        amount: int,
        currency: str = "BRL",
        expires_at: datetime | None = None,
        code: str | None = None,
        reference: str = "",
    ) -> IssuedGiftCard:
        """A new card worth `amount`; `code` (8 to 40 letters and digits) is made up unless given.

        The answer's code is told this once and not kept. Raises ValidationError, also for a code that is taken.
        """
        checks = Checks()
        checks.whole("amount", amount, at_least=1, at_most=BIGGEST_AMOUNT)
        _check_currency(checks, currency)
        _check_expiry(checks, expires_at, self._work.clock.now())
        reference = checks.text("reference", reference, limit=120, required=False)
        chosen = _checked_code(checks, code) if code is not None else self._new_code()
        checks.done()
        row = {
            "kind": GIFT_CARD,
            "code_hash": _hash(chosen),
            "hint": chosen[-4:],
            "customer_id": None,
            "currency": currency,
            "balance": 0,
            "active": True,
            "expires_at": expires_at,
            "created_at": self._work.clock.now(),
        }
        query = upsert(self._work.dialect, account).values(row).on_conflict_do_nothing()
        made = self._session.execute(query.returning(account.c.id)).scalar()
        if made is None:
            checks.wrong("code", "duplicate", value=f"...{chosen[-4:]}")
            checks.done()
        self._accounts.put(int(made or 0), "issue", amount, reference=reference)
        return IssuedGiftCard(self._accounts.shown(int(made or 0)), dashed(chosen))

    def get(self, code: str) -> Account:
        """The card with this code. Raises NotFound."""
        return show(self._row(code))

    def entries(self, code: str) -> tuple[AccountEntry, ...]:
        """What has happened to a card, oldest first. Raises NotFound."""
        return self._accounts.entries(self._row(code))

    def top_up(self, code: str, *, amount: int, reference: str = "", idempotency_key: str | None = None) -> Account:
        """Put money on a card; the same key does it once.

        Raises NotFound, AccountNotUsable (expired, inactive), ValidationError, IdempotencyConflict.
        """
        return self._move(code, "top_up", amount, reference, idempotency_key)

    def debit(self, code: str, *, amount: int, reference: str = "", idempotency_key: str | None = None) -> Account:
        """Take money off a card outside of a checkout (at a counter); the same key does it once.

        Raises NotFound, InsufficientFunds, AccountNotUsable (expired, inactive), ValidationError, IdempotencyConflict.
        """
        return self._move(code, "debit", amount, reference, idempotency_key)

    def change(self, code: str, *, active: bool | None = None, expires_at: datetime | None = None) -> Account:
        """Switch a card off or on, or let it hold longer. Raises NotFound, ValidationError."""
        checks = Checks()
        if active is not None and type(active) is not bool:
            checks.wrong("active", "not_boolean")
        _check_expiry(checks, expires_at, self._work.clock.now())
        checks.done()
        row = self._row(code)
        values: dict[str, Any] = {
            name: value for name, value in (("active", active), ("expires_at", expires_at)) if value is not None
        }
        if values:
            self._session.execute(update(account).where(account.c.id == row.id).values(**values))
        return self._accounts.shown(row.id)

    def _move(self, code: str, kind: str, amount: int, reference: str, key: str | None) -> Account:
        checks = Checks()
        checks.whole("amount", amount, at_least=1, at_most=BIGGEST_AMOUNT)
        reference = checks.text("reference", reference, limit=120, required=False)
        if key is not None:
            key = checks.text("idempotency_key", key, limit=255)
        checks.done()
        row = self._row(code)
        if self._accounts.told_before(row, kind, amount, key):
            return show(row)
        reason = self._accounts.refusal(row, row.currency)
        if reason is not None:
            raise AccountNotUsable(account=row.hint, reason=reason)
        if kind == "debit":
            self._accounts.take(row, amount, reference=reference, key=key)
        else:
            self._accounts.put(row.id, kind, amount, reference=reference, key=key)
        return self._accounts.shown(row.id)

    def _row(self, code: str) -> Any:
        row = self._accounts.by_code(code)
        if row is None:
            raise NotFound("gift_card", f"...{str(code)[-4:]}")
        return row

    def _new_code(self) -> str:
        """Sixteen letters: 80 bits of an unguessable name."""
        number = int.from_bytes(hashlib.sha256(self._work.ids.token().encode()).digest()[:10], "big")
        return "".join(_LETTERS[number >> shift & 31] for shift in range(0, 80, 5))


class StoreCreditService:
    """Store credit in one unit of work: a customer has one account for each currency. Amounts are minor units."""

    def __init__(self, work: Work, customers: CustomerService) -> None:
        self._work = work
        self._session = work.session
        self._customers = customers
        self._accounts = Accounts(work)

    def grant(
        self,
        customer_id: int,
        *,
        amount: int,
        currency: str = "BRL",
        reference: str = "",
        idempotency_key: str | None = None,
    ) -> Account:
        """Give a customer credit; the same key does it once. Raises NotFound, ValidationError, IdempotencyConflict."""
        key, reference = _checked_change(amount, currency, reference, idempotency_key)
        row = self._open(self._customers.get(customer_id).id, currency)
        if not self._accounts.told_before(row, "issue", amount, key):
            self._accounts.put(row.id, "issue", amount, reference=reference, key=key)
        return self._accounts.shown(row.id)

    def debit(
        self,
        customer_id: int,
        *,
        amount: int,
        currency: str = "BRL",
        reference: str = "",
        idempotency_key: str | None = None,
    ) -> Account:
        """Take credit back; the same key does it once.

        Raises NotFound, InsufficientFunds, ValidationError, IdempotencyConflict.
        """
        key, reference = _checked_change(amount, currency, reference, idempotency_key)
        row = self._open(self._customers.get(customer_id).id, currency)
        if not self._accounts.told_before(row, "debit", amount, key):
            self._accounts.take(row, amount, reference=reference, key=key)
        return self._accounts.shown(row.id)

    def balance(self, customer_id: int, *, currency: str = "BRL") -> Money:
        """What a customer may spend. Raises NotFound, ValidationError."""
        row = self._known(customer_id, currency)
        return Money(0 if row is None else row.balance, currency)

    def entries(self, customer_id: int, *, currency: str = "BRL") -> tuple[AccountEntry, ...]:
        """What has happened to a customer's credit, oldest first. Raises NotFound, ValidationError."""
        row = self._known(customer_id, currency)
        return () if row is None else self._accounts.entries(row)

    def _known(self, customer_id: int, currency: str) -> Any:
        checks = Checks()
        _check_currency(checks, currency)
        checks.done()
        return self._accounts.credit_of(self._customers.get(customer_id).id, currency)

    def _open(self, customer_id: int, currency: str) -> Any:
        row = {
            "kind": STORE_CREDIT,
            "code_hash": None,
            "hint": "",
            "customer_id": customer_id,
            "currency": currency,
            "balance": 0,
            "active": True,
            "expires_at": None,
            "created_at": self._work.clock.now(),
        }
        self._session.execute(upsert(self._work.dialect, account).values(row).on_conflict_do_nothing())
        return self._accounts.credit_of(customer_id, currency)


def show(row: Any) -> Account:
    """An account's row as it is shown."""
    return Account(
        row.id,
        row.kind,
        row.hint,
        row.customer_id,
        Money(row.balance, row.currency),
        row.active,
        row.expires_at,
        row.created_at,
    )


def folded(code: str) -> str:
    """A code as it is compared: capitals, no dashes and blanks, and letters that look like digits read as digits."""
    return code.upper().translate(_READ_AS)


def dashed(code: str) -> str:
    """A code as people copy it: in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _checked_code(checks: Checks, code: Any) -> str:
    text = folded(checks.text("code", code, limit=_LONGEST_CODE))
    if text and not (len(text) >= _SHORTEST and text.isascii() and text.isalnum()):
        checks.wrong("code", "invalid", reason="a code has 8 to 40 letters and digits")
    return text


def _check_currency(checks: Checks, currency: Any) -> None:
    try:
        Money(0, currency)
    except ValueError:
        checks.wrong("currency", "invalid", reason="not three capital letters")


def _check_expiry(checks: Checks, expires_at: Any, now: datetime) -> None:
    if expires_at is None:
        return
    if not isinstance(expires_at, datetime) or expires_at.tzinfo is None:
        checks.wrong("expires_at", "invalid", reason="not a moment with a time zone")
    elif expires_at <= now:
        checks.wrong("expires_at", "invalid", reason="it is over already")


def _checked_change(amount: Any, currency: Any, reference: Any, key: Any) -> tuple[str | None, str]:
    checks = Checks()
    checks.whole("amount", amount, at_least=1, at_most=BIGGEST_AMOUNT)
    _check_currency(checks, currency)
    reference = checks.text("reference", reference, limit=120, required=False)
    if key is not None:
        key = checks.text("idempotency_key", key, limit=255)
    checks.done()
    return key, reference
