"""What every service needs: the session it works in, the time, names for new things, and the outbox."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from mestres_core.events.outbox import Outbox
from mestres_core.typing import Clock, Ids


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work, in a transaction that somebody else ends."""

    session: Session
    clock: Clock
    ids: Ids
    outbox: Outbox

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.session.get_bind().dialect.name
