"""Joining a guest's cart with the account's when the guest signs in.

Invariant: a guest's cart is joined once, however often and from how many places it is asked for: both carts are locked,
in the order of their ids, and the guest's is closed as merged in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from mestres_core.cart.dto import CartNote
from mestres_core.cart.models import cart, line
from mestres_core.catalog.models import variant
from mestres_core.errors import ExtensionFailed, ValidationError
from mestres_core.events.work import Work
from mestres_core.inventory.models import buyable_by, level
from mestres_core.promotions.models import in_cart
from mestres_core.promotions.service import MOST_IN_CART
from mestres_core.rules.merging import POLICIES, Clipped, Limits, LineKey, clip
from mestres_core.typing import CartMergePolicy

_BOTH = (
    select(
        line.c.id,
        line.c.cart_id,
        line.c.variant_id,
        line.c.quantity,
        line.c.attributes,
        line.c.attributes_key,
        variant.c.sku,
        buyable_by(bindparam("into"), bindparam("now")).label("available"),
    )
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id).join(level, level.c.variant_id == line.c.variant_id)
    )
    .where(line.c.cart_id.in_((bindparam("guest"), bindparam("into"))))
    .order_by(line.c.id)
)
_SET = update(line).where(line.c.id == bindparam("of")).values(quantity=bindparam("to"))
_DROP = delete(line).where(line.c.id == bindparam("of"))
_COUPONS = (
    select(in_cart.c.cart_id, in_cart.c.code)
    .where(in_cart.c.cart_id.in_((bindparam("guest"), bindparam("into"))))
    .order_by(in_cart.c.id)
)
_DROP_COUPONS = delete(in_cart).where(in_cart.c.cart_id == bindparam("of"))
_CLOSE = (
    update(cart)
    .where(cart.c.id == bindparam("of"))
    .values(status="merged", version=cart.c.version + 1, merged_into=bindparam("to"), updated_at=bindparam("now"))
)


def check_pair(guest: Any, into: Any) -> None:
    """Raises ValidationError when these two rows of carts may not be joined, whatever the policy."""
    if guest.channel != into.channel:
        raise ValidationError.of("into", "invalid", reason="the carts are of different channels")
    if guest.owner is not None and guest.owner != into.owner:
        raise ValidationError.of("cart_id", "invalid", reason="the cart belongs to another account")


def join(
    work: Work,
    guest: Any,
    into: Any,
    *,
    policy: str,
    own: CartMergePolicy | None,
    most_of_one: int,
    most_lines: int,
) -> tuple[CartNote, ...]:
    """Bring the guest's lines and coupons over and close its cart; both rows are locked by the caller.

    `own` is the host's policy of the name `policy`, if it is not one of the shop's. Raises ExtensionFailed.
    """
    now = work.clock.now()
    rows = work.session.execute(_BOTH, {"guest": guest.id, "into": into.id, "now": now}).all()
    theirs = {LineKey(row.variant_id, row.attributes_key, row.sku): row for row in rows if row.cart_id == guest.id}
    ours = {LineKey(row.variant_id, row.attributes_key, row.sku): row for row in rows if row.cart_id == into.id}
    notes: tuple[CartNote, ...]
    if guest.currency != into.currency:
        notes = tuple(CartNote(row.sku, row.quantity, 0, "currency", row.attributes) for row in theirs.values())
    else:
        limits = Limits(available={row.variant_id: row.available for row in rows}, of_one=most_of_one, lines=most_lines)
        existing = {key: row.quantity for key, row in ours.items()}
        offered = {key: row.quantity for key, row in theirs.items()}
        wanted = POLICIES[policy](existing, offered) if own is None else _asked(own, policy, existing, offered)
        result, clipped = clip(wanted, existing, limits)
        _write(work, into.id, ours, theirs, result)
        notes = _notes({**theirs, **ours}, clipped)
        if policy != "use_existing" and (policy != "guest_if_existing_empty" or not ours):
            notes += _join_coupons(work, guest.id, into.id, replace=policy == "use_guest")
    work.session.connection().execute(_CLOSE, {"of": guest.id, "to": into.id, "now": now})
    return notes


def _asked(
    policy: CartMergePolicy, name: str, existing: dict[LineKey, int], guest: dict[LineKey, int]
) -> dict[LineKey, int]:
    answer = policy.merge(existing=existing, guest=guest)
    if not isinstance(answer, Mapping):
        raise ExtensionFailed(f"merge policy {name!r}", f"a mapping from lines to pieces is expected, not {answer!r}")
    for key, pieces in answer.items():
        if key not in existing and key not in guest:
            raise ExtensionFailed(f"merge policy {name!r}", f"neither cart has a line {key!r}")
        if type(pieces) is not int or pieces < 0:
            raise ExtensionFailed(f"merge policy {name!r}", f"{key!r} must hold pieces, 0 or more, not {pieces!r}")
    order = [*existing, *(key for key in guest if key not in existing)]
    return {key: answer[key] for key in order if answer.get(key)}


def _write(work: Work, into: str, ours: Any, theirs: Any, result: Any) -> None:
    connection = work.session.connection()
    changed = [
        {"of": row.id, "to": result[key]} for key, row in ours.items() if result.get(key, row.quantity) != row.quantity
    ]
    dropped = [{"of": row.id} for key, row in ours.items() if key not in result]
    new = [
        {
            "cart_id": into,
            "variant_id": row.variant_id,
            "quantity": result[key],
            "attributes": row.attributes,
            "attributes_key": row.attributes_key,
        }
        for key, row in theirs.items()
        if key in result and key not in ours
    ]
    for statement, rows in ((_DROP, dropped), (_SET, changed), (insert(line), new)):
        if rows:
            connection.execute(statement, rows)


def _notes(rows: Any, clipped: dict[LineKey, Clipped]) -> tuple[CartNote, ...]:
    return tuple(
        CartNote(rows[key].sku, less.wanted, less.quantity, less.reason, rows[key].attributes)
        for key, less in clipped.items()
    )


def _join_coupons(work: Work, guest: str, into: str, *, replace: bool) -> tuple[CartNote, ...]:
    """The guest's coupons join the account's, or replace them, as far as a cart may hold them."""
    found = work.session.execute(_COUPONS, {"guest": guest, "into": into}).all()
    theirs = [row.code for row in found if row.cart_id == guest]
    ours = [] if replace else [row.code for row in found if row.cart_id == into]
    if replace and len(found) > len(theirs):
        work.session.execute(_DROP_COUPONS, {"of": into})
    new = [code for code in theirs if code not in ours]
    room = max(MOST_IN_CART - len(ours), 0)
    if new[:room]:
        work.session.execute(insert(in_cart), [{"cart_id": into, "code": code} for code in new[:room]])
    return tuple(CartNote(code, 1, 0, "coupons") for code in new[room:])
