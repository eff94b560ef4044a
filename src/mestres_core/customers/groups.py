"""Groups of customers: what prices and promotions may depend on.

A customer is in one group or in none. A cart that is made for an account has the account's group unless it is told
another one; carts that are there already keep theirs until they are assigned again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, select, update

from mestres_core.customers.dto import CustomerGroup
from mestres_core.customers.inputs import check_code
from mestres_core.customers.models import customer, group
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable

_ALL = select(group.c.code, group.c.name).order_by(group.c.code)
_KNOWN = select(group.c.code).where(group.c.code == bindparam("code"))
_OF_OWNER = select(customer.c.customer_group).where(customer.c.reference == bindparam("reference"))


class Groups:
    """The part of `CustomerService` that keeps groups."""

    _work: Work
    _session: Any

    def save_group(self, code: str, *, name: str = "") -> CustomerGroup:
        """Make a group, or give it another name (default: its code).

        `code` has at most 40 small letters, digits, dots and dashes. Raises ValidationError.
        """
        checks = Checks()
        code = check_code(checks, "code", code)
        name = checks.text("name", name, limit=120, required=False) or code
        checks.done()
        row = {"code": code, "name": name, "created_at": self._work.clock.now()}
        query = upsert(self._work.dialect, group).values(row)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_={"name": name}))
        return CustomerGroup(code, name)

    def groups(self) -> tuple[CustomerGroup, ...]:
        """Every group, by its code."""
        return tuple(CustomerGroup(*row) for row in self._session.execute(_ALL))

    def delete_group(self, code: str) -> int:
        """Delete a group; its customers are in none then, and how many they were is returned. Raises NotFound."""
        known = isinstance(code, str) and storable(code)
        if not known or not self._session.execute(delete(group).where(group.c.code == code)).rowcount:
            raise NotFound("customer group", code)
        left = update(customer).where(customer.c.customer_group == code).values(customer_group=None)
        return int(self._session.execute(left).rowcount)

    def group_of(self, reference: str) -> str | None:
        """The group of an account, None for an unknown one."""
        if not isinstance(reference, str) or not storable(reference):
            return None
        found: str | None = self._session.execute(_OF_OWNER, {"reference": reference}).scalar()
        return found

    def _check_group(self, checks: Checks, code: Any) -> str | None:
        """The code of a group that there is; None for the empty text."""
        if code == "":
            return None
        known = isinstance(code, str) and storable(code)
        if not known or self._session.execute(_KNOWN, {"code": code}).first() is None:
            checks.wrong("group", "unknown", choices=", ".join(each.code for each in self.groups()) or "no group yet")
            return None
        return str(code)
