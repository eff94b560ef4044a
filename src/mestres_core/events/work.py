"""What every service needs: the session it works in, the time, names for new things, the outbox, and the rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from mestres_core.db.rulebook import Rulebook
from mestres_core.events.outbox import Outbox
from mestres_core.typing import Clock, Ids


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work, in a transaction that somebody else ends."""

    session: Session
    clock: Clock
    ids: Ids
    outbox: Outbox
    rulebook: Rulebook
    # The product of each variant that was read along with something else: it never changes.
    products: dict[int, int] = field(default_factory=dict)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.session.get_bind().dialect.name
