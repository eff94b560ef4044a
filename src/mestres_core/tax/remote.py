"""A calculator behind a network, asked only between transactions.

Within a transaction the calculator gives an answer that it has, or raises `TaxesNeeded` with the question. Whoever owns
the transaction ends it, has the question answered, and does the same work again: then the answer is there. The shop
does so by itself for each call of its own (`Commerce.run`).

Invariant: the network is never waited for while a transaction of this package is open.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mestres_core.db.waiting import ask
from mestres_core.errors import ProviderFailed, TransactionOwnershipError
from mestres_core.rules.tax import Taxed
from mestres_core.typing import TaxCalculator, TaxLine

T = TypeVar("T")
_log = logging.getLogger(__name__)
_MOST_KEPT = 1024
_MOST_QUESTIONS = 5
KEPT_FOR = timedelta(minutes=15)
"""How long an answer is good for the same question, by the shop's clock: from a quote to its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a calculator is asked."""

    lines: tuple[TaxLine, ...]
    address: Mapping[str, str]
    currency: str
    at: datetime
    customer_type: str
    origin: str

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for the same question at another time."""
        lines = tuple(
            (repr(each.key), each.amount, each.quantity, each.tax_class, each.sku, tuple(sorted(each.codes.items())))
            for each in self.lines
        )
        return lines, tuple(sorted(self.address.items())), self.currency, self.customer_type, self.origin


class TaxesNeeded(TransactionOwnershipError):
    """Taxes have to be asked for over a network, and a transaction is open: end it, call `ask()`, do the work again."""

    def __init__(self, remote: RemoteTaxes, question: Question) -> None:
        super().__init__("a remote tax calculator")
        self._remote = remote
        self.question = question

    def ask(self) -> None:
        """Have the question answered; with no transaction open. Raises ProviderFailed."""
        self._remote.ask(self.question)


class RemoteTaxes:
    """The answers of one remote calculator; threads may share it."""

    remote = False

    def __init__(self, calculator: TaxCalculator) -> None:
        self._calculator = calculator
        self._kept: OrderedDict[tuple[Any, ...], tuple[datetime, tuple[Taxed, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def calculate(
        self,
        lines: Sequence[TaxLine],
        *,
        address: Mapping[str, str],
        currency: str,
        at: datetime,
        customer_type: str,
        origin: str,
    ) -> Sequence[Taxed]:
        """The answer, if the question was asked within the last 15 minutes; otherwise raises TaxesNeeded."""
        question = Question(
            lines=tuple(lines),
            address=dict(address),
            currency=currency,
            at=at,
            customer_type=customer_type,
            origin=origin,
        )
        with self._lock:
            known = self._kept.get(question.key)
        if known is None or abs(at - known[0]) > KEPT_FOR:
            raise TaxesNeeded(self, question)
        return known[1]

    def ask(self, question: Question) -> None:
        """Ask the calculator itself, and keep what it answers. Raises ProviderFailed, whatever went wrong there."""
        try:
            answer = ask(
                self._calculator.calculate,
                question.lines,
                address=question.address,
                currency=question.currency,
                at=question.at,
                customer_type=question.customer_type,
                origin=question.origin,
            )
            taxed = tuple(answer)
        except Exception as error:
            _log.warning("no answer from the tax calculator", exc_info=True)
            raise ProviderFailed("tax calculator") from error
        with self._lock:
            self._kept[question.key] = (question.at, taxed)
            self._kept.move_to_end(question.key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


def answering(attempt: Callable[[], T]) -> T:
    """What `attempt` returns, which opens and ends transactions of its own; questions of taxes are answered between."""
    for _ in range(_MOST_QUESTIONS):
        try:
            return attempt()
        except TaxesNeeded as needed:
            needed.ask()
    return attempt()
