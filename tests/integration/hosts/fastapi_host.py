"""A FastAPI app with users, products and orders of its own, and a shop inside."""

from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from core_shop import ADDRESS, CUSTOMER
from integration.hosts.models import Order, User
from mestres_core import Services
from mestres_core.contrib.fastapi import FastAPIShop
from mestres_core.contrib.http import Api

PAYMENT = {"method": "card", "token": "tok_ok"}


class CartAnswer(BaseModel):
    """A component of the host's that has the name of one of the shop's."""

    number: str


def create_app(shop):
    """The app; one session for each request, the shop's and its own."""
    app = FastAPI()
    embedded = FastAPIShop(shop)
    in_shop = Annotated[Services, embedded.services]
    in_session = Annotated[Session, embedded.session]

    @app.post("/users/{name}/orders/{sku}/{ending}")
    def order(name: str, sku: str, ending: str, services: in_shop, session: in_session) -> CartAnswer:
        user = session.scalars(select(User).where(User.name == name)).one()
        cart = services.carts.create(owner=f"user:{user.id}")
        services.carts.add(cart.id, sku=sku, quantity=2)
        quote = services.checkout.quote(cart.id, address=ADDRESS)
        begun = services.checkout.begin(
            cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=PAYMENT
        )
        session.add(Order(user=user, shop_order=begun.order.number))
        session.flush()
        if ending == "fails":
            raise ZeroDivisionError
        if ending == "aborts":
            raise HTTPException(400)
        return CartAnswer(number=begun.order.number)

    embedded.init_app(app, api=Api(shop))
    return app
