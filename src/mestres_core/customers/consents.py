"""What customers have agreed to.

Invariant: what was said is never changed, only followed by what is said next; so the shop can prove what held when
(LGPD art. 8, paragraph 2). What is said last counts, and taking it back is as easy as giving it (art. 8, paragraph 5).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sqlalchemy import bindparam, insert, select

from mestres_core.customers.dto import Consent
from mestres_core.customers.inputs import check_code
from mestres_core.customers.models import consent
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks

_SAID = (
    select(consent.c.purpose, consent.c.granted, consent.c.version, consent.c.source, consent.c.created_at)
    .where(consent.c.customer_id == bindparam("customer_id"))
    .order_by(consent.c.id)
)


class Consents(ABC):
    """The part of `CustomerService` that keeps consents."""

    _work: Work
    _session: Any

    @abstractmethod
    def get(self, customer_id: int) -> Any:
        """The customer."""

    @abstractmethod
    def lock(self, customer_id: int) -> Any:
        """The customer's row, held until the transaction ends."""

    def give_consent(self, customer_id: int, purpose: str, *, version: str = "", source: str = "") -> Consent:
        """The customer agrees to a purpose ("newsletter"); `version` names the text, `source` where it was said.

        Raises NotFound, ValidationError.
        """
        return self._say(customer_id, purpose, granted=True, version=version, source=source)

    def withdraw_consent(self, customer_id: int, purpose: str, *, source: str = "") -> Consent:
        """The customer agrees no more, also when nothing was said before. Raises NotFound, ValidationError."""
        return self._say(customer_id, purpose, granted=False, version="", source=source)

    def consents(self, customer_id: int) -> dict[str, Consent]:
        """What counts now, by purpose. Raises NotFound."""
        return {each.purpose: each for each in self.consent_history(customer_id)}

    def has_consent(self, customer_id: int, purpose: str) -> bool:
        """Whether the customer agrees to a purpose now. Raises NotFound."""
        found = self.consents(customer_id).get(purpose) if isinstance(purpose, str) else None
        return found is not None and found.granted

    def consent_history(self, customer_id: int) -> tuple[Consent, ...]:
        """Everything that the customer said, oldest first. Raises NotFound."""
        of = self.get(customer_id).id
        return tuple(
            Consent(row.purpose, bool(row.granted), row.version, row.source, row.created_at)
            for row in self._session.execute(_SAID, {"customer_id": of})
        )

    def _say(self, customer_id: int, purpose: str, *, granted: bool, version: str, source: str) -> Consent:
        checks = Checks()
        purpose = check_code(checks, "purpose", purpose)
        version = checks.text("version", version, limit=40, required=False)
        source = checks.text("source", source, limit=120, required=False)
        checks.done()
        said = Consent(purpose, granted, version, source, self._work.clock.now())
        row = {
            "customer_id": self.lock(customer_id).id,
            "purpose": said.purpose,
            "granted": said.granted,
            "version": said.version,
            "source": said.source,
            "created_at": said.created_at,
        }
        self._session.execute(insert(consent), row)
        return said
