"""What a customer keeps with the shop: addresses, wish lists and reviews, for the holder of that customer's token."""

from __future__ import annotations

from typing import Any

from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.problems import Refusal
from mestres_core.contrib.http.schemas import (
    LARGEST,
    AddressChange,
    NewAddress,
    NewReview,
    NewWish,
    NewWishlist,
    is_storable,
)
from mestres_core.errors import NotFound


def addresses(call: Call) -> Reply:
    """The customer's address book, the default for shipping first."""
    return _book(call, customer_id(call))


def add_address(call: Call) -> Reply:
    """One address more; the first one is the default for everything."""
    body: NewAddress = call.body
    made = call.shop.customers.add_address(customer_id(call), **body.model_dump())
    return Document.of({"address": render.address(made)}).reply(201)


def change_address(call: Call) -> Reply:
    """What is given of an address changes."""
    body: AddressChange = call.body
    who = customer_id(call)
    given: dict[str, Any] = body.model_dump(exclude_none=True)
    changed = call.shop.customers.update_address(who, number_of(call, "address_id", "address"), **given)
    return Document.of({"address": render.address(changed)}).reply()


def remove_address(call: Call) -> Reply:
    """The address goes; what is left of the book."""
    who = customer_id(call)
    call.shop.customers.remove_address(who, number_of(call, "address_id", "address"))
    return _book(call, who)


def wishlists(call: Call) -> Reply:
    """The customer's wish lists, the oldest first, with today's prices."""
    found = call.shop.wishlists.of_customer(customer_id(call))
    return Document.of({"wishlists": [render.wishlist(each) for each in found]}).reply()


def create_wishlist(call: Call) -> Reply:
    """The list of this name, made when there is none yet."""
    body: NewWishlist = call.body
    made = call.shop.wishlists.create(customer_id(call), name=body.name)
    return Document.of({"wishlist": render.wishlist(made)}).reply(201)


def add_wish(call: Call) -> Reply:
    """A variant onto the list; what is on it already stays as it is."""
    body: NewWish = call.body
    who = customer_id(call)
    changed = call.shop.wishlists.add(number_of(call, "wishlist_id", "wish list"), customer_id=who, sku=body.sku)
    return Document.of({"wishlist": render.wishlist(changed)}).reply()


def remove_wish(call: Call) -> Reply:
    """A variant off the list."""
    who, sku = customer_id(call), call.params["sku"]
    of = number_of(call, "wishlist_id", "wish list")
    changed = call.shop.wishlists.remove(of, customer_id=who, sku=sku)
    return Document.of({"wishlist": render.wishlist(changed)}).reply()


def share_wishlist(call: Call) -> Reply:
    """The list with a `share_token` that opens it to whoever has it; asked again it is the same one."""
    who, of = customer_id(call), number_of(call, "wishlist_id", "wish list")

    def share(services: Any) -> Any:
        services.wishlists.share(of, customer_id=who)
        return services.wishlists.get(of, customer_id=who)

    return Document.of({"wishlist": render.wishlist(call.shop.run(share))}).reply()


def shared_wishlist(call: Call) -> Reply:
    """A list that was shared, for whoever has its token."""
    return Document.of({"wishlist": render.wishlist(call.shop.wishlists.of_token(call.params["token"]))}).reply()


def write_review(call: Call) -> Reply:
    """The customer's review of a product; unless the shop shows it at once it is `pending`."""
    body: NewReview = call.body
    made = call.shop.reviews.submit(customer_id(call), **body.model_dump())
    return Document.of({"review": render.review(made) | {"status": made.status}}).reply(201)


def customer_id(call: Call) -> int:
    """The customer of the path, for the holder of that customer's token and for the administrator.

    Everybody else is refused in the same way whether there is such a customer or not, so that ids cannot be probed.
    """
    token, text = call.bearer(), call.params["user_id"]
    number = _number(text)
    if call.is_admin(token):
        if not number:
            raise NotFound("customer", text)
    elif not call.shop.customers.opens(number, token):
        raise Refusal(403)
    return number


def number_of(call: Call, name: str, kind: str) -> int:
    """A row number from the path. What is none names nothing."""
    text = call.params[name]
    number = _number(text)
    if not number:
        raise NotFound(kind, text if is_storable(text) else "")
    return number


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST)) else 0


def _book(call: Call, who: int) -> Reply:
    found = call.shop.customers.addresses(who)
    return Document.of({"addresses": [render.address(each) for each in found]}).reply()
