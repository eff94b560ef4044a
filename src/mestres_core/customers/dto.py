"""What customers give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who has bought, or has an account: `email` in small letters.

    `reference` is the host's own name for its user; None is a guest. `group` is the code of a customer group. After
    an erasure `erased_at` says when, and name, email and document are placeholders.
    """

    id: int
    email: str
    name: str
    document: str
    created_at: datetime
    reference: str | None = None
    group: str | None = None
    phone: str = ""
    erased_at: datetime | None = None

    @property
    def is_guest(self) -> bool:
        """Whether no user of the host stands behind it."""
        return self.reference is None


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """A group, by the code that carts, prices and promotions know it by."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of a customer's book; `fields` is what `checkout.quote(address=...)` takes."""

    id: int
    customer_id: int
    label: str
    name: str
    street: str
    number: str
    complement: str
    district: str
    city: str
    state: str
    postal_code: str
    country: str
    default_shipping: bool
    default_billing: bool

    @property
    def fields(self) -> Mapping[str, str]:
        """The address alone, as a checkout takes it."""
        return {name: getattr(self, name) for name in ADDRESS_FIELDS}


ADDRESS_FIELDS: Mapping[str, int] = {
    "name": 120,
    "street": 200,
    "number": 20,
    "complement": 120,
    "district": 120,
    "city": 120,
    "state": 60,
    "postal_code": 12,
    "country": 2,
}
"""The fields of an address, and how many characters each may have."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a customer said of a purpose: `version` is that of the text, `source` where it was said."""

    purpose: str
    granted: bool
    version: str
    source: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Merge:
    """What moved when one customer was joined to another: how many rows of each kind."""

    customer: Customer
    moved: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that an erasure leaves, without the person in them, and why (a stable word in `reason`)."""

    what: str
    rows: int
    reason: str

    def describe(self, locale: str = "en") -> str:
        """Why, in English or in Portuguese (`pt-BR`)."""
        return KEPT_BECAUSE[self.reason][locale == "pt-BR"]


KEPT_BECAUSE: Mapping[str, tuple[str, str]] = {
    "fiscal_record": (
        "the law wants sales kept for tax and consumer claims (LGPD art. 16, I; CTN art. 173 and 195)",
        "a lei manda guardar vendas para fins fiscais e de consumo (LGPD art. 16, I; CTN art. 173 e 195)",
    ),
    "payment_record": (
        "the payment ledger proves what was paid and given back (LGPD art. 16, I)",
        "o razão de pagamentos prova o que foi pago e devolvido (LGPD art. 16, I)",
    ),
    "delivery_record": (
        "the carrier's number proves that the goods were delivered (LGPD art. 7, VI)",
        "o código da transportadora prova a entrega (LGPD art. 7, VI)",
    ),
    "debt": (
        "credit that was not spent is still the shop's debt",
        "o crédito não usado ainda é dívida da loja",
    ),
    "proof_of_consent": (
        "the shop must be able to prove that consent was given (LGPD art. 8, paragraph 2)",
        "a loja precisa poder provar o consentimento (LGPD art. 8, § 2)",
    ),
    "anonymous": (
        "nothing in it names or finds the person any more (LGPD art. 12)",
        "nada nele identifica mais a pessoa (LGPD art. 12)",
    ),
}


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: rows erased or emptied of personal data by kind, and what was kept and why.

    Asked for again, `erased` is empty and `erased_at` the first time.
    """

    customer_id: int
    erased_at: datetime
    erased: Mapping[str, int]
    kept: tuple[Kept, ...]
