"""What an order is paid with: one tender or several, by providers and out of the shop's own accounts.

Invariants: the tenders of an order bring exactly its total. What an account pays is taken in the order's own
transaction and held; it is captured with the order's other money, and goes back to the account when the order comes to
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert

from mestres_core.customers.service import CustomerService
from mestres_core.db.later import write
from mestres_core.errors import AccountNotUsable, FieldError, InsufficientFunds, NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.payments.accounts import GIFT_CARD, STORE_CREDIT, Accounts
from mestres_core.payments.books import PaymentBooks, as_payment
from mestres_core.payments.dto import Payment, Tender
from mestres_core.payments.models import payment
from mestres_core.rules.checks import Checks
from mestres_core.rules.money import Money
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest

_NEW = insert(payment).inline()
ACCOUNTS = (GIFT_CARD, STORE_CREDIT)
_NOTHING_YET = dict.fromkeys(
    ("authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount"), 0
)
NOBODY = "none"
"""The provider of what costs nothing."""


@dataclass(frozen=True, slots=True)
class Share:
    """A tender with what it is to bring, in minor units; `account` is the row that it is taken from."""

    provider: str
    method: str
    token: str
    amount: int
    account: Any = None
    expires_at: datetime | None = None


class Tenders(PaymentBooks):
    """Sharing an order's total out over its tenders, and opening them."""

    def __init__(self, work: Work, providers: Mapping[str, PaymentProvider], customers: CustomerService) -> None:
        super().__init__(work, providers)
        self._customers = customers
        self._accounts = Accounts(work)

    def provider_for(self, method: str, field: str = "payment") -> PaymentProvider:
        """The provider that takes `method`. Raises ValidationError."""
        for provider in self._providers.values():
            if method in provider.methods:
                return provider
        methods = {method for provider in self._providers.values() for method in provider.methods} | set(ACCOUNTS)
        raise ValidationError.of(f"{field}.method", "unknown", choices=", ".join(sorted(methods)))

    def check_methods(self, tenders: Sequence[Tender]) -> None:
        """Raises ValidationError for a method that nobody takes."""
        for index, each in enumerate(tenders):
            if each.method not in ACCOUNTS:
                self.provider_for(each.method, field_of(tenders, index))

    def share_out(self, tenders: Sequence[Tender], total: Money, buyer: Mapping[str, str]) -> tuple[Share, ...]:
        """What each tender is to bring of `total`; tenders that are not needed are left out.

        Raises ValidationError when they do not add up, for an unknown gift card and for somebody else's store credit,
        AccountNotUsable, InsufficientFunds.
        """
        if not total.amount:
            return (Share(NOBODY, tenders[0].method, "", 0),)
        shares, given = [], sum(each.amount or 0 for each in tenders)
        left = total.amount - given
        seen: set[int] = set()
        for index, each in enumerate(tenders):
            field = field_of(tenders, index)
            if each.method in ACCOUNTS:
                row = self._account(each, field, total.currency, buyer)
                if row.id in seen:
                    raise ValidationError.of(f"{field}.{_naming(each)}", "duplicate", value=row.hint or each.method)
                seen.add(row.id)
                amount = min(row.balance, max(left, 0)) if each.amount is None else each.amount
                if amount > row.balance:
                    raise InsufficientFunds(account=row.hint or each.method, requested=amount, available=row.balance)
                shares.append(Share(each.method, each.method, "", amount, row))
                left -= amount if each.amount is None else 0
        for index, each in enumerate(tenders):
            if each.method not in ACCOUNTS:
                provider = self.provider_for(each.method, field_of(tenders, index))
                amount = max(left, 0) if each.amount is None else each.amount
                terms = getattr(provider, "expires_at", None)
                until = None if terms is None else terms(now=self._work.clock.now())
                shares.append(Share(provider.name, each.method, each.token, amount, expires_at=until))
                left -= amount if each.amount is None else 0
        if left:
            raise ValidationError.of("payment", "not_covered", total=total.amount, given=total.amount - left)
        return tuple(each for each in shares if each.amount)

    def open(
        self,
        shares: Sequence[Share],
        *,
        order_number: str,
        currency: str,
        buyer: Mapping[str, str],
        expires_at: datetime,
        leased_until: datetime,
        alone: bool = False,
    ) -> tuple[tuple[Payment, ...], tuple[PaymentRequest, ...]]:
        """Write the tenders down before anybody is called, and take from the accounts what they pay.

        Until `leased_until` its caller is presumed at work; `alone` says that the order is new and no event waits
        for it. What is to be charged is in the requests; when there are none, the order is paid. Raises
        InsufficientFunds.
        """
        now = self._work.clock.now()
        rows, requests, events = [], [], []
        at_once = all(each.provider in (*ACCOUNTS, NOBODY) for each in shares)
        for position, each in enumerate(shares):
            row: dict[str, Any] = {
                "id": f"pay_{self._work.ids.token()}",
                "order_number": order_number,
                "provider": each.provider,
                "method": each.method,
                "currency": currency,
                "amount": each.amount,
                "status": "pending",
                "acknowledged": False,
                "reference": "",
                "action": {},
                "leased_until": leased_until,
                "expires_at": each.expires_at or expires_at,
                "created_at": now,
                "position": position,
                "account_id": None,
                **_NOTHING_YET,
            }
            if each.provider in (*ACCOUNTS, NOBODY):
                row |= {
                    "acknowledged": True,
                    "reference": f"...{each.account.hint}" if each.account is not None else "",
                }
                row |= {"status": "authorized", "authorized_amount": each.amount}
                row["account_id"] = None if each.account is None else each.account.id
                events.append(_own(row, "authorized"))
                if at_once:
                    row |= {"status": "captured", "captured_amount": each.amount}
                    events.append(_own(row, "captured"))
            else:
                requests.append(_request(row, each, buyer))
            rows.append(row)
        if len(rows) == 1:
            write(self._session, _NEW, rows[0])
            if alone:
                known = {"tenders": 1, "told": False, "has_parked": False}
                self._written = {rows[0]["id"]: SimpleNamespace(**rows[0], **known, _mapping=rows[0])}
        else:
            self._session.connection().execute(_NEW, rows)
        if events:
            self._debit(rows, shares, order_number)
            self._write([(each, "applied") for each in events])
        return tuple(as_payment(row) for row in rows), tuple(requests)

    def capture_accounts(self, number: str) -> None:
        """The order's other money has come: what its accounts hold for it is taken."""
        for row in self._rows(number):
            if row.account_id is not None and row.status == "authorized":
                self._note(row, "captured", row.amount, operation_id="", event_id=f"captured:{row.id}")

    def release_account(self, row: Any, *, operation_id: str) -> None:
        """What an account holds for an order goes back to it."""
        amount = row.authorized_amount - row.captured_amount - row.voided_amount
        if amount > 0:
            self._accounts.put(row.account_id, "release", amount, payment_id=row.id, reference=row.order_number)
            self._note(row, "voided", amount, operation_id=operation_id)

    def _debit(self, rows: Sequence[Mapping[str, Any]], shares: Sequence[Share], order_number: str) -> None:
        taken = [(row, each) for row, each in zip(rows, shares, strict=True) if each.account is not None]
        for row, each in sorted(taken, key=lambda pair: int(pair[1].account.id)):
            self._accounts.take(each.account, each.amount, payment_id=row["id"], reference=order_number)

    def _account(self, tender: Tender, field: str, currency: str, buyer: Mapping[str, str]) -> Any:
        if tender.method == GIFT_CARD:
            row = self._accounts.by_code(tender.code)
            if row is None:
                raise ValidationError.of(f"{field}.code", "unknown_gift_card")
        else:
            row = self._credit(tender, field, currency, buyer)
        reason = self._accounts.refusal(row, currency) or ("" if row.balance else "empty")
        if reason:
            raise AccountNotUsable(account=row.hint or tender.method, reason=reason)
        return row

    def _credit(self, tender: Tender, field: str, currency: str, buyer: Mapping[str, str]) -> Any:
        """The buyer's store credit. Anybody can type anybody's address: only the customer's token opens it."""
        wrong = ValidationError.of(f"{field}.token", "invalid", reason="not the token of this customer")
        try:
            customer = self._customers.find(buyer["email"])
        except NotFound:
            raise wrong from None
        if not self._customers.opens(customer.id, tender.token):
            raise wrong
        row = self._accounts.credit_of(customer.id, currency)
        if row is None:
            raise AccountNotUsable(account=STORE_CREDIT, reason="empty")
        return row


def read_tenders(value: Any) -> tuple[Tender, ...]:
    """How an order is to be paid: {"method": ..., "token": ...}, or a list of such tenders with amounts.

    Raises ValidationError naming each wrong field.
    """
    checks = Checks()
    several = isinstance(value, (list, tuple))
    if several and not 0 < len(value) <= MOST:
        reason, data = ("required", {}) if not value else ("too_many", {"limit": MOST})
        raise ValidationError(FieldError.of("payment", reason, **data))
    given = value if several else [value]
    found = tuple(_read(checks, f"payment.{index}" if several else "payment", each) for index, each in enumerate(given))
    open_ended = [index for index, each in enumerate(found) if each.amount is None and each.method not in ACCOUNTS]
    for index in open_ended[1:]:
        checks.wrong(f"payment.{index}.amount", "required")
    checks.done()
    return found


MOST = 10


def field_of(tenders: Sequence[Tender], index: int) -> str:
    """What a tender is called in errors."""
    return f"payment.{index}" if len(tenders) > 1 else "payment"


def _read(checks: Checks, field: str, value: Any) -> Tender:
    given = checks.mapping(field, value, ("method", "token", "amount", "code"))
    method = checks.text(f"{field}.method", given.get("method"), limit=20)
    token = checks.text(f"{field}.token", given.get("token"), limit=200, required=False)
    code = checks.text(f"{field}.code", given.get("code"), limit=60, required=method == GIFT_CARD)
    amount = given.get("amount")
    if amount is not None:
        checks.whole(f"{field}.amount", amount, at_least=1, at_most=10**12)
    if method in ("card", STORE_CREDIT) and not token:
        checks.wrong(f"{field}.token", "required")
    return Tender(method, token, amount, code)


def _naming(tender: Tender) -> str:
    return "code" if tender.method == GIFT_CARD else "method"


def _own(row: Mapping[str, Any], kind: str) -> PaymentEvent:
    """What the shop itself reports of an account that it keeps."""
    return PaymentEvent(
        provider=row["provider"], id=f"{kind}:{row['id']}", key=row["id"], kind=kind, amount=row["amount"]
    )


def _request(row: Mapping[str, Any], share: Share, buyer: Mapping[str, str]) -> PaymentRequest:
    return PaymentRequest(
        key=row["id"],
        provider=share.provider,
        order_number=row["order_number"],
        amount=Money(share.amount, row["currency"]),
        method=share.method,
        token=share.token,
        expires_at=row["expires_at"],
        customer=buyer,
    )
